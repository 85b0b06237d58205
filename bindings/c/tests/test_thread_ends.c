/* Threads that end by pthread_cancel or pthread_exit while they are in the library or in a callback. */
#define _DEFAULT_SOURCE

#include "fixture.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* A thread that is to be cancelled. */
typedef struct victim {
    counter *ready;
    counter *cancelled;
    const char *topic;
    int calls;
    int passed;
} victim;

static void ignore_event(void *pointer, const amop_event *event)
{
    (void)pointer;
    (void)event;
}

#define STEP(condition) (victim->calls++, victim->passed += (condition))

/* Calls functions of all kinds that wait, read files or wake threads of the library. Cancellation points of the system
 * in any of them would end this thread. */
static void make_calls(victim *victim)
{
    int former = 0;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &former);
    count(victim->ready);
    reached(victim->cancelled, 1);
    amop_options *options = options_at(0);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &former);

    amop_client *client = NULL;
    amop_subscription *subscription = NULL;
    amop_message *message = NULL;
    amop_events *events = NULL;
    amop_completion *completion = NULL;
    amop_service *service = NULL;
    amop_request *request = NULL;
    amop_listener *listener = NULL;
    amop_event *event = NULL;
    size_t taken = 0;
    char served[64];
    snprintf(served, sizeof served, "%s/served", victim->topic);
    STEP(amop_client_connect(options, &client, NULL) == AMOP_OK);
    amop_options_free(options);
    STEP(amop_client_events(client, &events, NULL) == AMOP_OK);
    STEP(amop_client_subscribe(client, victim->topic, NULL, &subscription, NULL) == AMOP_OK);
    STEP(amop_subscription_next(subscription, 1, &message, NULL) == AMOP_ERROR_TIMEOUT);
    STEP(amop_client_publish(client, victim->topic, "hi", 2, NULL, GUARD, NULL, NULL) == AMOP_OK);
    STEP(amop_subscription_next(subscription, GUARD, &message, NULL) == AMOP_OK);
    STEP(is_text(amop_message_data(message), "hi"));
    amop_message_free(message);
    amop_completion_queue *queue = amop_completion_queue_new(0);
    STEP(amop_client_publish_queued(client, victim->topic, "hi", 2, NULL, 0, queue, NULL, NULL, NULL)
         == AMOP_OK);
    STEP(amop_completion_queue_next(queue, GUARD, &completion, NULL) == AMOP_OK);
    amop_completion_free(completion);
    amop_completion_queue_free(queue);
    STEP(amop_client_broadcast(client, victim->topic, "hi", 2, NULL, GUARD, NULL) == AMOP_OK);
    STEP(amop_subscription_next_many(subscription, GUARD, &message, 1, &taken, NULL) == AMOP_OK);
    amop_message_free(message);
    STEP(amop_events_next(events, 1, &event, NULL) == AMOP_ERROR_TIMEOUT || event != NULL);
    amop_event_free(event);
    STEP(amop_client_serve(client, served, NULL, &service, NULL) == AMOP_OK);
    STEP(amop_service_next(service, 1, &request, NULL) == AMOP_ERROR_TIMEOUT);
    STEP(amop_service_next_many(service, 1, &request, 1, &taken, NULL) == AMOP_ERROR_TIMEOUT);
    STEP(amop_service_unsubscribe(service, 0, NULL) == AMOP_OK);
    amop_service_free(service);
    STEP(amop_client_reload_credentials(client, NULL) == AMOP_OK);
    STEP(amop_client_on_event(client, (amop_event_callback){ignore_event, NULL, NULL}, &listener, NULL)
         == AMOP_OK);
    STEP(amop_listener_remove(listener, GUARD, NULL) == AMOP_OK);
    amop_listener_free(listener);
    STEP(amop_subscription_unsubscribe(subscription, 0, NULL) == AMOP_OK);
    amop_subscription_free(subscription);
    STEP(amop_client_close(client, GUARD, NULL) == AMOP_OK);
    amop_events_free(events);
    amop_client_free(client);
}

/* Ends by the cancellation in a function without variables, whose stack AddressSanitizer need not guard. */
static void *call_while_cancelled(void *victim)
{
    make_calls(victim);
    pthread_testcancel();
    return NULL;
}

static void cancelled_thread_completes_its_calls_first(void **state)
{
    (void)state;
    victim victim = {counter_new(), counter_new(), fresh_topic(), 0, 0};
    pthread_t thread;
    void *returned = NULL;
    assert_int_equal(pthread_create(&thread, NULL, call_while_cancelled, &victim), 0);
    wait_for(victim.ready, 1);
    assert_int_equal(pthread_cancel(thread), 0);
    count(victim.cancelled);
    assert_int_equal(pthread_join(thread, &returned), 0);
    assert_ptr_equal(returned, PTHREAD_CANCELED);
    assert_true(victim.calls > 18);
    assert_int_equal(victim.passed, victim.calls);
    counter_free(victim.ready);
    counter_free(victim.cancelled);
}

static void cancel_own_thread(void *pointer, const amop_message *message)
{
    pthread_cancel(pthread_self());
    pthread_testcancel();
    called(pointer, amop_message_data(message));
}

static void callback_can_not_be_cancelled(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    context context;
    context_init(&context);
    const char *topic = fresh_topic();
    amop_message_callback callback = {cancel_own_thread, &context, drop_context};
    subscribe(client, topic, callback, &context);
    for (int n = 1; n <= 20; n++) {
        publish(client, topic, "x");
        wait_for(context.calls, n);
    }
    amop_subscription_free(context.subscription);
    end(client);
    context_end(&context);
}

static void exit_thread(void *pointer, const amop_message *message)
{
    (void)pointer;
    (void)message;
    pthread_exit(NULL);
}

/* Runs in a child process, which the library is expected to end. Its standard error is a pipe. */
static void exit_thread_in_callback(const char *topic)
{
    alarm(GUARD / 1000);
    amop_client *client = NULL;
    amop_options *options = options_at(0);
    if (amop_client_connect(options, &client, NULL) != AMOP_OK) {
        _exit(1);
    }
    amop_message_callback callback = {exit_thread, NULL, NULL};
    if (amop_client_subscribe_callback(client, topic, NULL, callback, NULL, NULL) != AMOP_OK) {
        _exit(2);
    }
    amop_client_publish(client, topic, "x", 1, NULL, 0, NULL, NULL);
    pause();
    _exit(3);
}

static void callback_that_exits_its_thread_ends_the_process(void **state)
{
    (void)state;
    const char *topic = fresh_topic();
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        exit_thread_in_callback(topic);
    }
    close(ends[1]);
    char text[1024] = "";
    size_t length = 0;
    ssize_t got = 0;
    while (length < sizeof text - 1 && (got = read(ends[0], text + length, sizeof text - 1 - length)) > 0) {
        length += (size_t)got;
    }
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_non_null(strstr(text, "amop: a callback ended its thread (pthread_exit)"));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancelled_thread_completes_its_calls_first),
        cmocka_unit_test(callback_can_not_be_cancelled),
        cmocka_unit_test(callback_that_exits_its_thread_ends_the_process),
    };
    return cmocka_run_group_tests_name("thread ends", tests, start_devnet, stop_devnet);
}
