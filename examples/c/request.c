/* Asks a service for the price of an item: request 127.0.0.1:20200 price apple */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amop.h"

/* Prints a failure, and frees it. */
static void explain(amop_error *error)
{
    if (amop_error_code(error) == AMOP_ERROR_REMOTE) {
        /* What the service has answered instead of a reply: a code and data of its own. */
        amop_bytes data = amop_error_data(error);
        fprintf(stderr, "the service failed with code %d: ", (int)amop_error_node_code(error));
        fwrite(data.data, 1, data.len, stderr);
        fprintf(stderr, "\n");
    } else if (amop_error_delivery(error) == AMOP_DELIVERY_MAYBE) {
        fprintf(stderr, "it may have been delivered: %s\n", amop_error_message(error));
    } else {
        fprintf(stderr, "%s\n", amop_error_message(error));
    }
    amop_error_free(error);
}

int main(int argc, char **argv)
{
    const char *endpoint = argc > 1 ? argv[1] : "127.0.0.1:20200";
    const char *topic = argc > 2 ? argv[2] : "price";
    const char *item = argc > 3 ? argv[3] : "apple";
    amop_client *client = NULL;
    amop_reply *reply = NULL;
    amop_error *error = NULL;

    amop_options *options = amop_options_new();
    amop_options_add_endpoint(options, endpoint);
    amop_status status = amop_client_connect(options, &client, &error);
    amop_options_free(options);
    if (status == AMOP_OK) {
        /* Waits for a service that is started later, for a minute in all. */
        amop_publish_options *publish_options = amop_publish_options_new();
        amop_publish_options_set_wait_for_subscriber(publish_options, true);
        status =
            amop_client_publish(client, topic, item, strlen(item), publish_options, 60000, &reply, &error);
        amop_publish_options_free(publish_options);
    }
    if (status == AMOP_OK) {
        amop_bytes data = amop_reply_data(reply);
        fwrite(data.data, 1, data.len, stdout);
        printf("\n");
    } else {
        explain(error);
    }
    amop_reply_free(reply);
    amop_client_free(client);
    return status == AMOP_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
