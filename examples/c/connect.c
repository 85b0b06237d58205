/* Connects to a node: connect 127.0.0.1:20200 */
#include <stdio.h>

#include "amop.h"

int main(int argc, char **argv)
{
    const char *endpoint = argc > 1 ? argv[1] : "127.0.0.1:20200";
    amop_client *client = NULL;
    amop_error *error = NULL;

    amop_options *options = amop_options_new();
    amop_options_add_endpoint(options, endpoint);
    amop_status status = amop_client_connect(options, &client, &error);
    amop_options_free(options);
    if (status == AMOP_OK) {
        printf("connected to %s\n", endpoint);
        /* Use the client here. */
        status = amop_client_close(client, 0, &error);
    }
    if (status != AMOP_OK) {
        fprintf(stderr, "%s\n", amop_error_message(error));
    }
    amop_error_free(error);
    amop_client_free(client);
    return status == AMOP_OK ? 0 : 1;
}
