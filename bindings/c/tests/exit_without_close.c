/* A program that exits while clients are open, callbacks and nodes run, and messages are in flight. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <pthread.h>

#include "amop.h"

static amop_client *client;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t raised = PTHREAD_COND_INITIALIZER;
static int calls;

static void ignore(void *context, const amop_completion *completion)
{
    (void)context;
    (void)completion;
}

/* Generates load: each message causes the next. */
static void pass_on(void *context, const amop_message *message)
{
    (void)context;
    (void)message;
    amop_completion_callback done = {ignore, NULL, NULL};
    amop_client_publish_async(client, "again", "and again", 9, NULL, 0, done, NULL, NULL);
    pthread_mutex_lock(&lock);
    calls++;
    pthread_cond_signal(&raised);
    pthread_mutex_unlock(&lock);
}

static int failed(const char *what, const amop_error *error)
{
    fprintf(stderr, "%s: %s\n", what, amop_error_message(error));
    return EXIT_FAILURE;
}

int main(void)
{
    amop_error *error = NULL;
    amop_devnet *devnet = NULL;
    amop_subscription *subscription = NULL;
    if (amop_devnet_start(NULL, &devnet, &error) != AMOP_OK) {
        return failed("devnet", error);
    }
    amop_options *options = amop_options_new();
    amop_options_add_endpoint(options, amop_devnet_endpoint(devnet, 0));
    amop_options_set_credentials(options, amop_devnet_credentials(devnet));
    amop_options_set_connect_timeout(options, 60000);
    if (amop_client_connect(options, &client, &error) != AMOP_OK) {
        return failed("connect", error);
    }
    amop_message_callback callback = {pass_on, NULL, NULL};
    if (amop_client_subscribe_callback(client, "again", NULL, callback, &subscription, &error) != AMOP_OK) {
        return failed("subscribe", error);
    }
    amop_completion_callback done = {ignore, NULL, NULL};
    for (int n = 0; n < 8; n++) {
        amop_client_publish_async(client, "again", "", 0, NULL, 0, done, NULL, NULL);
    }
    pthread_mutex_lock(&lock);
    while (calls < 20) {
        pthread_cond_wait(&raised, &lock);
    }
    pthread_mutex_unlock(&lock);
    /* Exit while the callbacks run. */
    return EXIT_SUCCESS;
}
