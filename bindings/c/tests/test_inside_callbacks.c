/* Callbacks that use the library: they end themselves, each other or their client, and call every function. */
#include "fixture.h"

/* Ends a handle of the context inside of its callback. */
static void unsubscribe_inside(void *pointer, const amop_message *message)
{
    context *context = pointer;
    reached(context->gate, 1);
    context->status = amop_subscription_unsubscribe(context->subscription, 0, NULL);
    called(context, amop_message_data(message));
}

static void free_subscription_inside(void *pointer, const amop_message *message)
{
    context *context = pointer;
    reached(context->gate, 1);
    amop_subscription_free(context->subscription);
    called(context, amop_message_data(message));
}

static void close_inside(void *pointer, const amop_message *message)
{
    context *context = pointer;
    context->status = amop_client_close(context->client, 0, NULL);
    called(context, amop_message_data(message));
}

static void free_client_inside(void *pointer, const amop_message *message)
{
    context *context = pointer;
    amop_client_free(context->client);
    called(context, amop_message_data(message));
}

static void callback_may_unsubscribe_or_free_itself(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    context unsubscribing, freeing;
    context_init(&unsubscribing);
    context_init(&freeing);
    const char *topic = fresh_topic();
    subscribe(client, topic, (amop_message_callback){unsubscribe_inside, &unsubscribing, drop_context},
              &unsubscribing);
    subscribe(client, topic, (amop_message_callback){free_subscription_inside, &freeing, drop_context},
              &freeing);
    publish(client, topic, "x");
    /* The handles are available to the callbacks from here on. */
    count(unsubscribing.gate);
    count(freeing.gate);
    wait_for(unsubscribing.drops, 1);
    wait_for(freeing.drops, 1);
    assert_int_equal(unsubscribing.status, AMOP_OK);
    assert_int_equal(counted(unsubscribing.calls), 1);
    assert_int_equal(counted(freeing.calls), 1);
    OK(amop_subscription_unsubscribe(unsubscribing.subscription, 0, &error));
    amop_subscription_free(unsubscribing.subscription);
    end(client);
    context_end(&unsubscribing);
    context_end(&freeing);
}

/* Unsubscribes the other subscription, while that one does the same. */
typedef struct pair {
    context context;
    struct pair *other;
} pair;

static void unsubscribe_the_other(void *pointer, const amop_message *message)
{
    pair *pair = pointer;
    count(pair->context.gate);
    reached(pair->other->context.gate, 1);
    pair->context.status = amop_subscription_unsubscribe(pair->other->context.subscription, 0, NULL);
    called(&pair->context, amop_message_data(message));
}

static void drop_pair(void *pointer)
{
    pair *pair = pointer;
    drop_context(&pair->context);
}

static void two_callbacks_may_unsubscribe_each_other(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    static pair first, second;
    first.other = &second;
    second.other = &first;
    context_init(&first.context);
    context_init(&second.context);
    const char *topic = fresh_topic();
    subscribe(client, topic, (amop_message_callback){unsubscribe_the_other, &first, drop_pair},
              &first.context);
    subscribe(client, topic, (amop_message_callback){unsubscribe_the_other, &second, drop_pair},
              &second.context);
    publish(client, topic, "x");
    wait_for(first.context.drops, 1);
    wait_for(second.context.drops, 1);
    assert_int_equal(first.context.status, AMOP_OK);
    assert_int_equal(second.context.status, AMOP_OK);
    amop_subscription_free(first.context.subscription);
    amop_subscription_free(second.context.subscription);
    end(client);
    context_end(&first.context);
    context_end(&second.context);
}

static void callback_may_close_or_free_any_client(void **state)
{
    (void)state;
    void (*const calls[])(void *, const amop_message *) = {close_inside, free_client_inside};
    for (int n = 0; n < 4; n++) {
        const int frees = n % 2, anothers = n / 2;
        amop_client *publisher = client_at(0), *own = client_at(1), *another = client_at(1);
        context context, bystander;
        context_init(&context);
        context_init(&bystander);
        context.client = anothers ? another : own;
        const char *topic = fresh_topic();
        OK(amop_client_subscribe_callback(
            own, topic, NULL, (amop_message_callback){calls[frees], &context, drop_context}, NULL, &error));
        OK(amop_client_subscribe_callback(context.client, fresh_topic(), NULL, counting(&bystander), NULL,
                                          &error));
        publish(publisher, topic, "x");
        wait_for(bystander.drops, 1);
        wait_for(context.calls, 1);
        assert_int_equal(context.status, AMOP_OK);
        if (!frees) {
            end(context.client);
        }
        end(anothers ? own : another);
        wait_for(context.drops, 1);
        end(publisher);
        context_end(&context);
        context_end(&bystander);
    }
}

static void close_in_service(void *pointer, const amop_request *request)
{
    context *context = pointer;
    context->status = amop_client_close(context->client, 0, NULL);
    amop_request_reply(request, "bye", 3, NULL);
    called(context, amop_message_data(amop_request_message(request)));
}

static void close_in_completion(void *pointer, const amop_completion *completion)
{
    context *context = pointer;
    context->status = amop_client_close(context->client, 0, NULL);
    called(context, amop_reply_data(amop_completion_reply(completion)));
}

static void close_in_event(void *pointer, const amop_event *event)
{
    context *context = pointer;
    if (amop_event_kind(event) == AMOP_EVENT_LOST) {
        context->status = amop_client_close(context->client, 0, NULL);
        called(context, (amop_bytes){NULL, 0});
    }
}

static void every_kind_of_callback_may_close_its_client(void **state)
{
    (void)state;
    amop_client *publisher = client_at(1);
    context service, completion, event;
    context_init(&service);
    context_init(&completion);
    context_init(&event);
    const char *topic = fresh_topic();
    service.client = client_at(0);
    completion.client = client_at(0);
    event.client = client_at(0);
    OK(amop_client_serve_callback(service.client, topic, NULL,
                                  (amop_request_callback){close_in_service, &service, drop_context}, NULL,
                                  &error));
    amop_reply *reply = NULL;
    OK(amop_client_publish(publisher, topic, "x", 1, NULL, 0, &reply, &error));
    assert_true(is_text(amop_reply_data(reply), "bye"));
    amop_reply_free(reply);
    OK(amop_client_broadcast_async(completion.client, topic, "x", 1, NULL, 0,
                                   (amop_completion_callback){close_in_completion, &completion, drop_context},
                                   NULL, &error));
    OK(amop_client_on_event(event.client, (amop_event_callback){close_in_event, &event, drop_context}, NULL,
                            &error));
    wait_for(service.calls, 1);
    wait_for(completion.calls, 1);
    OK(amop_devnet_kill_node(devnet, 0, &error));
    wait_for(event.calls, 1);
    OK(amop_devnet_restart_node(devnet, 0, &error));
    assert_int_equal(service.status, AMOP_OK);
    assert_int_equal(completion.status, AMOP_OK);
    assert_int_equal(event.status, AMOP_OK);
    /* Functions that wait. */
    end(service.client);
    end(completion.client);
    end(event.client);
    end(publisher);
    context_end(&service);
    context_end(&completion);
    context_end(&event);
}

/* Calls nearly every function inside of a callback. */
static void use_everything(void *pointer, const amop_message *message)
{
    context *context = pointer;
    const amop_client *client = context->client;
    amop_status worst = AMOP_OK;
    amop_subscription *subscription = NULL;
    amop_service *service = NULL;
    amop_message *got = NULL;
    amop_stats *stats = NULL;
    amop_client *further = NULL;
    amop_options *options = amop_options_new();
    amop_options_add_endpoint(options, amop_devnet_endpoint(devnet, 0));
    amop_options_set_credentials(options, amop_devnet_credentials(devnet));
    amop_options_set_connect_timeout(options, GUARD);
#define TRY(call) worst = worst == AMOP_OK ? (call) : worst
    TRY(amop_client_connect(options, &further, NULL));
    TRY(amop_client_subscribe(further, "inside", NULL, &subscription, NULL));
    TRY(amop_client_serve(further, "served inside", NULL, &service, NULL));
    TRY(amop_client_publish(client, "inside", "deep", 4, NULL, GUARD, NULL, NULL));
    TRY(amop_client_broadcast(client, "inside", "wide", 4, NULL, GUARD, NULL));
    TRY(amop_subscription_next(subscription, GUARD, &got, NULL));
    TRY(amop_client_stats(client, &stats, NULL));
    TRY(amop_subscription_unsubscribe(subscription, 0, NULL));
    TRY(amop_service_unsubscribe(service, 0, NULL));
    TRY(amop_client_close(further, 0, NULL));
#undef TRY
    context->status = worst;
    amop_message_free(got);
    amop_stats_free(stats);
    amop_service_free(service);
    amop_subscription_free(subscription);
    amop_client_free(further);
    amop_options_free(options);
    called(context, amop_message_data(message));
}

static void callback_may_call_every_function(void **state)
{
    (void)state;
    context context;
    context_init(&context);
    context.client = client_at(1);
    const char *topic = fresh_topic();
    OK(amop_client_subscribe_callback(context.client, topic, NULL,
                                      (amop_message_callback){use_everything, &context, drop_context}, NULL,
                                      &error));
    publish(context.client, topic, "x");
    wait_for(context.calls, 1);
    assert_string_equal(amop_status_name(context.status), "AMOP_OK");
    end(context.client);
    context_end(&context);
}

/* A drop that uses the library. */
static void use_in_drop(void *pointer)
{
    context *context = pointer;
    amop_stats *stats = NULL;
    context->status = amop_client_stats(context->client, &stats, NULL);
    amop_stats_free(stats);
    context->number = amop_client_broadcast(context->client, "t", "", 0, NULL, 0, NULL);
    drop_context(context);
}

static void drop_may_use_the_library(void **state)
{
    (void)state;
    context context;
    context_init(&context);
    context.client = client_at(0);
    amop_message_callback callback = {counting(&context).call, &context, use_in_drop};
    subscribe(context.client, fresh_topic(), callback, &context);
    OK(amop_subscription_unsubscribe(context.subscription, 0, &error));
    assert_int_equal(context.status, AMOP_OK);
    assert_int_equal(context.number, AMOP_OK);
    amop_subscription_free(context.subscription);
    end(context.client);
    context_end(&context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callback_may_unsubscribe_or_free_itself),
        cmocka_unit_test(two_callbacks_may_unsubscribe_each_other),
        cmocka_unit_test(callback_may_close_or_free_any_client),
        cmocka_unit_test(every_kind_of_callback_may_close_its_client),
        cmocka_unit_test(callback_may_call_every_function),
        cmocka_unit_test(drop_may_use_the_library),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
