/* Prints the messages of a topic: subscriber 127.0.0.1:20201 hello */
#include <stdio.h>
#include <stdlib.h>

#include "amop.h"
#include "program.h"

/* How long to wait for a message before checking for a signal, in milliseconds. */
static const uint64_t CHECK_INTERVAL = 200;

static int failed(amop_error *error)
{
    fprintf(stderr, "%s\n", amop_error_message(error));
    amop_error_free(error);
    return EXIT_FAILURE;
}

/* Prints `count` messages, or until Ctrl-C or SIGTERM. */
static amop_status print_messages(const amop_subscription *subscription, uint64_t count, amop_error **error)
{
    uint64_t seen = 0;
    while (seen < count && !interrupted()) {
        amop_message *message = NULL;
        amop_status status = amop_subscription_next(subscription, CHECK_INTERVAL, &message, error);
        if (status == AMOP_ERROR_TIMEOUT) {
            amop_error_free(*error);
            *error = NULL;
            continue;
        }
        if (status != AMOP_OK) {
            return status;
        }
        amop_bytes data = amop_message_data(message);
        printf("%s received: ", local_time());
        fwrite(data.data, 1, data.len, stdout);
        printf("\n");
        fflush(stdout);
        amop_message_free(message);
        seen++;
    }
    return AMOP_OK;
}

int main(int argc, char **argv)
{
    struct arguments arguments = read_arguments(argc, argv, "127.0.0.1:20201", false);
    catch_interrupts();
    amop_client *client = NULL;
    amop_subscription *subscription = NULL;
    amop_error *error = NULL;

    amop_options *options = amop_options_new();
    amop_options_add_endpoint(options, arguments.endpoint);
    amop_status status = amop_client_connect(options, &client, &error);
    amop_options_free(options);
    if (status == AMOP_OK) {
        status = amop_client_subscribe(client, arguments.topic, NULL, &subscription, &error);
    }
    if (status == AMOP_OK) {
        printf("Subscriber success\n");
        fflush(stdout);
        status = print_messages(subscription, arguments.count, &error);
    }
    amop_subscription_free(subscription);
    if (status == AMOP_OK) {
        status = amop_client_close(client, 0, &error);
    }
    amop_client_free(client);
    return status == AMOP_OK ? EXIT_SUCCESS : failed(error);
}
