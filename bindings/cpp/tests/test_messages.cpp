// Messages from one client to another: by handler, next, loop and descriptor; unicast and broadcast.
#include "fixture.hpp"

#include <poll.h>
#include <sys/resource.h>

#include <atomic>
#include <iterator>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

TEST_CASE("message reaches a lambda at another node") {
    amop::Client subscriber(options_at(1)), publisher(options_at(0));
    const auto topic = fresh_topic();
    Counter calls;
    std::vector<std::string> seen;
    auto subscription = subscriber.subscribe(topic, [&](const amop::Message& message) {
        seen.emplace_back(message.text());
        calls.raise();
    });
    CHECK(subscription.topic() == topic);
    const auto reply = publisher.publish(topic, "hi");
    CHECK(reply.data().empty());
    CHECK(reply.endpoint() == devnet().endpoint(0));
    publisher.broadcast(topic, "all");
    calls.wait_for(2);
    subscription.unsubscribe();
    CHECK(seen == std::vector<std::string>{"hi", "all"});
}

TEST_CASE("message is read with all its parts") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    const auto subscription = client.subscribe(topic);
    const auto before = std::chrono::system_clock::now() - 1ms;
    const std::vector<std::uint8_t> bytes{0, 1, 255, 0};
    client.publish(topic, bytes);
    auto message = subscription.next(guard);
    REQUIRE(message.has_value());
    CHECK(message->data() == bytes);
    CHECK(message->text().size() == bytes.size());
    CHECK(message->topic() == topic);
    CHECK(message->kind() == amop::MessageKind::unicast);
    CHECK(message->seq().size() == 32);
    CHECK(message->endpoint() == devnet().endpoint(0));
    CHECK(message->received_at() >= before);
    CHECK(message->received_at() <= std::chrono::system_clock::now() + 1s);
    amop::Message copy = *message;
    CHECK(copy.data().data() == message->data().data());
    message.reset();
    CHECK(copy.data() == bytes);
    CHECK(copy.topic() == topic);
    const amop::Message moved = std::move(copy);
    CHECK(moved.data() == bytes);
    CHECK(copy.kind() == amop::MessageKind::none);
    CHECK(copy.data().empty());
    CHECK(copy.topic().empty());
    copy = moved;
    CHECK(copy.data() == bytes);
}

TEST_CASE("handler can keep a copy of its message") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    std::promise<amop::Message> by_copy, by_value;
    auto first = client.subscribe(topic, [&](const amop::Message& message) { by_copy.set_value(message); });
    auto second =
        client.subscribe(topic, [&](amop::Message message) { by_value.set_value(std::move(message)); });
    client.publish(topic, "kept");
    const auto copy = outcome(by_copy.get_future()), value = outcome(by_value.get_future());
    first.unsubscribe();
    second.unsubscribe();
    client.close();
    CHECK(copy.text() == "kept");
    CHECK(value.text() == "kept");
    CHECK(value.topic() == topic);
}

TEST_CASE("empty payloads are delivered") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    const auto subscription = client.subscribe(topic);
    client.publish(topic, {});
    client.publish(topic, "");
    for (int n = 0; n < 2; n++) {
        const auto message = subscription.next(guard);
        REQUIRE(message.has_value());
        CHECK(message->data().empty());
    }
}

TEST_CASE("next distinguishes timeout from end") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    const auto subscription = client.subscribe(topic);
    CHECK_FALSE(subscription.next(0ms).has_value());
    CHECK_FALSE(subscription.next(-1s).has_value());
    CHECK_FALSE(subscription.next(1ms).has_value());
    CHECK(subscription.next_many(8, 0ms).empty());
    CHECK(code_of([&] { subscription.next(std::chrono::hours(24 * 365 * 11)); })
          == amop::Code::invalid_argument);
    CHECK(code_of([&] { subscription.next_many(0, 0ms); }) == amop::Code::invalid_argument);
    for (const auto* text : {"1", "2", "3"}) {
        client.publish(topic, text);
    }
    subscription.unsubscribe();
    subscription.unsubscribe();
    // Queued messages can still be read, then the end.
    const auto two = subscription.next_many(2, guard);
    REQUIRE(two.size() == 2);
    CHECK(two[0].text() == "1");
    CHECK(two[1].text() == "2");
    CHECK(subscription.next_many(std::numeric_limits<std::size_t>::max(), guard).size() == 1);
    CHECK(code_of([&] { subscription.next(guard); }) == amop::Code::closed);
    CHECK(code_of([&] { subscription.next_many(8, guard); }) == amop::Code::closed);
}

TEST_CASE("loop reads messages in order and ends with the subscription") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    auto subscription = client.subscribe(topic);
    for (int n = 0; n < 100; n++) {
        client.publish(topic, std::to_string(n));
    }
    int seen = 0;
    for (const amop::Message& message : subscription) {
        CHECK(message.text() == std::to_string(seen));
        if (++seen == 50) {
            break;
        }
    }
    // The loop has taken no message that it did not read.
    CHECK(subscription.stats().held_messages == 50);
    subscription.unsubscribe();
    for (amop::Message& message : subscription) {
        CHECK(message.text() == std::to_string(seen++));
    }
    CHECK(seen == 100);
    CHECK(subscription.begin() == subscription.end());
    CHECK(subscription.end() == subscription.begin());
}

TEST_CASE("loop in another thread ends when the client closes") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    const auto subscription = client.subscribe(topic);
    Counter read;
    auto reader = std::async(std::launch::async, [&] {
        int seen = 0;
        for ([[maybe_unused]] const auto& message : subscription) {
            seen++;
            read.raise();
        }
        return seen;
    });
    client.publish(topic, "1");
    client.publish(topic, "2");
    read.wait_for(2);
    client.close();
    CHECK(outcome(std::move(reader)) == 2);
}

TEST_CASE("iterator can skip items") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    const auto subscription = client.subscribe(topic);
    for (const auto* text : {"1", "2", "3"}) {
        client.publish(topic, text);
    }
    auto iterator = subscription.begin();
    ++iterator;
    CHECK(iterator->text() == "2");
    CHECK((*iterator).text() == "2");
    iterator++;
    CHECK(iterator != subscription.end());
    CHECK(iterator->text() == "3");
}

static bool is_readable(int fd, std::chrono::milliseconds time) {
    pollfd waiting{fd, POLLIN, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(time.count()));
    REQUIRE(ready >= 0);
    return ready == 1;
}

TEST_CASE("descriptor is readable while next would not wait") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    const auto subscription = client.subscribe(topic);
    const int fd = subscription.fd();
    CHECK(subscription.fd() == fd);
    CHECK_FALSE(is_readable(fd, 0ms));
    client.publish(topic, "1");
    CHECK(is_readable(fd, guard));
    CHECK(subscription.next(0ms).has_value());
    CHECK_FALSE(is_readable(fd, 0ms));
    subscription.unsubscribe();
    CHECK(is_readable(fd, guard));
    CHECK(code_of([&] { subscription.next(0ms); }) == amop::Code::closed);
}

TEST_CASE("messages of a handler can't be read") {
    amop::Client client(options_at(0));
    const auto subscription = client.subscribe(fresh_topic(), [](const amop::Message&) {});
    CHECK(code_of([&] { subscription.next(0ms); }) == amop::Code::invalid_argument);
    CHECK(code_of([&] { subscription.next_many(1, 0ms); }) == amop::Code::invalid_argument);
    CHECK(code_of([&] { subscription.fd(); }) == amop::Code::invalid_argument);
}

TEST_CASE("full subscription can drop the oldest and counts") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    const auto options = amop::SubscribeOptions{}
                             .max_messages(2)
                             .overflow(amop::Overflow::drop_oldest)
                             .placement(amop::Placement::all)
                             .timeout(guard);
    const auto subscription = client.subscribe(topic, options);
    for (const auto* text : {"1", "2", "3"}) {
        client.publish(topic, text);
    }
    const auto stats = subscription.stats();
    CHECK(stats.held_messages == 2);
    CHECK(stats.held_bytes == 2);
    CHECK(stats.accepted == 3);
    CHECK(stats.refused == 0);
    CHECK(stats.dropped == 1);
    CHECK(subscription.next(guard)->text() == "2");
}

TEST_CASE("full subscription refuses and the publisher gets busy") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    const auto subscription = client.subscribe(topic, amop::SubscribeOptions{}.max_messages(5).max_bytes(2));
    client.publish(topic, "22");
    const auto refused =
        error_of([&] { client.publish(topic, "1", amop::PublishOptions{}.retry(amop::Retry::never)); });
    CHECK(refused.code() == amop::Code::subscriber_busy);
    CHECK(refused.is_retriable());
    CHECK(refused.delivery() == amop::Delivery::maybe);
    CHECK(refused.node_code() == -5012);
    CHECK(subscription.stats().refused == 1);
}

TEST_CASE("echo delivers own broadcasts") {
    const auto topic = fresh_topic();
    const auto next = [](const amop::Subscription& subscription) {
        const auto message = subscription.next(guard);
        REQUIRE(message.has_value());
        CHECK(message->kind() == amop::MessageKind::broadcast);
        return std::string(message->text());
    };
    amop::Client deaf(options_at_both()), listening(options_at_both().echo(true));
    wait_for_all_nodes(deaf);
    wait_for_all_nodes(listening);
    const auto nothing = deaf.subscribe(topic), echo = listening.subscribe(topic);
    deaf.broadcast(topic, "of the deaf", amop::PublishOptions{}.all_nodes(true));
    CHECK(next(echo) == "of the deaf");
    listening.broadcast(topic, "of the listening", 30s);
    CHECK(next(nothing) == "of the listening");
    CHECK(next(echo) == "of the listening");
    CHECK(nothing.stats().accepted == 1);
}

TEST_CASE("message wakes one of many threads") {
    constexpr int readers = 32, messages = 100;
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    const auto subscription = client.subscribe(topic);
    std::atomic<int> read{0};
    std::atomic<long> sleeps{0};
    std::vector<std::thread> threads;
    for (int n = 0; n < readers; n++) {
        threads.emplace_back([&] {
            for (const amop::Message& message : subscription) {
                read += static_cast<int>(message.data().size());
            }
            rusage usage{};
            getrusage(RUSAGE_THREAD, &usage);
            sleeps += usage.ru_nvcsw;
        });
    }
    for (int n = 0; n < messages; n++) {
        client.publish(topic, "m", guard);
        until([&] { return subscription.stats().held_messages == 0; });
    }
    subscription.unsubscribe();
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(read == messages);
    // Each thread sleeps once before the first message, and the one that a message wakes sleeps again; some may sleep a few
    // times more for locks. If a message woke all, there would be `readers` times as many.
    CHECK(sleeps < readers * messages / 2);
}
