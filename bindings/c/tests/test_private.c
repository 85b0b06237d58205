/* Private topics: keys of both sides, verified subscribers, and the events. */
#include "fixture.h"

static const char *const PRIVATE_KEY = "1111111111111111111111111111111111111111111111111111111111111111";
static const char *const PUBLIC_KEY = "044f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa"
                                      "385b6b1b8ead809ca67454d9683fcf2ba03456d6fe2c4abe2b07f0fbdbb2f1c1";
static const char *const OTHER_KEY = "2222222222222222222222222222222222222222222222222222222222222222";

/* Reads events until one of this kind; the caller frees it. */
static amop_event *event_of(amop_events *events, amop_event_kind_t kind)
{
    for (;;) {
        amop_event *event = NULL;
        OK(amop_events_next(events, GUARD, &event, &error));
        if (amop_event_kind(event) == kind) {
            return event;
        }
        amop_event_free(event);
    }
}

static amop_stats *stats_of(const amop_client *client)
{
    amop_stats *stats = NULL;
    OK(amop_client_stats(client, &stats, &error));
    return stats;
}

static amop_subscribe_options *options_with(const char *key)
{
    amop_subscribe_options *options = amop_subscribe_options_new();
    assert_int_equal(amop_subscribe_options_set_key(options, key, strlen(key), NULL), AMOP_OK);
    return options;
}

static void verified_subscribers_receive_private_messages(void **state)
{
    (void)state;
    amop_client *publisher = client_at(0), *subscriber = client_at(1);
    amop_events *events = NULL;
    OK(amop_client_events(publisher, &events, &error));
    amop_private_topic *topic = NULL;
    OK(amop_client_private_topic(publisher, "orders", &PUBLIC_KEY, 1, &topic, &error));
    amop_subscribe_options *options = options_with(PRIVATE_KEY);
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(subscriber, "orders", options, &subscription, &error));
    amop_subscribe_options_free(options);

    amop_event *event = event_of(events, AMOP_EVENT_VERIFIED);
    assert_string_equal(amop_event_topic(event), "orders");
    assert_string_equal(amop_event_key(event), PUBLIC_KEY);
    assert_non_null(amop_event_node_id(event));
    assert_non_null(amop_event_endpoint(event));
    assert_null(amop_event_message(event));
    amop_event_free(event);

    amop_publish_options *sending = amop_publish_options_new();
    assert_int_equal(amop_publish_options_set_private(sending, true), AMOP_OK);
    assert_int_equal(amop_publish_options_set_wait_for_subscriber(sending, true), AMOP_OK);
    OK(amop_client_publish(publisher, "orders", "x", 1, sending, GUARD, NULL, &error));
    amop_message *message = NULL;
    OK(amop_subscription_next(subscription, GUARD, &message, &error));
    assert_string_equal(amop_message_topic(message), "orders");
    amop_message_free(message);
    OK(amop_client_broadcast(publisher, "orders", "y", 1, sending, GUARD, &error));
    OK(amop_subscription_next(subscription, GUARD, &message, &error));
    amop_message_free(message);

    /* The same without the option: the topic is private whatever the options state. */
    assert_int_equal(amop_publish_options_set_private(sending, false), AMOP_OK);
    amop_reply *reply = NULL;
    OK(amop_private_topic_publish(topic, "z", 1, sending, GUARD, &reply, &error));
    assert_int_equal(amop_reply_data(reply).len, 0);
    amop_reply_free(reply);
    OK(amop_private_topic_broadcast(topic, "z", 1, sending, GUARD, &error));
    for (int n = 0; n < 2; n++) {
        OK(amop_subscription_next(subscription, GUARD, &message, &error));
        assert_memory_equal(amop_message_data(message).data, "z", 1);
        amop_message_free(message);
    }
    OK(amop_private_topic_publish(topic, NULL, 0, NULL, 0, NULL, &error));
    EXPECT_NULL("private_topic", amop_private_topic_publish(NULL, "z", 1, NULL, 0, NULL, &error));
    EXPECT_NULL("private_topic", amop_private_topic_broadcast(NULL, "z", 1, NULL, 0, &error));
    assert_int_equal(amop_publish_options_set_private(sending, true), AMOP_OK);
    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "does not publish",
                amop_client_publish(publisher, "other", "x", 1, sending, GUARD, NULL, &error));
    amop_publish_options_free(sending);

    amop_subscription_free(subscription);
    amop_private_topic_free(topic);
    amop_events_free(events);
    end(subscriber);
    end(publisher);
}

static void statistics_state_where_private_topics_stand(void **state)
{
    (void)state;
    amop_client *publisher = client_at(0), *subscriber = client_at(1);
    amop_events *events = NULL;
    OK(amop_client_events(publisher, &events, &error));
    amop_private_topic *topic = NULL;
    OK(amop_client_private_topic(publisher, "counted", &PUBLIC_KEY, 1, &topic, &error));
    amop_stats *before = stats_of(publisher);
    assert_int_equal(amop_stats_private_topic_count(before), 1);
    assert_int_equal(amop_stats_verification_count(before, 0), 0);
    amop_subscribe_options *options = options_with(PRIVATE_KEY);
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(subscriber, "counted", options, &subscription, &error));
    amop_subscribe_options_free(options);
    amop_event *event = event_of(events, AMOP_EVENT_VERIFIED);

    amop_stats *stats = stats_of(publisher);
    assert_string_equal(amop_stats_private_topic(stats, 0), "counted");
    assert_null(amop_stats_private_topic_key(stats, 0));
    assert_int_equal(amop_stats_private_topic_allowed_count(stats, 0), 1);
    assert_string_equal(amop_stats_private_topic_allowed(stats, 0, 0), PUBLIC_KEY);
    assert_null(amop_stats_private_topic_allowed(stats, 0, 1));
    assert_int_equal(amop_stats_verification_count(stats, 0), 1);
    assert_string_equal(amop_stats_verification_endpoint(stats, 0, 0), amop_event_endpoint(event));
    assert_string_equal(amop_stats_verification_node_id(stats, 0, 0), amop_event_node_id(event));
    assert_int_equal(amop_stats_verification_state(stats, 0, 0), AMOP_VERIFICATION_VERIFIED);
    assert_string_equal(amop_stats_verification_key(stats, 0, 0), PUBLIC_KEY);
    assert_null(amop_stats_verification_reason(stats, 0, 0));
    assert_int_equal(amop_stats_verification_state(stats, 0, 1), AMOP_VERIFICATION_NONE);
    assert_null(amop_stats_verification_key(stats, 0, 1));
    amop_event_free(event);
    amop_stats_free(stats);
    amop_stats_free(before);

    stats = stats_of(subscriber);
    assert_int_equal(amop_stats_private_topic_count(stats), 1);
    assert_string_equal(amop_stats_private_topic_key(stats, 0), PUBLIC_KEY);
    assert_true(amop_stats_private_topic_challenges_signed(stats, 0) >= 1);
    assert_int_equal(amop_stats_private_topic_challenges_refused(stats, 0), 0);
    assert_int_equal(amop_stats_private_topic_allowed_count(stats, 0), 0);
    assert_int_equal(amop_stats_verification_count(stats, 0), 0);
    assert_null(amop_stats_private_topic(stats, 1));
    assert_int_equal(amop_stats_verification_count(stats, 1), 0);
    amop_stats_free(stats);

    assert_int_equal(amop_stats_private_topic_count(NULL), 0);
    assert_null(amop_stats_private_topic(NULL, 0));
    assert_int_equal(amop_stats_verification_state(NULL, 0, 0), AMOP_VERIFICATION_NONE);
    assert_string_equal(amop_verification_state_name(AMOP_VERIFICATION_PENDING), "AMOP_VERIFICATION_PENDING");
    assert_null(amop_verification_state_name(99));
    amop_subscription_free(subscription);
    amop_private_topic_free(topic);
    amop_events_free(events);
    end(subscriber);
    end(publisher);
}

static void other_keys_are_rejected(void **state)
{
    (void)state;
    amop_client *publisher = client_at(0), *subscriber = client_at(1);
    amop_events *events = NULL;
    OK(amop_client_events(publisher, &events, &error));
    amop_private_topic *topic = NULL;
    OK(amop_client_private_topic(publisher, "rejected", &PUBLIC_KEY, 1, &topic, &error));
    amop_subscribe_options *options = options_with(OTHER_KEY);
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(subscriber, "rejected", options, &subscription, &error));
    amop_subscribe_options_free(options);
    amop_event *event = event_of(events, AMOP_EVENT_REJECTED);
    assert_non_null(amop_event_key(event));
    assert_non_null(strstr(amop_event_message(event), "not one of an allowed key"));
    amop_stats *stats = stats_of(publisher);
    assert_int_equal(amop_stats_verification_state(stats, 0, 0), AMOP_VERIFICATION_REJECTED);
    assert_string_equal(amop_stats_verification_reason(stats, 0, 0), amop_event_message(event));
    assert_string_equal(amop_stats_verification_key(stats, 0, 0), amop_event_key(event));
    amop_stats_free(stats);
    amop_event_free(event);
    OK(amop_private_topic_allow(topic, &PUBLIC_KEY, 1, &error));
    amop_subscription_free(subscription);
    amop_private_topic_free(topic);
    amop_private_topic_free(NULL);
    amop_events_free(events);
    end(subscriber);
    end(publisher);
}

static void unusable_keys_are_refused(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    amop_subscribe_options *options = options_with("no key");
    amop_subscription *subscription = NULL;
    EXPECT_TEXT(AMOP_ERROR_CREDENTIALS_INVALID, "the key",
                amop_client_subscribe(client, "t", options, &subscription, &error));
    // A program whose file is empty passes no bytes. Without a key it would use the public topic.
    assert_int_equal(amop_subscribe_options_set_key(options, "", 0, NULL), AMOP_OK);
    EXPECT_TEXT(AMOP_ERROR_CREDENTIALS_INVALID, "the key is empty",
                amop_client_subscribe(client, "t", options, &subscription, &error));
    assert_int_equal(amop_subscribe_options_set_key(options, NULL, 0, NULL), AMOP_OK);
    OK(amop_client_subscribe(client, "t", options, &subscription, &error));
    amop_subscription_free(subscription);
    assert_int_equal(amop_subscribe_options_set_key(options, NULL, 1, NULL), AMOP_ERROR_INVALID_ARGUMENT);
    assert_int_equal(amop_subscribe_options_set_key(options, "x", 1, "\xff"), AMOP_ERROR_INVALID_ARGUMENT);
    amop_subscribe_options_free(options);

    amop_serve_options *serving = amop_serve_options_new();
    assert_int_equal(amop_serve_options_set_key(serving, PRIVATE_KEY, strlen(PRIVATE_KEY), NULL), AMOP_OK);
    amop_service *service = NULL;
    OK(amop_client_serve(client, "t", serving, &service, &error));
    amop_service_free(service);
    assert_int_equal(amop_serve_options_set_key(serving, "", 0, NULL), AMOP_OK);
    EXPECT_TEXT(AMOP_ERROR_CREDENTIALS_INVALID, "the key is empty",
                amop_client_serve(client, "t", serving, &service, &error));
    amop_serve_options_free(serving);

    amop_private_topic *topic = NULL;
    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "`count` is 0",
                amop_client_private_topic(client, "t", NULL, 0, &topic, &error));
    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "`keys` is NULL",
                amop_client_private_topic(client, "t", NULL, 1, &topic, &error));
    const char *const wrong[] = {"no key"};
    EXPECT(AMOP_ERROR_CREDENTIALS_INVALID, amop_client_private_topic(client, "t", wrong, 1, &topic, &error));
    assert_null(topic);
    EXPECT_TEXT(AMOP_ERROR_INVALID_TOPIC, "private_topic",
                amop_client_publish(client, "#!$TopicNeedVerify_t", "", 0, NULL, 0, NULL, &error));
    EXPECT_NULL("private_topic", amop_private_topic_allow(NULL, &PUBLIC_KEY, 1, &error));
    assert_null(amop_event_key(NULL));
    assert_null(amop_event_node_id(NULL));
    end(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verified_subscribers_receive_private_messages),
        cmocka_unit_test(statistics_state_where_private_topics_stand),
        cmocka_unit_test(other_keys_are_rejected),
        cmocka_unit_test(unusable_keys_are_refused),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
