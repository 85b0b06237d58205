/* A build without embedded nodes: every symbol exists, and starting a devnet is an error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amop.h"

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                          \
            return EXIT_FAILURE;                                                                             \
        }                                                                                                    \
    } while (0)

int main(void)
{
    amop_devnet_options *options = amop_devnet_options_new();
    CHECK(amop_devnet_options_set_nodes(options, 1) == AMOP_OK);
    CHECK(amop_devnet_options_set_port(options, 20200) == AMOP_OK);
    CHECK(amop_devnet_options_set_folder(options, ".") == AMOP_OK);
    CHECK(amop_devnet_options_set_like_2_11(options, true) == AMOP_OK);
    CHECK(amop_devnet_options_set_like_3_16(options, true) == AMOP_OK);
    amop_devnet *devnet = (amop_devnet *)options;
    amop_error *error = NULL;
    CHECK(amop_devnet_start(options, &devnet, &error) == AMOP_ERROR_UNSUPPORTED);
    CHECK(devnet == NULL);
    CHECK(amop_error_code(error) == AMOP_ERROR_UNSUPPORTED);
    CHECK(strstr(amop_error_message(error), "devnet") != NULL);
    amop_error_free(error);
    CHECK(amop_devnet_start(NULL, &devnet, NULL) == AMOP_ERROR_UNSUPPORTED);
    amop_devnet_options_free(options);

    /* Arguments are still checked. */
    CHECK(amop_devnet_start(NULL, NULL, NULL) == AMOP_ERROR_INVALID_ARGUMENT);
    CHECK(amop_devnet_kill_node(NULL, 0, NULL) == AMOP_ERROR_INVALID_ARGUMENT);
    CHECK(amop_devnet_restart_node(NULL, 0, NULL) == AMOP_ERROR_INVALID_ARGUMENT);
    char *answer = NULL;
    CHECK(amop_devnet_control(NULL, "sessions", &answer, NULL) == AMOP_ERROR_INVALID_ARGUMENT);
    amop_devnet_answer_free(answer);
    CHECK(amop_devnet_stop(NULL, NULL) == AMOP_ERROR_INVALID_ARGUMENT);
    CHECK(amop_devnet_node_count(NULL) == 0);
    CHECK(amop_devnet_endpoint(NULL, 0) == NULL);
    CHECK(amop_devnet_credentials(NULL) == NULL);
    amop_devnet_free(NULL);

    /* The client works: it reports that nothing listens on this port. */
    amop_client *client = NULL;
    amop_options *connecting = amop_options_new();
    CHECK(amop_options_add_endpoint(connecting, "nonsense") == AMOP_OK);
    CHECK(amop_client_connect(connecting, &client, NULL) != AMOP_OK);
    amop_options_free(connecting);
    printf("amop %s reports that it has no embedded nodes\n", amop_version());
    return EXIT_SUCCESS;
}
