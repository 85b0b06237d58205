/* The log: levels, records, and the drop of a callback's context. */
#include "fixture.h"

#include <pthread.h>

/* A callback that counts records by level and searches a text in them. */
typedef struct listener {
    context context;
    int levels[AMOP_LOG_TRACE + 1];
    const char *wanted;
    counter *found;
    int strange;
} listener;

static void listen_to(void *pointer, int32_t level, const char *target, const char *message)
{
    listener *listener = pointer;
    listener->context.late += counted(listener->context.drops);
    if (level < AMOP_LOG_ERROR || level > AMOP_LOG_TRACE || strncmp(target, "amop", 4) != 0) {
        listener->strange++;
    } else {
        listener->levels[level]++;
    }
    if (listener->wanted != NULL && strstr(message, listener->wanted) != NULL) {
        count(listener->found);
    }
    count(listener->context.calls);
}

static void drop_listener(void *pointer)
{
    listener *listener = pointer;
    drop_context(&listener->context);
}

static amop_log_callback listening(listener *listener, const char *wanted)
{
    memset(listener, 0, sizeof *listener);
    context_init(&listener->context);
    listener->found = counter_new();
    listener->wanted = wanted;
    amop_log_callback callback = {listen_to, listener, drop_listener};
    return callback;
}

static void end_listener(listener *listener)
{
    assert_int_equal(listener->strange, 0);
    counter_free(listener->found);
    context_end(&listener->context);
}

/* No callback is set. */
static void stop_listening(void)
{
    OK(amop_set_log_callback(AMOP_LOG_OFF, (amop_log_callback){NULL, NULL, NULL}, &error));
}

static void log_callback_receives_its_levels_until_replaced(void **state)
{
    (void)state;
    listener first, second;
    OK(amop_set_log_callback(AMOP_LOG_INFO, listening(&first, "connected"), &error));
    end(client_at(0));
    wait_for(first.found, 1);
    assert_true(first.levels[AMOP_LOG_INFO] >= 1);
    assert_int_equal(first.levels[AMOP_LOG_DEBUG] + first.levels[AMOP_LOG_TRACE], 0);
    /* Errors only: a new connection is not an error. */
    OK(amop_set_log_callback(AMOP_LOG_ERROR, listening(&second, NULL), &error));
    wait_for(first.context.drops, 1);
    end(client_at(0));
    stop_listening();
    wait_for(second.context.drops, 1);
    assert_int_equal(second.levels[AMOP_LOG_WARN] + second.levels[AMOP_LOG_INFO], 0);
    end_listener(&first);
    end_listener(&second);
    stop_listening();
}

static void record_names_its_call(void **state)
{
    (void)state;
    const char *topic = fresh_topic();
    char wanted[64];
    snprintf(wanted, sizeof wanted, " in call{kind=Publish topic=%s", topic);
    listener listener;
    OK(amop_set_log_callback(AMOP_LOG_DEBUG, listening(&listener, wanted), &error));
    amop_client *client = client_at(0);
    EXPECT(AMOP_ERROR_NO_SUBSCRIBER, amop_client_publish(client, topic, "x", 1, NULL, 0, NULL, &error));
    wait_for(listener.found, 1);
    end(client);
    stop_listening();
    wait_for(listener.context.drops, 1);
    end_listener(&listener);
}

static void payloads_are_not_logged(void **state)
{
    (void)state;
    const char *secret = "sesame-open-sesame";
    listener listener;
    OK(amop_set_log_callback(AMOP_LOG_TRACE, listening(&listener, secret), &error));
    amop_client *subscriber = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(subscriber, topic, NULL, &subscription, &error));
    publish(client, topic, secret);
    expect_message(subscription, secret);
    amop_subscription_free(subscription);
    end(client);
    end(subscriber);
    stop_listening();
    wait_for(listener.context.drops, 1);
    assert_true(listener.levels[AMOP_LOG_DEBUG] > 0);
    assert_int_equal(counted(listener.found), 0);
    end_listener(&listener);
}

/* Disables the log inside of the callback, and logs meanwhile. */
static void end_inside(void *pointer, int32_t level, const char *target, const char *message)
{
    (void)level;
    (void)target;
    (void)message;
    context *context = pointer;
    if (counted(context->calls) == 0) {
        context->status = amop_set_log_callback(AMOP_LOG_OFF, (amop_log_callback){NULL, NULL, NULL}, NULL);
    }
    count(context->calls);
}

static void log_callback_may_disable_the_log(void **state)
{
    (void)state;
    context context;
    context_init(&context);
    OK(amop_set_log_callback(AMOP_LOG_DEBUG, (amop_log_callback){end_inside, &context, drop_context},
                             &error));
    end(client_at(0));
    wait_for(context.drops, 1);
    assert_int_equal(context.status, AMOP_OK);
    context_end(&context);
}

/* Blocks until the test opens the gate, then counts. */
static void block(void *pointer, int32_t level, const char *target, const char *message)
{
    (void)level;
    (void)target;
    context *context = pointer;
    count(context->calls);
    reached(context->gate, 1);
    context->number += strstr(message, "records were discarded") != NULL;
}

static void slow_log_callback_delays_no_call_and_loses_records(void **state)
{
    (void)state;
    context context;
    context_init(&context);
    amop_client *subscriber = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(subscriber, topic, NULL, &subscription, &error));
    OK(amop_set_log_callback(AMOP_LOG_TRACE, (amop_log_callback){block, &context, drop_context}, &error));
    /* More than the capacity of its queue. Many at once, because the callback does not block for ever. */
    enum { AT_ONCE = 100, ROUNDS = 15 };
    struct context sent;
    context_init(&sent);
    const amop_completion_callback done = {completing(&sent).call, &sent, NULL};
    for (int round = 1; round <= ROUNDS; round++) {
        for (int n = 0; n < AT_ONCE; n++) {
            OK(amop_client_broadcast_async(client, topic, "x", 1, NULL, 0, done, NULL, &error));
        }
        for (int n = 0; n < AT_ONCE; n++) {
            expect_message(subscription, "x");
        }
        wait_for(sent.calls, round * AT_ONCE);
    }
    count(sent.drops);
    context_end(&sent);
    wait_for(context.calls, 1);
    assert_int_equal(counted(context.calls), 1);
    count(context.gate);
    wait_for(context.calls, 4000);
    amop_subscription_free(subscription);
    end(client);
    end(subscriber);
    stop_listening();
    wait_for(context.drops, 1);
    assert_true(context.number >= 1);
    context_end(&context);
}

static void refused_log_callback_is_dropped(void **state)
{
    (void)state;
    listener former, refused;
    OK(amop_set_log_callback(AMOP_LOG_INFO, listening(&former, "connected"), &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_set_log_callback(6, listening(&refused, NULL), &error));
    end_listener(&refused);
    end(client_at(0));
    wait_for(former.found, 1);
    stop_listening();
    wait_for(former.context.drops, 1);
    end_listener(&former);
    /* OFF drops the callback. */
    OK(amop_set_log_callback(AMOP_LOG_OFF, listening(&refused, NULL), &error));
    end_listener(&refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_callback_receives_its_levels_until_replaced),
        cmocka_unit_test(record_names_its_call),
        cmocka_unit_test(payloads_are_not_logged),
        cmocka_unit_test(log_callback_may_disable_the_log),
        cmocka_unit_test(slow_log_callback_delays_no_call_and_loses_records),
        cmocka_unit_test(refused_log_callback_is_dropped),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
