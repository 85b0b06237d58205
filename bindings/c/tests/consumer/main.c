/* A program outside of this tree, built and run with the installed files only. */
#include <amop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed(const char *what, const amop_error *error)
{
    fprintf(stderr, "%s: %s\n", what, amop_error_message(error));
    return EXIT_FAILURE;
}

int main(void)
{
    amop_error *error = NULL;
    if (amop_check_version(AMOP_ABI, AMOP_VERSION_NUMBER, &error) != AMOP_OK) {
        return failed("version", error);
    }
    amop_devnet *devnet = NULL;
    if (amop_devnet_start(NULL, &devnet, &error) != AMOP_OK) {
        return failed("devnet", error);
    }
    amop_options *options = amop_options_new();
    amop_options_add_endpoint(options, amop_devnet_endpoint(devnet, 0));
    amop_options_set_credentials(options, amop_devnet_credentials(devnet));
    amop_client *client = NULL;
    amop_subscription *subscription = NULL;
    amop_message *message = NULL;
    if (amop_client_connect(options, &client, &error) != AMOP_OK
        || amop_client_subscribe(client, "greetings", NULL, &subscription, &error) != AMOP_OK
        || amop_client_publish(client, "greetings", "hello", 5, NULL, 0, NULL, &error) != AMOP_OK
        || amop_subscription_next(subscription, 60000, &message, &error) != AMOP_OK) {
        return failed("message", error);
    }
    amop_bytes data = amop_message_data(message);
    printf("%.*s from amop %s\n", (int)data.len, (const char *)data.data, amop_version());
    amop_message_free(message);
    amop_subscription_free(subscription);
    if (amop_client_close(client, 0, &error) != AMOP_OK || amop_devnet_stop(devnet, &error) != AMOP_OK) {
        return failed("end", error);
    }
    amop_client_free(client);
    amop_options_free(options);
    amop_devnet_free(devnet);
    return EXIT_SUCCESS;
}
