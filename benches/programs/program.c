/* The C program of the comparison of languages: calls through a completion queue, and a callback for messages. See
 * benches/src/languages.rs for what it reads and writes. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amop.h"

enum { IN_FLIGHT = 256, SIZE = 64, BATCH = 64 };

static atomic_long left;

static void check(amop_status status, amop_error* error) {
    if (status != AMOP_OK) {
        fprintf(stderr, "%s\n", amop_error_message(error));
        exit(EXIT_FAILURE);
    }
}

static void answer(const char* line) {
    puts(line);
    fflush(stdout);
}

static void count(void* context, const amop_message* message) {
    (void)context;
    (void)message;
    if (atomic_fetch_sub(&left, 1) == 1) {
        answer("done");
    }
}

static void start(const amop_client* client, const amop_completion_queue* queue) {
    static const char data[SIZE];
    amop_error* error = NULL;
    check(amop_client_publish_queued(client, "bench/unicast", data, sizeof data, NULL, 0, queue, NULL, NULL,
                                     &error),
          error);
}

static void publish(const amop_client* client, const amop_completion_queue* queue, long messages) {
    amop_completion* completions[BATCH];
    amop_error* error = NULL;
    long unsent = messages;
    for (int n = 0; n < IN_FLIGHT && unsent > 0; n++, unsent--) {
        start(client, queue);
    }
    while (messages > 0) {
        size_t taken = 0;
        check(amop_completion_queue_next_many(queue, 60000, completions, BATCH, &taken, &error), error);
        messages -= (long)taken;
        for (size_t n = 0; n < taken; n++) {
            check(amop_completion_status(completions[n]), NULL);
            amop_completion_free(completions[n]);
            if (unsent > 0) {
                start(client, queue);
                unsent--;
            }
        }
    }
    answer("done");
}

int main(int argc, char** argv) {
    if (argc != 4) {
        return EXIT_FAILURE;
    }
    amop_error* error = NULL;
    amop_client* client = NULL;
    amop_options* options = amop_options_new();
    amop_options_add_endpoint(options, argv[1]);
    amop_options_set_credentials(options, argv[2]);
    check(amop_client_connect(options, &client, &error), error);
    amop_options_free(options);
    amop_message_callback callback = {.call = count};
    check(amop_client_subscribe_callback(client, argv[3], NULL, callback, NULL, &error), error);
    amop_completion_queue* queue = amop_completion_queue_new(0);
    answer("ready");

    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        const long messages = strtol(strchr(line, ' '), NULL, 10);
        if (line[0] == 'p') {
            publish(client, queue, messages);
        } else {
            atomic_store(&left, messages);
            answer("started");
        }
    }
    amop_completion_queue_free(queue);
    amop_client_free(client);
    return EXIT_SUCCESS;
}
