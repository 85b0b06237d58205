/* A program that links libamop.a and another static library of Rust. */
#include <amop.h>
#include <stdio.h>
#include <stdlib.h>

int other_answer(void);

int main(void)
{
    amop_error *error = NULL;
    amop_options *options = amop_options_new();
    amop_client *client = NULL;
    /* Nothing listens on this port. */
    amop_options_add_endpoint(options, "127.0.0.1:1");
    amop_options_set_credentials(options, "/nonexistent");
    amop_status status = amop_client_connect(options, &client, &error);
    amop_options_free(options);
    amop_error_free(error);
    printf("%d of the other library, %s\n", other_answer(), amop_status_name(status));
    return EXIT_SUCCESS;
}
