/* The log: who hears it, how much of it, and when a listener's context goes. */
#include "fixture.h"

#include <pthread.h>

/* A listener that counts records by level, and looks for a text in them. */
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

/* Nobody listens. */
static void stop_listening(void)
{
    OK(amop_set_log_callback(AMOP_LOG_OFF, (amop_log_callback){NULL, NULL, NULL}, &error));
}

static void a_listener_hears_what_it_asked_for_until_it_is_replaced(void **state)
{
    (void)state;
    listener first, second;
    OK(amop_set_log_callback(AMOP_LOG_INFO, listening(&first, "connected"), &error));
    end(client_at(0));
    wait_for(first.found, 1);
    assert_true(first.levels[AMOP_LOG_INFO] >= 1);
    assert_int_equal(first.levels[AMOP_LOG_DEBUG] + first.levels[AMOP_LOG_TRACE], 0);
    /* Errors alone: a connection is none. */
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

static void a_record_says_which_call_it_is_about(void **state)
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

static void no_payload_is_logged(void **state)
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

/* Ends its own listening, and logs on the way. */
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

static void a_listener_may_end_itself(void **state)
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

static void a_slow_listener_delays_nobody_and_is_told_what_it_lost(void **state)
{
    (void)state;
    context context;
    context_init(&context);
    amop_client *subscriber = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(subscriber, topic, NULL, &subscription, &error));
    OK(amop_set_log_callback(AMOP_LOG_TRACE, (amop_log_callback){block, &context, drop_context}, &error));
    /* More than its queue holds. */
    for (int n = 0; n < 1500; n++) {
        OK(amop_client_broadcast(client, topic, "x", 1, NULL, 0, &error));
        expect_message(subscription, "x");
    }
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

static void a_refused_listener_is_dropped_and_the_former_stays(void **state)
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
    /* OFF takes no listener, and drops it. */
    OK(amop_set_log_callback(AMOP_LOG_OFF, listening(&refused, NULL), &error));
    end_listener(&refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_hears_what_it_asked_for_until_it_is_replaced),
        cmocka_unit_test(a_record_says_which_call_it_is_about),
        cmocka_unit_test(no_payload_is_logged),
        cmocka_unit_test(a_listener_may_end_itself),
        cmocka_unit_test(a_slow_listener_delays_nobody_and_is_told_what_it_lost),
        cmocka_unit_test(a_refused_listener_is_dropped_and_the_former_stays),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
