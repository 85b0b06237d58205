/* Forks: using an inherited handle in the child is an error and never hangs. The child can free the handles, and make
 * its own. */
#define _DEFAULT_SOURCE

#include "fixture.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Ends a child at once by running an empty program in its place, so that nothing runs that the parent has registered
 * for an exit. */
static void leave(int well)
{
    execl(well ? "/bin/true" : "/bin/false", "child", (char *)NULL);
    _exit(127);
}

/* Begins to run `check` in a child. */
static pid_t begin_child(int (*check)(void *), void *pointer)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(GUARD / 1000);
        leave(check(pointer));
    }
    return child;
}

/* Waits for a child's end: whether `check` returned 1. False also if it hung. */
static int ends_well(pid_t child)
{
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int in_child(int (*check)(void *), void *pointer)
{
    return ends_well(begin_child(check, pointer));
}

/* Reports a failed condition in a child. */
#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: in the child: %s\n", __FILE__, __LINE__, #condition);                    \
            return 0;                                                                                        \
        }                                                                                                    \
    } while (0)
#define FORKED(call) CHECK((call) == AMOP_ERROR_FORKED)

/* Starts nodes and a client, sends a message, and ends both. */
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

static void child_of_a_parent_without_clients_can_use_the_library(void **state)
{
    (void)state;
    /* No node runs yet. */
    assert_int_equal(library_threads(), 0);
    assert_true(in_child(use_the_library, NULL));
}

static int inherited_queue_is_refused(void *queue)
{
    FORKED(amop_completion_queue_next(queue, 0, &(amop_completion *){NULL}, NULL));
    return 1;
}

/* No handler of pthread_atfork runs for this fork. */
static void fork_by_a_raw_system_call_is_noticed(void **state)
{
    (void)state;
    amop_completion_queue *queue = amop_completion_queue_new(0);
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    assert_true(child >= 0);
    if (child == 0) {
        alarm(GUARD / 1000);
        leave(inherited_queue_is_refused(queue));
    }
    assert_true(ends_well(child));
    EXPECT(AMOP_ERROR_TIMEOUT, amop_completion_queue_next(queue, 0, &(amop_completion *){NULL}, &error));
    amop_completion_queue_free(queue);
}

static int getpid_calls;

/* Takes the place of the C library's function, also for the library. */
pid_t getpid(void)
{
    __atomic_fetch_add(&getpid_calls, 1, __ATOMIC_SEQ_CST);
    return (pid_t)syscall(SYS_getpid);
}

static void calls_take_no_system_call_to_notice_forks(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(client, "no system call", NULL, &subscription, &error));
    int before = 0;
    for (int n = 0; n < 101; n++) {
        amop_message *message = NULL;
        OK(amop_client_publish(client, "no system call", "x", 1, NULL, GUARD, NULL, &error));
        OK(amop_subscription_next(subscription, GUARD, &message, &error));
        amop_message_free(message);
        if (n == 0) {
            before = __atomic_load_n(&getpid_calls, __ATOMIC_SEQ_CST);
        }
    }
    assert_int_equal(__atomic_load_n(&getpid_calls, __ATOMIC_SEQ_CST), before);
    amop_subscription_free(subscription);
    end(client);
}

/* One handle of each kind. */
typedef struct handles {
    amop_client *client;
    amop_subscription *read, *called;
    amop_service *requests, *served;
    amop_events *events;
    amop_listener *listener;
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
    OK(amop_client_serve(all->client, "requests", NULL, &all->requests, &error));
    OK(amop_client_serve_callback(all->client, "served", NULL, echoing(&all->serving), &all->served, &error));
    OK(amop_client_events(all->client, &all->events, &error));
    OK(amop_client_on_event(all->client, (amop_event_callback){ignore_event, &all->heard, drop_context},
                            &all->listener, &error));
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
    FORKED(amop_client_serve_callback(all->client, "t", NULL, echoing(&context), NULL, NULL));
    FORKED(amop_client_on_event(all->client, (amop_event_callback){ignore_event, &context, drop_context},
                                NULL, NULL));
    FORKED(
        amop_client_subscribe_async(all->client, "t", NULL, completing(&context), &subscription, NULL, NULL));
    FORKED(amop_client_serve_async(all->client, "t", NULL, completing(&context), &service, NULL, NULL));
    FORKED(amop_client_close_async(all->client, 0, completing(&context), NULL));
    FORKED(amop_subscription_unsubscribe_async(all->read, 0, completing(&context), NULL));
    FORKED(amop_subscription_unsubscribe_async(all->called, 0, completing(&context), NULL));
    FORKED(amop_service_unsubscribe_async(all->served, 0, completing(&context), NULL));
    FORKED(amop_client_close_queued(all->client, 0, all->queue, NULL, NULL));
    FORKED(amop_listener_remove(all->listener, 0, NULL));
    CHECK(counted(context.drops) == 11 && counted(context.calls) == 0);
    FORKED(amop_client_subscribe(all->client, "t", NULL, &subscription, NULL));
    FORKED(amop_client_serve(all->client, "t", NULL, &service, NULL));
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

/* Handles without a connection can be read, and all can be freed. */
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
    amop_listener_free(all->listener);
    amop_service_free(all->requests);
    amop_service_free(all->served);
    amop_subscription_free(all->read);
    amop_subscription_free(all->called);
    amop_client_free(all->client);
    amop_devnet_free(devnet);
    /* No callback was dropped. */
    CHECK(counted(all->subscribed.drops) + counted(all->serving.drops) + counted(all->heard.drops) == 0);
    return 1;
}

static int both(void *pointer)
{
    return everything_says_forked(pointer) && what_is_there_can_be_read_and_freed(pointer)
           && use_the_library(NULL);
}

static void child_can_free_inherited_handles_and_make_its_own(void **state)
{
    (void)state;
    handles all;
    make(&all);
    assert_true(in_child(both, &all));
    /* The parent's handles still work. */
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
    amop_listener_free(all.listener);
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
    /* The child logs nothing, and does not hang. */
    return use_the_library(NULL);
}

static void running_log_belongs_to_the_parent(void **state)
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

enum { CHILDREN = 4, CALLS = 40 };

/* The number of the child that runs. */
static int child_number;

/* Sends messages to the parent's echo service; each reply must be that of the message. */
static int replies_are_its_own(void *prepared)
{
    amop_client *client = NULL;
    CHECK(amop_client_connect(prepared, &client, NULL) == AMOP_OK);
    for (int call = 0; call < CALLS; call++) {
        char text[32];
        snprintf(text, sizeof text, "%d/%d", child_number, call);
        amop_reply *reply = NULL;
        CHECK(amop_client_publish(client, "echo", text, strlen(text), NULL, GUARD, &reply, NULL) == AMOP_OK);
        CHECK(is_text(amop_reply_data(reply), text));
        amop_reply_free(reply);
    }
    CHECK(amop_client_close(client, GUARD, NULL) == AMOP_OK);
    amop_client_free(client);
    return 1;
}

static void children_of_one_parent_make_different_message_ids(void **state)
{
    (void)state;
    context served;
    context_init(&served);
    amop_client *client = client_at(0);
    amop_service *service = NULL;
    OK(amop_client_serve_callback(client, "echo", NULL, echoing(&served), &service, &error));
    amop_options *options = options_at(0);
    pid_t children[CHILDREN];
    for (child_number = 0; child_number < CHILDREN; child_number++) {
        children[child_number] = begin_child(replies_are_its_own, options);
    }
    for (int n = 0; n < CHILDREN; n++) {
        assert_true(ends_well(children[n]));
    }
    /* None was dropped as a duplicate of another child's. */
    assert_int_equal(counted(served.calls), CHILDREN * CALLS);
    amop_options_free(options);
    amop_service_free(service);
    end(client);
    context_end(&served);
}

static int refused_threads_are_an_error(void *unused)
{
    (void)unused;
    /* No address space holds a stack of this size. */
    CHECK(setenv("RUST_MIN_STACK", "70368744177664", 1) == 0);
    amop_error *error = NULL;
    amop_client *client = NULL;
    amop_devnet *nodes = NULL;
    amop_options *options = amop_options_new();
    CHECK(amop_options_add_endpoint(options, "localhost:20200") == AMOP_OK);
    CHECK(amop_client_connect(options, &client, &error) == AMOP_ERROR_RUNTIME);
    CHECK(strstr(amop_error_message(error), "RLIMIT_NPROC") != NULL);
    amop_error_free(error);
    CHECK(amop_devnet_start(NULL, &nodes, NULL) == AMOP_ERROR_RUNTIME);
    context context;
    context_init(&context);
    amop_log_callback callback = {ignore_record, &context, drop_context};
    CHECK(amop_set_log_callback(AMOP_LOG_INFO, callback, &error) == AMOP_ERROR_RUNTIME);
    amop_error_free(error);
    amop_options_free(options);
    return 1;
}

static void refused_threads_are_reported_as_runtime_errors(void **state)
{
    (void)state;
    /* No thread of the library runs yet: the size of stacks is read once. */
    assert_int_equal(library_threads(), 0);
    assert_true(in_child(refused_threads_are_an_error, NULL));
}

static void the_nodes_are_started(void **state)
{
    assert_int_equal(start_devnet(state), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_threads_are_reported_as_runtime_errors),
        cmocka_unit_test(fork_by_a_raw_system_call_is_noticed),
        cmocka_unit_test(child_of_a_parent_without_clients_can_use_the_library),
        cmocka_unit_test(the_nodes_are_started),
        cmocka_unit_test(calls_take_no_system_call_to_notice_forks),
        cmocka_unit_test(child_can_free_inherited_handles_and_make_its_own),
        cmocka_unit_test(children_of_one_parent_make_different_message_ids),
        cmocka_unit_test(running_log_belongs_to_the_parent),
    };
    return cmocka_run_group_tests(tests, NULL, stop_devnet);
}
