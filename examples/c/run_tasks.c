/* Runs one of the programs of the documentation, for the tests: run_tasks NAME ENDPOINT [SECOND THIRD] */
#define _POSIX_C_SOURCE 200809L

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amop.h"
#include "tasks.h"

static amop_status connect_to(const char *endpoint, amop_client **client, amop_error **error)
{
    amop_options *options = amop_options_new();
    amop_options_add_endpoint(options, endpoint);
    /* The tests don't depend on the speed of the machine. */
    amop_options_set_call_timeout(options, 60000);
    amop_status status = amop_client_connect(options, client, error);
    amop_options_free(options);
    return status;
}

static amop_status print_endpoints(const amop_client *client, const char *before, amop_error **error)
{
    amop_stats *stats = NULL;
    amop_status status = amop_client_stats(client, &stats, error);
    for (size_t i = 0; i < amop_stats_endpoint_count(stats); i++) {
        printf("%s%s\n", before, amop_stats_endpoint(stats, i));
    }
    amop_stats_free(stats);
    return status;
}

/* Reads a file of less than 4 KiB into `text`, which ends with a NUL. */
static void read_file(const char *name, char text[4096])
{
    FILE *file = fopen(name, "r");
    if (file == NULL) {
        perror(name);
        exit(EXIT_FAILURE);
    }
    text[fread(text, 1, 4095, file)] = '\0';
    fclose(file);
}

static amop_status run_private(const amop_client *publisher, const char *endpoint, amop_error **error)
{
    char private_key[4096], public_key[4096];
    amop_client *subscriber = NULL;
    amop_subscription *messages = NULL;
    amop_message *message = NULL;
    read_file("orders.pem", private_key);
    read_file("orders.pem.pub", public_key);
    amop_status status = connect_to(endpoint, &subscriber, error);
    if (status == AMOP_OK) {
        status = use_keys(publisher, public_key, subscriber, private_key, &messages, error);
    }
    if (status == AMOP_OK) {
        status = amop_subscription_next(messages, 60000, &message, error);
    }
    if (status == AMOP_OK) {
        printf("done\n");
    }
    amop_message_free(message);
    amop_subscription_free(messages);
    amop_client_free(subscriber);
    return status;
}

static amop_status run_with(const amop_client *client, const char *name, char **others, amop_error **error)
{
    if (strcmp(name, "subscribe") == 0) {
        return subscribe(client, error);
    } else if (strcmp(name, "serve") == 0 || strcmp(name, "log") == 0) {
        amop_service *service = NULL;
        amop_status status = serve(client, &service, error);
        if (status == AMOP_OK) {
            printf("serving\n");
            pause();
        }
        amop_service_free(service);
        return status;
    } else if (strcmp(name, "publish") == 0) {
        publish(client);
        return AMOP_OK;
    } else if (strcmp(name, "broadcast") == 0) {
        return broadcast(client, error);
    } else if (strcmp(name, "events") == 0) {
        printf("connected\n");
        return print_events(client, error);
    } else if (strcmp(name, "flow") == 0) {
        amop_subscription *prices = NULL;
        amop_status status = limit(client, &prices, error);
        amop_subscription_free(prices);
        return status;
    } else if (strcmp(name, "private") == 0) {
        return run_private(client, others[0], error);
    }
    return observe(client, error);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        return EXIT_FAILURE;
    }
    const char *name = argv[1], *endpoint = argv[2];
    char **others = argv + 3;
    amop_client *client = NULL;
    amop_error *error = NULL;
    amop_status status;
    /* The tests read line by line. */
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    /* Programs that connect themselves, or not at all. */
    if (strcmp(name, "nodes") == 0) {
        status = nodes(endpoint, others[0], others[1], &client, &error);
        if (status == AMOP_OK) {
            status = print_endpoints(client, "", &error);
        }
    } else if (strcmp(name, "credentials") == 0 || strcmp(name, "configuration") == 0) {
        status = name[1] == 'r' ? credentials(endpoint, &client, &error) : configuration(&client, &error);
        if (status == AMOP_OK) {
            status = print_endpoints(client, "connected to ", &error);
        }
    } else if (strcmp(name, "testing") == 0) {
        status = testing(&error);
    } else {
        status = strcmp(name, "log") == 0 ? log_to_stderr(&error) : AMOP_OK;
        if (status == AMOP_OK) {
            status = connect_to(endpoint, &client, &error);
        }
        if (status == AMOP_OK) {
            status = run_with(client, name, others, &error);
        }
    }
    amop_client_free(client);
    if (status != AMOP_OK) {
        fprintf(stderr, "%s\n", amop_error_message(error));
        amop_error_free(error);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
