// Private topics: keys of both sides, verified subscribers, and the events.
#include "fixture.hpp"

#include <string>
#include <vector>

namespace {

const std::string private_key(64, '1');
const std::string public_key = "044f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa"
                               "385b6b1b8ead809ca67454d9683fcf2ba03456d6fe2c4abe2b07f0fbdbb2f1c1";

} // namespace

TEST_CASE("verified subscribers receive private messages") {
    const amop::Devnet nodes;
    const amop::Client publisher(nodes.client_options(0)), subscriber(nodes.client_options(1));
    const auto events = publisher.events();
    const auto topic = publisher.private_topic("orders", {public_key});
    const auto subscription = subscriber.subscribe("orders", amop::SubscribeOptions{}.key(private_key));
    const auto verified = next_event(events, amop::EventKind::verified);
    CHECK(verified.topic() == "orders");
    CHECK(verified.key() == public_key);
    CHECK(verified.node_id() != "");
    const auto sending = amop::PublishOptions{}.is_private(true).wait_for_subscriber(true).timeout(guard);
    publisher.publish("orders", "x", sending);
    const auto message = subscription.next(guard);
    REQUIRE(message.has_value());
    CHECK(message->topic() == "orders");
    topic.allow({public_key});

    const auto waiting = amop::PublishOptions{}.wait_for_subscriber(true).timeout(guard);
    CHECK(topic.publish("y", waiting).text() == "");
    topic.broadcast("z", waiting);
    for (const auto* text : {"y", "z"}) {
        const auto next = subscription.next(guard);
        REQUIRE(next.has_value());
        CHECK(next->text() == text);
    }
}

TEST_CASE("statistics state where private topics stand") {
    const amop::Devnet nodes;
    const amop::Client publisher(nodes.client_options(0)), subscriber(nodes.client_options(1));
    CHECK(publisher.stats().private_topics.empty());
    const auto events = publisher.events();
    const auto topic = publisher.private_topic("orders", {public_key});
    const auto subscription = subscriber.subscribe("orders", amop::SubscribeOptions{}.key(private_key));
    const auto verified = next_event(events, amop::EventKind::verified);
    const auto at_publisher = publisher.stats().private_topics;
    REQUIRE(at_publisher.size() == 1);
    CHECK(at_publisher[0].topic == "orders");
    CHECK(at_publisher[0].key == "");
    CHECK(at_publisher[0].allowed == std::vector{public_key});
    REQUIRE(at_publisher[0].verifications.size() == 1);
    const auto& verification = at_publisher[0].verifications[0];
    CHECK(verification.endpoint == verified.endpoint());
    CHECK(verification.node_id == verified.node_id());
    CHECK(verification.state == amop::VerificationState::verified);
    CHECK(verification.key == public_key);
    CHECK(verification.reason == "");
    const auto at_subscriber = subscriber.stats().private_topics;
    REQUIRE(at_subscriber.size() == 1);
    CHECK(at_subscriber[0].key == public_key);
    CHECK(at_subscriber[0].challenges_signed >= 1);
    CHECK(at_subscriber[0].challenges_refused == 0);
    CHECK(at_subscriber[0].verifications.empty());
}

TEST_CASE("unusable keys of private topics are refused") {
    const amop::Devnet nodes(amop::DevnetOptions{}.nodes(1));
    const amop::Client client(nodes.client_options(0));
    const auto wrong = [&] { (void)client.subscribe("t", amop::SubscribeOptions{}.key("no key")); };
    CHECK(code_of(wrong) == amop::Code::credentials_invalid);
    const auto service = [&] { (void)client.serve("t", amop::ServeOptions{}.key("no key", "password")); };
    CHECK(code_of(service) == amop::Code::credentials_invalid);
    // A file that is missing leaves a program with an empty key. Without a key it would use the public topic.
    const auto empty = [&] { (void)client.subscribe("t", amop::SubscribeOptions{}.key("")); };
    CHECK(code_of(empty) == amop::Code::credentials_invalid);
    const auto empty_service = [&] { (void)client.serve("t", amop::ServeOptions{}.key("")); };
    CHECK(code_of(empty_service) == amop::Code::credentials_invalid);
    const auto name = [&] { (void)client.subscribe("t", amop::SubscribeOptions{}.key("orders.pem")); };
    CHECK(std::string(error_of(name).what()).find("is the name of a file") != std::string::npos);
    const auto none = error_of([&] { (void)client.private_topic("t", {}); });
    CHECK(none.code() == amop::Code::invalid_argument);
    CHECK(std::string(none.what()) == "`keys` is empty: give the public key of each subscriber");
    CHECK(code_of([&] { (void)client.private_topic("t", {"no key"}); }) == amop::Code::credentials_invalid);
    const auto sending = amop::PublishOptions{}.is_private(true);
    CHECK(code_of([&] { client.publish("t", "", sending); }) == amop::Code::invalid_argument);
}
