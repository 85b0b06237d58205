// Functions that do not wait: connecting, subscribing, serving and closing by future, handler and queue; and handlers
// that wait for futures.
#include "fixture.hpp"

#include <string>
#include <vector>

namespace {

amop::Completion next(const amop::CompletionQueue& queue) {
    auto completion = queue.next(guard);
    REQUIRE(completion.has_value());
    return std::move(*completion);
}

} // namespace

TEST_CASE("futures connect, subscribe, serve, unsubscribe and close") {
    auto client = outcome(amop::Client::connect_async(options_at(0)));
    amop::Client publisher(options_at(1));
    const auto topic = fresh_topic(), read = fresh_topic(), served = fresh_topic();
    Counter destroyed, calls;
    auto subscription = outcome(client.subscribe_async(read));
    auto handled = outcome(client.subscribe_async(
        topic, [&, captured = Captured(destroyed)](const amop::Message&) { calls.raise(); }));
    auto requests = outcome(client.serve_async(fresh_topic()));
    auto service = outcome(
        client.serve_async(served, [](const amop::Request& request) { return std::string(request.text()); }));
    CHECK(code_of([&] { auto never = client.serve_async(served); }) == amop::Code::already_served);
    publisher.publish(topic, "1", guard);
    publisher.publish(read, "2", guard);
    CHECK(publisher.publish(served, "3", guard).text() == "3");
    CHECK(subscription.next(guard)->text() == "2");
    calls.wait_for(1);
    outcome(handled.unsubscribe_async());
    CHECK(destroyed.times() == 1);
    outcome(subscription.unsubscribe_async());
    outcome(service.unsubscribe_async());
    outcome(requests.unsubscribe_async());
    outcome(client.close_async());
    CHECK(code_of([&] { client.broadcast(topic, ""); }) == amop::Code::closed);
}

TEST_CASE("handlers receive the completions of all calls") {
    Counter done, messages;
    std::optional<amop::Client> client;
    const auto connect = amop::Client::connect_async(options_at(0), [&](const amop::Completion& completion) {
        client = completion.take_client();
        done.raise();
    });
    done.wait_for(1);
    const auto count = [&](const amop::Completion& completion) {
        if (completion) {
            done.raise();
        }
    };
    const auto topic = fresh_topic();
    const auto subscription = client->subscribe_async(fresh_topic(), amop::SubscribeOptions(), count);
    const auto handled = client->subscribe_async(
        topic, [&](const amop::Message&) { messages.raise(); }, amop::SubscribeOptions(), count);
    const auto requests = client->serve_async(fresh_topic(), amop::ServeOptions(), count);
    const auto service = client->serve_async(
        fresh_topic(), [](const amop::Request&) { return ""; }, amop::ServeOptions(), count);
    done.wait_for(5);
    client->publish(topic, "1", guard);
    messages.wait_for(1);
    handled.unsubscribe_async(count);
    service.unsubscribe_async(count, guard);
    client->close_async(count, guard);
    done.wait_for(8);
}

TEST_CASE("queue receives the completions of all calls") {
    const amop::CompletionQueue queue;
    int tag = 0;
    amop::Client::connect_queued(options_at(0), queue, &tag);
    auto connected = next(queue);
    CHECK(connected.tag() == &tag);
    auto client = connected.take_client();
    CHECK(code_of([&] { (void)connected.take_client(); }) == amop::Code::invalid_argument);
    const auto subscription = client.subscribe_queued(fresh_topic(), queue, &tag);
    CHECK(next(queue).code() == amop::Code::ok);
    const auto handled = client.subscribe_queued(
        fresh_topic(), [](const amop::Message&) {}, queue, &tag);
    CHECK(next(queue).code() == amop::Code::ok);
    const auto requests = client.serve_queued(fresh_topic(), queue, &tag);
    CHECK(next(queue).code() == amop::Code::ok);
    const auto service = client.serve_queued(
        fresh_topic(), [](const amop::Request&) { return ""; }, queue, &tag);
    CHECK(next(queue).code() == amop::Code::ok);
    handled.unsubscribe_queued(queue, &tag);
    CHECK(next(queue).code() == amop::Code::ok);
    service.unsubscribe_queued(queue, &tag, guard);
    CHECK(next(queue).code() == amop::Code::ok);
    client.close_queued(queue, &tag);
    CHECK(next(queue).code() == amop::Code::ok);
}

TEST_CASE("offline client subscribes and serves at once") {
    const amop::Devnet nodes(amop::DevnetOptions{}.nodes(2));
    nodes.kill_node(0);
    auto options = nodes.client_options(0).reconnect_min(10ms).reconnect_max(50ms).call_timeout(1h);
    CHECK(code_of([&] { (void)outcome(amop::Client::connect_async(options)); }) == amop::Code::connect);
    amop::Client client(options.start_offline(true));
    const auto subscription = client.subscribe("read");
    const auto service = client.serve("served", [](const amop::Request&) { return "yes"; });
    const auto never = client.subscribe("never", amop::SubscribeOptions().confirm(amop::Confirm::never));
    const auto serves = client.serve("serves", amop::ServeOptions().confirm(amop::Confirm::never));
    const auto always = amop::SubscribeOptions().confirm(amop::Confirm::always).timeout(20ms);
    Counter destroyed;
    const auto failed = code_of([&] {
        auto unconfirmed = client.subscribe(
            "refused", [captured = Captured(destroyed)](const amop::Message&) {}, always);
    });
    CHECK((failed == amop::Code::not_connected || failed == amop::Code::timeout));
    CHECK(destroyed.times() == 1);
    auto waiting =
        client.subscribe_async("late", amop::SubscribeOptions().confirm(amop::Confirm::always).timeout(1h));
    nodes.restart_node(0);
    const auto late = outcome(std::move(waiting));
    amop::Client publisher(nodes.client_options(1));
    const auto wait = amop::PublishOptions(guard).wait_for_subscriber(true);
    publisher.publish("read", "1", wait);
    CHECK(subscription.next(guard)->text() == "1");
    CHECK(publisher.publish("served", "", wait).text() == "yes");
}

TEST_CASE("only some confirmations wait for a connected node") {
    const amop::Devnet nodes(amop::DevnetOptions{}.nodes(1));
    amop::Client client(nodes.client_options(0).heartbeat(guard).connect_timeout(guard).close_timeout(guard));
    nodes.control("freeze 0");
    const auto read = client.subscribe("read", amop::SubscribeOptions().confirm(amop::Confirm::never));
    const auto served = client.serve("served", amop::ServeOptions().confirm(amop::Confirm::never));
    for (const auto confirm : {amop::Confirm::automatic, amop::Confirm::always}) {
        const auto subscribing = amop::SubscribeOptions().confirm(confirm).timeout(20ms);
        const auto serving = amop::ServeOptions().confirm(confirm).timeout(20ms);
        CHECK(code_of([&] { (void)client.subscribe("t", subscribing); }) == amop::Code::timeout);
        CHECK(code_of([&] { (void)client.serve("s", serving); }) == amop::Code::timeout);
    }
    nodes.control("thaw 0");
}

TEST_CASE("future of a subscription fails when its client is closed") {
    const amop::Devnet nodes(amop::DevnetOptions{}.nodes(1));
    nodes.kill_node(0);
    amop::Client client(nodes.client_options(0).start_offline(true).call_timeout(1h));
    const auto always = amop::SubscribeOptions().confirm(amop::Confirm::always);
    auto waiting = client.subscribe_async("t", always);
    auto abandoned = client.subscribe_async(
        "t", [](const amop::Message&) {}, always);
    abandoned = {};
    client.close();
    CHECK(code_of([&] { auto never = outcome(std::move(waiting)); }) == amop::Code::closed);
}

TEST_CASE("futures of subscriptions and services can be cancelled") {
    Counter destroyed;
    const amop::Devnet nodes(amop::DevnetOptions{}.nodes(1));
    nodes.kill_node(0);
    const amop::Client client(nodes.client_options(0).start_offline(true).call_timeout(1h));
    const auto to_subscribe = amop::SubscribeOptions().confirm(amop::Confirm::always);
    const auto to_serve = amop::ServeOptions().confirm(amop::Confirm::always);
    amop::Call read, handled, requests, served;
    auto reading = client.subscribe_async("t", read, to_subscribe);
    auto handling = client.subscribe_async(
        "t", [captured = Captured(destroyed)](const amop::Message&) {}, handled, to_subscribe);
    auto taking = client.serve_async("a", requests, to_serve);
    auto serving = client.serve_async(
        "b", [captured = Captured(destroyed)](const amop::Request&) { return ""; }, served, to_serve);
    for (const auto* call : {&read, &handled, &requests, &served}) {
        call->cancel();
    }
    CHECK(code_of([&] { auto never = outcome(std::move(reading)); }) == amop::Code::cancelled);
    CHECK(code_of([&] { auto never = outcome(std::move(handling)); }) == amop::Code::cancelled);
    CHECK(code_of([&] { auto never = outcome(std::move(taking)); }) == amop::Code::cancelled);
    // Its topic is free for others as soon as its future has failed.
    const auto again = client.serve("a");
    CHECK(code_of([&] { auto never = outcome(std::move(serving)); }) == amop::Code::cancelled);
    const auto other = client.serve("b");
    destroyed.wait_for(2);
}

TEST_CASE("handler may wait for a future, with one thread for handlers") {
    amop::Client server(options_at(1));
    const auto echo = fresh_topic(), topic = fresh_topic();
    const auto service =
        server.serve(echo, [](const amop::Request& request) { return std::string(request.text()); });
    // The client, whose destructor waits for handlers, goes before what they use.
    std::promise<std::string> in_completion, in_message;
    amop::Client client(options_at(0).dispatcher_threads(1));
    client.publish_async(echo, "1", [&](const amop::Completion&) {
        in_completion.set_value(std::string(client.publish_async(echo, "2", guard).get().text()));
    });
    CHECK(outcome(in_completion.get_future()) == "2");
    const auto subscription = client.subscribe(topic, [&](const amop::Message&) {
        in_message.set_value(std::string(client.publish_async(echo, "3", guard).get().text()));
        const auto inner = client.subscribe_async(fresh_topic()).get();
    });
    server.publish(topic, "", guard);
    CHECK(outcome(in_message.get_future()) == "3");
}

TEST_CASE("slow handler does not delay futures") {
    amop::Client client(options_at(0));
    std::promise<void> release;
    const auto released = release.get_future().share();
    client.broadcast_async(fresh_topic(), "", [released](const amop::Completion&) { released.wait(); });
    for (int n = 0; n < 10; n++) {
        outcome(client.broadcast_async(fresh_topic(), ""));
    }
    release.set_value();
}

TEST_CASE("handler of the options receives the events of connecting") {
    const amop::Devnet nodes(amop::DevnetOptions{}.nodes(1));
    std::vector<amop::EventKind> kinds;
    std::mutex lock;
    Counter seen;
    auto options = nodes.client_options(0).reconnect_min(10ms).on_event([&](const amop::Event& event) {
        const std::lock_guard<std::mutex> locked(lock);
        kinds.push_back(event.kind());
        seen.raise();
    });
    nodes.kill_node(0);
    CHECK(code_of([&] { amop::Client client(options); }) == amop::Code::connect);
    // No call runs or begins any more.
    REQUIRE(kinds.size() >= 2);
    CHECK(kinds.front() == amop::EventKind::connect_failed);
    CHECK(kinds.back() == amop::EventKind::closed);
    nodes.restart_node(0);
    const auto before = static_cast<int>(kinds.size());
    amop::Client client(options);
    seen.wait_for(before + 1);
    const std::lock_guard<std::mutex> locked(lock);
    CHECK(kinds.at(static_cast<std::size_t>(before)) == amop::EventKind::connected);
}

TEST_CASE("destroyed listener is not called any more") {
    const amop::Devnet nodes(amop::DevnetOptions{}.nodes(1));
    amop::Client client(nodes.client_options(0).reconnect_min(10ms));
    Counter destroyed, calls;
    const auto events = client.events();
    auto listener = std::optional<amop::Listener>(
        client.on_event([&, captured = Captured(destroyed)](const amop::Event&) { calls.raise(); }));
    nodes.kill_node(0);
    calls.wait_for(1);
    listener.reset();
    CHECK(destroyed.times() == 1);
    const auto called = calls.times();
    nodes.restart_node(0);
    next_event(events, amop::EventKind::reconnected);
    CHECK(calls.times() == called);
}
