/* Forks: using a handle of the parent in the child is an error and never hangs. The child may free it, and create its own. */
#define _DEFAULT_SOURCE

#include "fixture.h"

#include <sys/wait.h>
#include <unistd.h>

/* Ends a child by executing an empty program, so that no exit handlers of the parent run. */
static void leave(int well)
{
    execl(well ? "/bin/true" : "/bin/false", "child", (char *)NULL);
    _exit(127);
}

/* Runs `check` in a child and returns whether it returned 1; false also if the child hangs. */
static int in_child(int (*check)(void *), void *pointer)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(GUARD / 1000);
        leave(check(pointer));
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* In a child: prints what failed. */
#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: in the child: %s\n", __FILE__, __LINE__, #condition);                    \
            return 0;                                                                                        \
        }                                                                                                    \
    } while (0)
#define FORKED(call) CHECK((call) == AMOP_ERROR_FORKED)

/* Uses the library from start to end: nodes, a client and a message. */
static int use_the_library(void *unused)
{
    (void)unused;
    amop_devnet *nodes = NULL;
    amop_client *client = NULL;
    amop_subscription *subscription = NULL;
    amop_message *message = NULL;
    CHECK(amop_devnet_start(NULL, &nodes, NULL) == AMOP_OK);
    amop_options *options = amop_options_new();
    CHECK(amop_options_add_endpoint(options, amop_devnet_endpoint(nodes, 0)) == AMOP_OK);
    CHECK(amop_options_set_credentials(options, amop_devnet_credentials(nodes)) == AMOP_OK);
    CHECK(amop_options_set_connect_timeout(options, GUARD) == AMOP_OK);
    CHECK(amop_client_connect(options, &client, NULL) == AMOP_OK);
    CHECK(amop_client_subscribe(client, "t", NULL, &subscription, NULL) == AMOP_OK);
    CHECK(amop_client_publish(client, "t", "hi", 2, NULL, GUARD, NULL, NULL) == AMOP_OK);
    CHECK(amop_subscription_next(subscription, GUARD, &message, NULL) == AMOP_OK);
    CHECK(is_text(amop_message_data(message), "hi"));
    amop_message_free(message);
    amop_subscription_free(subscription);
    CHECK(amop_client_close(client, GUARD, NULL) == AMOP_OK);
    amop_client_free(client);
    amop_options_free(options);
    CHECK(amop_devnet_stop(nodes, NULL) == AMOP_OK);
    amop_devnet_free(nodes);
    return 1;
}

static void child_can_use_the_library_if_the_parent_has_not(void **state)
{
    (void)state;
    /* No node runs yet. */
    assert_int_equal(library_threads(), 0);
    assert_true(in_child(use_the_library, NULL));
}

/* Every handle that a parent can have. */
typedef struct handles {
    amop_client *client;
    amop_subscription *read, *called;
    amop_service *requests, *served;
    amop_events *events;
    amop_completion_queue *queue;
    amop_call *call;
    amop_request *request;
    amop_message *message;
    amop_reply *reply;
    context subscribed, serving, done, heard;
} handles;

static void ignore_event(void *pointer, const amop_event *event)
{
    (void)pointer;
    (void)event;
}

static void make(handles *all)
{
    memset(all, 0, sizeof *all);
    context_init(&all->subscribed);
    context_init(&all->serving);
    context_init(&all->done);
    context_init(&all->heard);
    all->client = client_at(0);
    OK(amop_client_subscribe(all->client, "read", NULL, &all->read, &error));
    OK(amop_client_subscribe_callback(all->client, "called", NULL, counting(&all->subscribed), &all->called,
                                      &error));
    OK(amop_client_serve_requests(all->client, "requests", NULL, &all->requests, &error));
    OK(amop_client_serve(all->client, "served", NULL, echoing(&all->serving), &all->served, &error));
    OK(amop_client_events(all->client, &all->events, &error));
    OK(amop_client_on_event(all->client, (amop_event_callback){ignore_event, &all->heard, drop_context},
                            &error));
    all->queue = amop_completion_queue_new(0);
    OK(amop_client_publish_async(all->client, "requests", "x", 1, NULL, 0, completing(&all->done), &all->call,
                                 &error));
    OK(amop_service_next(all->requests, GUARD, &all->request, &error));
    publish(all->client, "read", "1");
    publish(all->client, "read", "2");
    OK(amop_subscription_next(all->read, GUARD, &all->message, &error));
    OK(amop_client_publish(all->client, "served", "hi", 2, NULL, 0, &all->reply, &error));
}

static int everything_says_forked(void *pointer)
{
    handles *all = pointer;
    amop_error *error = NULL;
    amop_stats *stats = NULL;
    amop_events *events = NULL;
    amop_subscription *subscription = NULL;
    amop_service *service = NULL;
    amop_message *message = untouched();
    amop_request *request = NULL;
    amop_completion *completion = NULL;
    amop_event *event = NULL;
    size_t number = 0;
    int32_t fd = 0;
    FORKED(amop_client_publish(all->client, "t", "", 0, NULL, 0, NULL, &error));
    CHECK(strstr(amop_error_message(error), "fork") != NULL);
    amop_error_free(error);
    FORKED(amop_client_broadcast(all->client, "t", "", 0, NULL, 0, NULL));
    FORKED(amop_client_publish_queued(all->client, "t", "", 0, NULL, 0, all->queue, NULL, NULL, NULL));
    FORKED(amop_client_broadcast_queued(all->client, "t", "", 0, NULL, 0, all->queue, NULL, NULL, NULL));
    context context;
    context_init(&context);
    FORKED(amop_client_publish_async(all->client, "t", "", 0, NULL, 0, completing(&context), NULL, NULL));
    FORKED(amop_client_broadcast_async(all->client, "t", "", 0, NULL, 0, completing(&context), NULL, NULL));
    FORKED(amop_client_subscribe_callback(all->client, "t", NULL, counting(&context), NULL, NULL));
    FORKED(amop_client_serve(all->client, "t", NULL, echoing(&context), NULL, NULL));
    FORKED(
        amop_client_on_event(all->client, (amop_event_callback){ignore_event, &context, drop_context}, NULL));
    CHECK(counted(context.drops) == 5 && counted(context.calls) == 0);
    FORKED(amop_client_subscribe(all->client, "t", NULL, &subscription, NULL));
    FORKED(amop_client_serve_requests(all->client, "t", NULL, &service, NULL));
    FORKED(amop_client_events(all->client, &events, NULL));
    FORKED(amop_client_stats(all->client, &stats, NULL));
    FORKED(amop_client_add_endpoint(all->client, "127.0.0.1:1", NULL));
    FORKED(amop_client_remove_endpoint(all->client, "127.0.0.1:1", NULL));
    FORKED(amop_client_close(all->client, 0, NULL));
    FORKED(amop_subscription_next(all->read, GUARD, &message, NULL));
    CHECK(message == NULL);
    FORKED(amop_subscription_next_many(all->read, GUARD, &message, 1, &number, NULL));
    FORKED(amop_subscription_fd(all->read, &fd, NULL));
    FORKED(amop_subscription_stats(all->read, &stats, NULL));
    FORKED(amop_subscription_stats(all->called, &stats, NULL));
    FORKED(amop_subscription_unsubscribe(all->read, 0, NULL));
    FORKED(amop_subscription_unsubscribe(all->called, 0, NULL));
    FORKED(amop_service_next(all->requests, GUARD, &request, NULL));
    FORKED(amop_service_next_many(all->requests, GUARD, &request, 1, &number, NULL));
    FORKED(amop_service_fd(all->requests, &fd, NULL));
    FORKED(amop_service_stats(all->requests, &stats, NULL));
    FORKED(amop_service_unsubscribe(all->requests, 0, NULL));
    FORKED(amop_service_unsubscribe(all->served, 0, NULL));
    FORKED(amop_request_reply(all->request, "", 0, NULL));
    FORKED(amop_request_fail(all->request, -1, "", 0, NULL));
    FORKED(amop_events_next(all->events, GUARD, &event, NULL));
    FORKED(amop_events_fd(all->events, &fd, NULL));
    FORKED(amop_completion_queue_next(all->queue, GUARD, &completion, NULL));
    FORKED(amop_completion_queue_next_many(all->queue, GUARD, &completion, 1, &number, NULL));
    FORKED(amop_completion_queue_fd(all->queue, &fd, NULL));
    FORKED(amop_call_cancel(all->call, NULL));
    FORKED(amop_devnet_kill_node(devnet, 0, NULL));
    FORKED(amop_devnet_restart_node(devnet, 0, NULL));
    FORKED(amop_devnet_stop(devnet, NULL));
    return 1;
}

/* Handles without a connection can be read, and all handles can be freed. */
static int what_is_there_can_be_read_and_freed(void *pointer)
{
    handles *all = pointer;
    CHECK(is_text(amop_message_data(all->message), "1"));
    CHECK(strcmp(amop_subscription_topic(all->read), "read") == 0);
    CHECK(is_text(amop_reply_data(all->reply), "hi"));
    amop_message *clone = amop_message_clone(all->message);
    amop_message_free(all->message);
    amop_message_free(clone);
    amop_reply_free(all->reply);
    amop_request_free(all->request);
    amop_call_free(all->call);
    amop_completion_queue_free(all->queue);
    amop_events_free(all->events);
    amop_service_free(all->requests);
    amop_service_free(all->served);
    amop_subscription_free(all->read);
    amop_subscription_free(all->called);
    amop_client_free(all->client);
    amop_devnet_free(devnet);
    /* No callback was called. */
    CHECK(counted(all->subscribed.drops) + counted(all->serving.drops) + counted(all->heard.drops) == 0);
    return 1;
}

static int both(void *pointer)
{
    return everything_says_forked(pointer) && what_is_there_can_be_read_and_freed(pointer)
           && use_the_library(NULL);
}

static void child_can_free_inherited_handles_and_create_its_own(void **state)
{
    (void)state;
    handles all;
    make(&all);
    assert_true(in_child(both, &all));
    /* The parent is not affected. */
    expect_message(all.read, "2");
    OK(amop_request_reply(all.request, "answered", 8, &error));
    wait_for(all.done.calls, 1);
    assert_string_equal(all.done.last, "answered");
    publish(all.client, "called", "x");
    wait_for(all.subscribed.calls, 1);
    amop_message_free(all.message);
    amop_reply_free(all.reply);
    amop_request_free(all.request);
    amop_call_free(all.call);
    amop_completion_queue_free(all.queue);
    amop_events_free(all.events);
    amop_service_free(all.requests);
    amop_service_free(all.served);
    amop_subscription_free(all.read);
    amop_subscription_free(all.called);
    end(all.client);
    context_end(&all.subscribed);
    context_end(&all.serving);
    context_end(&all.done);
    context_end(&all.heard);
}

static void ignore_record(void *pointer, int32_t level, const char *target, const char *message)
{
    (void)level;
    (void)target;
    (void)message;
    count(((context *)pointer)->calls);
}

static int log_says_forked(void *unused)
{
    (void)unused;
    context context;
    context_init(&context);
    FORKED(amop_set_log_callback(AMOP_LOG_INFO, (amop_log_callback){ignore_record, &context, drop_context},
                                 NULL));
    CHECK(counted(context.drops) == 1);
    /* The child is not logged and does not hang. */
    return use_the_library(NULL);
}

static void running_log_stays_with_the_parent(void **state)
{
    (void)state;
    context context;
    context_init(&context);
    OK(amop_set_log_callback(AMOP_LOG_INFO, (amop_log_callback){ignore_record, &context, drop_context},
                             &error));
    assert_true(in_child(log_says_forked, NULL));
    end(client_at(0));
    wait_for(context.calls, 1);
    OK(amop_set_log_callback(AMOP_LOG_OFF, (amop_log_callback){NULL, NULL, NULL}, &error));
    wait_for(context.drops, 1);
    context_end(&context);
}

static void devnet_starts(void **state)
{
    assert_int_equal(start_devnet(state), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(child_can_use_the_library_if_the_parent_has_not),
        cmocka_unit_test(devnet_starts),
        cmocka_unit_test(child_can_free_inherited_handles_and_create_its_own),
        cmocka_unit_test(running_log_stays_with_the_parent),
    };
    return cmocka_run_group_tests(tests, NULL, stop_devnet);
}
