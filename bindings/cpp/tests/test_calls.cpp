// Asynchronous calls: by future, handler and queue; cancelled, refused, and in large numbers.
#include "fixture.hpp"

#include <poll.h>

#include <atomic>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace {

/// A service that answers on demand, so that calls stay in flight.
class Silent {
public:
    Silent() : client_(options_at(1)), service_(client_.serve(topic)) {}

    /// Answers requests until `count` have been answered.
    void answer(int count) const {
        while (count-- > 0) {
            const auto request = service_.next(guard);
            REQUIRE(request.has_value());
            request->reply(request->data());
        }
    }

    const std::string topic = fresh_topic();

private:
    amop::Client client_;
    amop::Service service_;
};

} // namespace

TEST_CASE("future returns the reply") {
    const Silent silent;
    amop::Client client(options_at(0));
    auto reply = client.publish_async(silent.topic, "hi", guard);
    CHECK(reply.wait_for(0s) == std::future_status::timeout);
    silent.answer(1);
    CHECK(outcome(std::move(reply)).text() == "hi");
    outcome(client.broadcast_async(silent.topic, "all"));
}

TEST_CASE("future throws the error with all its parts") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    client.serve_until_close(topic, [](const amop::Request& request) { request.fail(9, "nine"); });
    const auto failed = error_of([&] { outcome(client.publish_async(topic, "")); });
    CHECK(failed.code() == amop::Code::remote);
    CHECK(failed.node_code() == 9);
    CHECK(failed.data() == "nine");
    CHECK(code_of([&] { outcome(client.publish_async(fresh_topic(), "")); }) == amop::Code::no_subscriber);
}

TEST_CASE("errors known at once are thrown by the call") {
    amop::Client client(options_at(0));
    CHECK(code_of([&] { auto never = client.publish_async("", ""); }) == amop::Code::invalid_topic);
    CHECK(code_of([&] { auto never = client.broadcast_async("a\tb", ""); }) == amop::Code::invalid_topic);
    const std::string large(std::size_t{101} << 20, 'x');
    CHECK(code_of([&] { auto never = client.publish_async("large", large); }) == amop::Code::too_large);
}

TEST_CASE("future of a cancelled call throws cancelled") {
    const Silent silent;
    amop::Client client(options_at(0));
    amop::Call call;
    CHECK(code_of([&] { call.cancel(); }) == amop::Code::invalid_argument);
    auto reply = client.publish_async(silent.topic, "", call);
    call.cancel();
    call.cancel();
    CHECK(code_of([&] { outcome(std::move(reply)); }) == amop::Code::cancelled);
    auto ack = client.broadcast_async(fresh_topic(), "", call, 30s);
    outcome(std::move(ack));
    // Cancelling a completed call does nothing.
    call.cancel();
}

TEST_CASE("call continues without its handle and future") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    const auto subscription = client.subscribe(topic);
    { auto forgotten = client.publish_async(topic, "still sent"); }
    CHECK(subscription.next(guard)->text() == "still sent");
}

TEST_CASE("handler is called once when the call completes") {
    const Silent silent;
    amop::Client client(options_at(0));
    Counter ended;
    std::string text, error;
    const auto call = client.publish_async(silent.topic, "hi", [&](const amop::Completion& completion) {
        CHECK(completion);
        CHECK(completion.code() == amop::Code::ok);
        CHECK_FALSE(completion.error().has_value());
        CHECK(completion.tag() == nullptr);
        text = completion.reply().text();
        ended.raise();
    });
    silent.answer(1);
    ended.wait_for(1);
    CHECK(text == "hi");
    const auto refused = client.publish_async(
        fresh_topic(), "",
        [&](const amop::Completion& completion) {
            CHECK_FALSE(completion);
            CHECK(completion.code() == amop::Code::no_subscriber);
            CHECK(code_of([&] { completion.reply(); }) == amop::Code::no_subscriber);
            error = completion.error()->what();
            ended.raise();
        },
        amop::PublishOptions{}.retry(amop::Retry::never));
    ended.wait_for(2);
    CHECK(error != "");
    client.broadcast_async(fresh_topic(), "", [&](const amop::Completion& completion) {
        // The reply to a broadcast is empty.
        text = completion.reply().text();
        ended.raise();
    });
    ended.wait_for(3);
    CHECK(text == "");
}

TEST_CASE("close completes calls in flight") {
    const Silent silent;
    amop::Client client(options_at(0));
    auto reply = client.publish_async(silent.topic, "");
    Counter ended;
    client.publish_async(silent.topic, "", [&](const amop::Completion& completion) {
        CHECK(completion.code() == amop::Code::closed);
        ended.raise();
    });
    client.close();
    CHECK(ended.times() == 1);
    CHECK(code_of([&] { outcome(std::move(reply)); }) == amop::Code::closed);
    CHECK(code_of([&] { client.publish(silent.topic, ""); }) == amop::Code::closed);
}

TEST_CASE("4,096 concurrent publishes each receive their own reply") {
    constexpr int calls = 4096;
    const Silent silent;
    amop::Client client(options_at(0));
    std::vector<std::future<amop::Reply>> replies;
    for (int n = 0; n < calls; n++) {
        replies.push_back(client.publish_async(silent.topic, std::to_string(n), guard));
    }
    // The runtime sends the calls, which takes a moment after the last of them was accepted.
    until([&] { return client.stats().endpoints.at(0).in_flight == calls; });
    silent.answer(calls);
    for (int n = 0; n < calls; n++) {
        REQUIRE(outcome(std::move(replies[static_cast<std::size_t>(n)])).text() == std::to_string(n));
    }
}

TEST_CASE("queue returns completions with their tags") {
    const Silent silent;
    amop::Client client(options_at(0)), other(options_at(0));
    const amop::CompletionQueue queue;
    CHECK_FALSE(queue.next(0ms).has_value());
    CHECK(queue.next_many(8, 1ms).empty());
    int first = 0, second = 0, third = 0;
    const auto call = client.publish_queued(silent.topic, "one", queue, &first);
    other.publish_queued(silent.topic, "two", queue, &second, guard);
    silent.answer(2);
    other.broadcast_queued(fresh_topic(), "", queue, &third);
    std::set<void*> tags;
    for (int n = 0; n < 3; n++) {
        const auto completion = queue.next(guard);
        REQUIRE(completion.has_value());
        CHECK(completion->code() == amop::Code::ok);
        const auto reply = completion->reply();
        CHECK(reply.text()
              == (completion->tag() == &first    ? "one"
                  : completion->tag() == &second ? "two"
                                                 : ""));
        tags.insert(completion->tag());
    }
    CHECK(tags == std::set<void*>{&first, &second, &third});
    const auto cancelled = client.publish_queued(silent.topic, "", queue, nullptr);
    cancelled.cancel();
    CHECK(queue.next(guard)->code() == amop::Code::cancelled);
}

TEST_CASE("descriptor of a queue is readable while it is not empty") {
    amop::Client client(options_at(0));
    const amop::CompletionQueue queue;
    pollfd waiting{queue.fd(), POLLIN, 0};
    CHECK(poll(&waiting, 1, 0) == 0);
    client.broadcast_queued(fresh_topic(), "", queue, nullptr);
    CHECK(poll(&waiting, 1, static_cast<int>(std::chrono::milliseconds(guard).count())) == 1);
    CHECK(queue.next_many(8, 0ms).size() == 1);
    CHECK(poll(&waiting, 1, 0) == 0);
}

TEST_CASE("queue has a capacity and may be destroyed before its calls") {
    const Silent silent;
    amop::Client client(options_at(0));
    {
        const amop::CompletionQueue small(1);
        client.publish_queued(silent.topic, "", small, nullptr);
        CHECK(code_of([&] { client.publish_queued(silent.topic, "", small, nullptr); })
              == amop::Code::overloaded);
    }
    silent.answer(1);
}

TEST_CASE("copies of a reply share the payload") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    client.serve_until_close(topic, [](amop::Request) { return "shared"; });
    auto reply = client.publish(topic, "");
    amop::Reply copy = reply;
    CHECK(copy.data().data() == reply.data().data());
    const amop::Reply moved = std::move(reply);
    CHECK(reply.data().empty());
    CHECK(reply.endpoint().empty());
    reply = copy;
    copy = moved;
    CHECK(reply.text() == "shared");
    CHECK(copy.endpoint() == devnet().endpoint(0));
}

TEST_CASE("publish can wait for a subscriber") {
    amop::Client client(options_at(0)), subscriber(options_at(1));
    const auto topic = fresh_topic();
    auto reply =
        client.publish_async(topic, "early", amop::PublishOptions{}.wait_for_subscriber(true).timeout(guard));
    const auto subscription = subscriber.subscribe(topic);
    CHECK(outcome(std::move(reply)).data().empty());
    CHECK(subscription.next(guard)->text() == "early");
}

TEST_CASE("broadcast can wait for a subscriber") {
    amop::Client client(options_at(0)), subscriber(options_at(1));
    const auto topic = fresh_topic();
    const auto options = amop::PublishOptions{}.wait_for_subscriber(true).timeout(guard);
    auto ack = client.broadcast_async(topic, "early", options);
    const auto subscription = subscriber.subscribe(topic);
    outcome(std::move(ack));
    CHECK(subscription.next(guard)->text() == "early");
}
