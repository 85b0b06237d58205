/* Publishes to one subscriber of a topic repeatedly: unicast_publisher 127.0.0.1:20200 hello */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amop.h"
#include "program.h"

static int failed(amop_error *error)
{
    fprintf(stderr, "%s\n", amop_error_message(error));
    amop_error_free(error);
    return EXIT_FAILURE;
}

/* Publishes one message. Prints a temporary failure and returns. */
static amop_status publish(const amop_client *client, const char *topic, uint64_t number, amop_error **error)
{
    char message[96];
    snprintf(message, sizeof message, "hello, FISCO BCOS, I am unique broadcast publisher! %" PRIu64, number);
    amop_status status = amop_client_publish(client, topic, message, strlen(message), NULL, 0, NULL, error);
    if (status == AMOP_OK) {
        printf("%s publish message: %s\n", local_time(), message);
        fflush(stdout);
    } else if (amop_error_is_retriable(*error)) {
        /* For example, there is no subscriber yet: the next message may find one. */
        fprintf(stderr, "%s message %" PRIu64 " failed: %s\n", local_time(), number,
                amop_error_message(*error));
        amop_error_free(*error);
        *error = NULL;
        status = AMOP_OK;
    }
    return status;
}

int main(int argc, char **argv)
{
    struct arguments arguments = read_arguments(argc, argv, "127.0.0.1:20200", true);
    catch_interrupts();
    amop_client *client = NULL;
    amop_error *error = NULL;

    amop_options *options = amop_options_new();
    amop_options_add_endpoint(options, arguments.endpoint);
    amop_status status = amop_client_connect(options, &client, &error);
    amop_options_free(options);
    for (uint64_t number = 0; status == AMOP_OK && number < arguments.count && !interrupted(); number++) {
        if (number > 0) {
            wait_for_interrupt(arguments.interval);
        }
        if (!interrupted()) {
            status = publish(client, arguments.topic, number, &error);
        }
    }
    if (status == AMOP_OK) {
        status = amop_client_close(client, 0, &error);
    }
    amop_client_free(client);
    return status == AMOP_OK ? EXIT_SUCCESS : failed(error);
}
