#include <amop.h>
#include <stdio.h>

int main(void)
{
    amop_error *error = NULL;
    if (amop_check_version(AMOP_ABI, AMOP_VERSION_NUMBER, &error) != AMOP_OK) {
        fprintf(stderr, "%s\n", amop_error_message(error));
        return 1;
    }
    printf("amop %s\n", amop_version());
    return 0;
}
