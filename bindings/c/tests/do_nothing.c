/* A program that loads the library and does not use it. */
int main(void)
{
    return 0;
}
