/* Answers requests for the price of an item: service 127.0.0.1:20201 price */
#define _POSIX_C_SOURCE 200809L

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amop.h"

/* The code with which a request for an unknown item fails. Programs choose their own. */
static const int32_t NO_PRICE = 1;

static const struct {
    const char *item;
    const char *price;
} PRICES[] = {{"apple", "1.20"}, {"pear", "0.95"}};

static int failed(amop_error *error)
{
    fprintf(stderr, "%s\n", amop_error_message(error));
    amop_error_free(error);
    return EXIT_FAILURE;
}

/* Answers a request, on a thread of the library. */
static void answer(void *context, const amop_request *request)
{
    (void)context;
    amop_bytes item = amop_message_data(amop_request_message(request));
    amop_error *error = NULL;
    const char *price = NULL;
    for (size_t i = 0; i < sizeof PRICES / sizeof PRICES[0]; i++) {
        if (item.len == strlen(PRICES[i].item) && memcmp(item.data, PRICES[i].item, item.len) == 0) {
            price = PRICES[i].price;
        }
    }
    if (price != NULL) {
        amop_request_reply(request, price, strlen(price), &error);
    } else {
        char text[64];
        /* Longer names are cut. */
        snprintf(text, sizeof text, "no price for %.*s", (int)(item.len < 48 ? item.len : 48),
                 item.len > 0 ? (const char *)item.data : "");
        amop_request_fail(request, NO_PRICE, text, strlen(text), &error);
    }
    if (error != NULL) {
        /* For example, the connection was lost meanwhile. */
        fprintf(stderr, "a request was not answered: %s\n", amop_error_message(error));
        amop_error_free(error);
    }
}

int main(int argc, char **argv)
{
    const char *endpoint = argc > 1 ? argv[1] : "127.0.0.1:20201";
    const char *topic = argc > 2 ? argv[2] : "price";
    amop_client *client = NULL;
    amop_service *service = NULL;
    amop_error *error = NULL;

    /* Blocked, so that sigwait receives them. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);

    amop_options *options = amop_options_new();
    amop_options_add_endpoint(options, endpoint);
    amop_status status = amop_client_connect(options, &client, &error);
    amop_options_free(options);
    if (status == AMOP_OK) {
        amop_serve_options *serve_options = amop_serve_options_new();
        amop_serve_options_set_concurrency(serve_options, 4);
        amop_request_callback callback = {answer, NULL, NULL};
        status = amop_client_serve_callback(client, topic, serve_options, callback, &service, &error);
        amop_serve_options_free(serve_options);
    }
    if (status == AMOP_OK) {
        int signal;
        printf("serving %s\n", topic);
        fflush(stdout);
        sigwait(&signals, &signal);
        /* A second one ends the program at once. */
        sigprocmask(SIG_UNBLOCK, &signals, NULL);
        /* Accepts no more requests, and waits for the answers to those that have arrived. */
        status = amop_service_unsubscribe(service, 0, &error);
    }
    amop_service_free(service);
    if (status == AMOP_OK) {
        status = amop_client_close(client, 0, &error);
    }
    amop_client_free(client);
    return status == AMOP_OK ? EXIT_SUCCESS : failed(error);
}
