/* Nodes that are killed and restarted; the settings, folder and end of embedded nodes. */
#include "fixture.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static amop_devnet *devnet_of(size_t nodes, uint16_t port, const char *folder)
{
    amop_devnet *made = NULL;
    amop_devnet_options *options = amop_devnet_options_new();
    OK(amop_devnet_options_set_nodes(options, nodes));
    OK(amop_devnet_options_set_port(options, port));
    if (folder != NULL) {
        OK(amop_devnet_options_set_folder(options, folder));
    }
    OK(amop_devnet_start(options, &made, &error));
    amop_devnet_options_free(options);
    return made;
}

/* The port of an endpoint. */
static uint16_t port_of(const char *endpoint)
{
    return (uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10);
}

static int is_file(const char *folder, const char *name)
{
    char path[PATH_SIZE];
    struct stat found;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &found) == 0 && S_ISREG(found.st_mode);
}

static void devnet_deletes_its_temporary_folder(void **state)
{
    (void)state;
    amop_devnet *made = devnet_of(3, 0, NULL);
    assert_int_equal(amop_devnet_node_count(made), 3);
    for (size_t node = 0; node < 3; node++) {
        assert_non_null(strstr(amop_devnet_endpoint(made, node), "127.0.0.1:"));
    }
    assert_null(amop_devnet_endpoint(made, 3));
    assert_null(amop_devnet_endpoint(made, SIZE_MAX));
    char folder[PATH_SIZE];
    snprintf(folder, sizeof folder, "%s", amop_devnet_credentials(made));
    assert_true(is_file(folder, "ca.crt") && is_file(folder, "sdk.crt") && is_file(folder, "sdk.key"));
    OK(amop_devnet_stop(made, &error));
    OK(amop_devnet_stop(made, &error));
    EXPECT(AMOP_ERROR_CLOSED, amop_devnet_kill_node(made, 0, &error));
    EXPECT(AMOP_ERROR_CLOSED, amop_devnet_restart_node(made, 0, &error));
    assert_int_equal(amop_devnet_node_count(made), 3);
    amop_devnet_free(made);
    assert_false(is_file(folder, "ca.crt"));
}

/* Runs a command on the shared devnet and returns its answer, which the caller frees. */
static char *control(const amop_devnet *nodes, const char *command)
{
    char *answer = NULL;
    OK(amop_devnet_control(nodes, command, &answer, &error));
    assert_non_null(answer);
    return answer;
}

static int answers(const amop_devnet *nodes, const char *command, const char *wanted)
{
    char *answer = control(nodes, command);
    const int same = strcmp(answer, wanted) == 0;
    amop_devnet_answer_free(answer);
    return same;
}

static void devnet_is_controlled_by_commands(void **state)
{
    (void)state;
    amop_devnet *made = devnet_of(2, 0, NULL);
    amop_options *options = amop_options_new();
    OK(amop_options_add_endpoint(options, amop_devnet_endpoint(made, 0)));
    OK(amop_options_set_credentials(options, amop_devnet_credentials(made)));
    amop_client *client = NULL;
    amop_subscription *subscription = NULL;
    OK(amop_client_connect(options, &client, &error));
    OK(amop_client_subscribe(client, "t", NULL, &subscription, &error));

    char *answer = control(made, "sessions");
    assert_non_null(strstr(answer, "\"topics\":[\"t\"]"));
    amop_devnet_answer_free(answer);
    answer = control(made, "fault lose type=0x30 times=1 topic=t");
    assert_string_equal(answer, "{\"fault\":1}");
    amop_devnet_answer_free(answer);
    /* The node loses the unicast, so nothing but the test ends the call. */
    context done;
    context_init(&done);
    amop_call *call = NULL;
    OK(amop_client_publish_async(client, "t", "x", 1, NULL, GUARD, completing(&done), &call, &error));
    UNTIL(answers(made, "hits 1", "{\"hits\":1}"));
    OK(amop_call_cancel(call, &error));
    amop_call_free(call);
    wait_for(done.drops, 1);
    assert_int_equal(done.status, AMOP_ERROR_CANCELLED);
    context_end(&done);
    /* An answer that is not wanted is discarded. */
    OK(amop_devnet_control(made, "clear-faults", NULL, &error));
    OK(amop_client_publish(client, "t", "x", 1, NULL, GUARD, NULL, &error));

    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "explode",
                amop_devnet_control(made, "explode", &answer, &error));
    assert_null(answer);
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_devnet_control(made, "kill 2", &answer, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_devnet_control(made, NULL, &answer, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_devnet_control(NULL, "sessions", &answer, &error));
    amop_devnet_answer_free(NULL);
    amop_subscription_free(subscription);
    end(client);
    amop_options_free(options);
    OK(amop_devnet_stop(made, &error));
    EXPECT(AMOP_ERROR_CLOSED, amop_devnet_control(made, "sessions", NULL, &error));
    amop_devnet_free(made);
}

static void given_folder_is_kept_and_reused(void **state)
{
    (void)state;
    char *folder = new_folder();
    char chain[PATH_SIZE], credentials[PATH_SIZE], ca[PATH_SIZE + 16], before[4096], after[4096];
    snprintf(chain, sizeof chain, "%s/chain", folder);
    amop_devnet *made = devnet_of(1, 0, chain);
    snprintf(credentials, sizeof credentials, "%s", amop_devnet_credentials(made));
    amop_devnet_free(made);
    snprintf(ca, sizeof ca, "%s/ca.crt", credentials);
    for (int round = 0; round < 2; round++) {
        FILE *file = fopen(ca, "r");
        assert_non_null(file);
        char *content = round == 0 ? before : after;
        content[fread(content, 1, sizeof before - 1, file)] = '\0';
        fclose(file);
        made = devnet_of(1, 0, chain);
        assert_string_equal(amop_devnet_credentials(made), credentials);
        OK(amop_devnet_stop(made, &error));
        amop_devnet_free(made);
    }
    assert_string_equal(before, after);
    /* A folder that is not a chain is refused and not changed. */
    FILE *file = fopen(ca, "w");
    assert_non_null(file);
    fputs("no certificate", file);
    fclose(file);
    amop_devnet_options *options = amop_devnet_options_new();
    OK(amop_devnet_options_set_folder(options, chain));
    made = untouched();
    EXPECT(AMOP_ERROR_CREDENTIALS_INVALID, amop_devnet_start(options, &made, &error));
    assert_null(made);
    amop_devnet_options_free(options);
    char command[PATH_SIZE + 16];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    assert_int_equal(system(command), 0);
    free(folder);
}

static void unavailable_ports_are_errors(void **state)
{
    (void)state;
    amop_devnet *made = untouched();
    amop_devnet_options *options = amop_devnet_options_new();
    const uint16_t taken = port_of(amop_devnet_endpoint(devnet, 0));
    OK(amop_devnet_options_set_port(options, taken));
    OK(amop_devnet_options_set_nodes(options, 1));
    EXPECT(AMOP_ERROR_LISTEN, amop_devnet_start(options, &made, &error));
    assert_null(made);
    OK(amop_devnet_options_set_port(options, 65535));
    OK(amop_devnet_options_set_nodes(options, 2));
    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "65535", amop_devnet_start(options, &made, &error));
    OK(amop_devnet_options_set_port(options, 0));
    OK(amop_devnet_options_set_nodes(options, 0));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_devnet_start(options, &made, &error));
    OK(amop_devnet_options_set_nodes(options, SIZE_MAX));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_devnet_start(options, &made, &error));
    amop_devnet_options_free(options);
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_devnet_kill_node(devnet, 2, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_devnet_restart_node(devnet, SIZE_MAX, &error));
    /* Restarting a running node does nothing. */
    OK(amop_devnet_restart_node(devnet, 0, &error));
}

static void call_in_flight_at_a_killed_node_is_lost(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    context done;
    context_init(&done);
    const char *topic = fresh_topic();
    amop_service *service = NULL;
    amop_events *events = NULL;
    OK(amop_client_events(client, &events, &error));
    OK(amop_client_serve(server, topic, NULL, &service, &error));
    OK(amop_client_publish_async(client, topic, "x", 1, NULL, 0, completing(&done), NULL, &error));
    amop_request *request = NULL;
    OK(amop_service_next(service, GUARD, &request, &error));
    OK(amop_devnet_kill_node(devnet, 0, &error));
    wait_for(done.calls, 1);
    assert_int_equal(done.status, AMOP_ERROR_CONNECTION_LOST);
    amop_event_free(next_event(events, AMOP_EVENT_LOST));
    amop_error *error = NULL;
    assert_int_equal(amop_client_publish(client, topic, "x", 1, NULL, 0, NULL, &error),
                     AMOP_ERROR_NOT_CONNECTED);
    assert_int_equal(amop_error_delivery(error), AMOP_DELIVERY_NO);
    assert_true(amop_error_is_retriable(error));
    amop_error_free(error);
    amop_request_free(request);
    OK(amop_devnet_restart_node(devnet, 0, &error));
    amop_event_free(next_event(events, AMOP_EVENT_RECONNECTED));
    amop_events_free(events);
    amop_service_free(service);
    end(client);
    end(server);
    context_end(&done);
}

static void second_node_replaces_a_killed_one(void **state)
{
    (void)state;
    amop_client *client = client_at_both();
    context service;
    context_init(&service);
    const char *topic = fresh_topic();
    amop_client *server = client_at_both();
    OK(amop_client_serve_callback(server, topic, NULL, echoing(&service), NULL, &error));
    amop_publish_options *options = amop_publish_options_new();
    OK(amop_publish_options_set_wait_for_subscriber(options, true));
    /* The client may send the message to the killed node before it notices the loss. */
    OK(amop_publish_options_set_retry(options, AMOP_RETRY_AT_LEAST_ONCE));
    for (size_t node = 0; node < 2; node++) {
        OK(amop_devnet_kill_node(devnet, node, &error));
        OK(amop_client_publish(client, topic, "x", 1, options, 0, NULL, &error));
        OK(amop_devnet_restart_node(devnet, node, &error));
        UNTIL(endpoint_stat_value(client, node, AMOP_STAT_CONNECTED) == 1);
        UNTIL(endpoint_stat_value(server, node, AMOP_STAT_CONNECTED) == 1);
    }
    amop_publish_options_free(options);
    end(client);
    end(server);
    context_end(&service);
}

static void broadcast_through_all_nodes_is_delivered_once(void **state)
{
    (void)state;
    amop_client *subscriber = client_at_both(), *client = client_at_both();
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(subscriber, topic, NULL, &subscription, &error));
    amop_publish_options *options = amop_publish_options_new();
    OK(amop_publish_options_set_all_nodes(options, true));
    OK(amop_publish_options_set_retry(options, AMOP_RETRY_NEVER));
    OK(amop_client_broadcast(client, topic, "once", 4, options, 0, &error));
    amop_publish_options_free(options);
    expect_message(subscription, "once");
    /* The duplicate was received and discarded. */
    UNTIL(client_stat_value(subscriber, AMOP_STAT_DUPLICATES) > 0);
    EXPECT(AMOP_ERROR_TIMEOUT, amop_subscription_next(subscription, 0, &(amop_message *){NULL}, &error));
    amop_subscription_free(subscription);
    end(client);
    end(subscriber);
}

static void echo_delivers_own_broadcasts(void **state)
{
    (void)state;
    for (int echo = 0; echo < 2; echo++) {
        amop_options *options = options_at(0);
        OK(amop_options_add_endpoint(options, amop_devnet_endpoint(devnet, 1)));
        OK(amop_options_set_echo(options, echo));
        amop_client *client = client_with(options);
        UNTIL(endpoint_stat_value(client, 0, AMOP_STAT_CONNECTED)
                  + endpoint_stat_value(client, 1, AMOP_STAT_CONNECTED)
              == 2);
        const char *topic = fresh_topic();
        amop_subscription *subscription = NULL;
        OK(amop_client_subscribe(client, topic, NULL, &subscription, &error));
        OK(amop_client_broadcast(client, topic, "echo", 4, NULL, 0, &error));
        if (echo) {
            expect_message(subscription, "echo");
        } else {
            UNTIL(client_stat_value(client, AMOP_STAT_OWN_BROADCASTS) > 0);
        }
        EXPECT(AMOP_ERROR_TIMEOUT, amop_subscription_next(subscription, 0, &(amop_message *){NULL}, &error));
        amop_subscription_free(subscription);
        end(client);
    }
}

/* Publishes until `stop` is set. Every call must succeed or fail with an expected error. */
enum { THREADS = 4 };
typedef struct load {
    amop_client *client;
    const char *topic;
    counter *stop;
    context done;
    int started, well, failed, wrong;
    pthread_t thread;
} load;

static void *keep_publishing(void *pointer)
{
    load *load = pointer;
    const amop_completion_callback callback = {completing(&load->done).call, &load->done, NULL};
    while (counted(load->stop) == 0) {
        amop_error *error = NULL;
        amop_status status =
            amop_client_publish(load->client, load->topic, "x", 1, NULL, GUARD, NULL, &error);
        load->well += status == AMOP_OK;
        load->failed += status != AMOP_OK;
        load->wrong += status != amop_error_code(error);
        amop_error_free(error);
        load->started +=
            amop_client_publish_async(load->client, load->topic, "y", 1, NULL, GUARD, callback, NULL, NULL)
            == AMOP_OK;
    }
    return NULL;
}

static void calls_complete_once_while_nodes_restart(void **state)
{
    (void)state;
    amop_client *server = client_at_both();
    context service;
    context_init(&service);
    const char *topic = fresh_topic();
    OK(amop_client_serve_callback(server, topic, NULL, echoing(&service), NULL, &error));
    counter *stop = counter_new();
    load loads[THREADS];
    memset(loads, 0, sizeof loads);
    for (int n = 0; n < THREADS; n++) {
        loads[n].client = client_at_both();
        loads[n].topic = topic;
        loads[n].stop = stop;
        context_init(&loads[n].done);
        assert_int_equal(pthread_create(&loads[n].thread, NULL, keep_publishing, &loads[n]), 0);
    }
    for (size_t round = 0; round < 6; round++) {
        size_t node = round % 2;
        int heard = counted(service.calls);
        /* Calls succeed, a node is killed, and calls succeed again. */
        wait_for(service.calls, heard + 100);
        OK(amop_devnet_kill_node(devnet, node, &error));
        wait_for(service.calls, counted(service.calls) + 20);
        OK(amop_devnet_restart_node(devnet, node, &error));
        for (int n = 0; n < THREADS; n++) {
            UNTIL(endpoint_stat_value(loads[n].client, node, AMOP_STAT_CONNECTED) == 1);
        }
        UNTIL(endpoint_stat_value(server, node, AMOP_STAT_CONNECTED) == 1);
    }
    count(stop);
    for (int n = 0; n < THREADS; n++) {
        assert_int_equal(pthread_join(loads[n].thread, NULL), 0);
        end(loads[n].client);
        assert_true(loads[n].well > 0);
        assert_int_equal(loads[n].wrong, 0);
        assert_int_equal(counted(loads[n].done.calls), loads[n].started);
        count(loads[n].done.drops);
        context_end(&loads[n].done);
    }
    end(server);
    counter_free(stop);
    context_end(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devnet_deletes_its_temporary_folder),
        cmocka_unit_test(devnet_is_controlled_by_commands),
        cmocka_unit_test(given_folder_is_kept_and_reused),
        cmocka_unit_test(unavailable_ports_are_errors),
        cmocka_unit_test(call_in_flight_at_a_killed_node_is_lost),
        cmocka_unit_test(second_node_replaces_a_killed_one),
        cmocka_unit_test(broadcast_through_all_nodes_is_delivered_once),
        cmocka_unit_test(echo_delivers_own_broadcasts),
        cmocka_unit_test(calls_complete_once_while_nodes_restart),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
