/* A program that loads the library and doesn't use it. */
int main(void)
{
    return 0;
}
