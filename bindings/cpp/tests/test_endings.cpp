// The end of clients, subscriptions and services: by call, by destructor, inside of handlers, and after a fork.
#include "fixture.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

TEST_CASE("moved-from objects throw and can be assigned to") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    auto subscription = client.subscribe(topic);
    auto service = client.serve(topic);
    auto events = client.events();
    amop::Client moved = std::move(client);
    const auto moved_subscription = std::move(subscription);
    const auto moved_service = std::move(service);
    const auto moved_events = std::move(events);
    CHECK(moved_subscription.topic() == topic);
    CHECK(moved_service.topic() == topic);
    CHECK_FALSE(moved_events.next(0ms).has_value());

    const auto unusable = amop::Code::invalid_argument;
    CHECK(client.get() == nullptr);
    const std::vector<std::function<void()>> calls{
        [&] { client.publish(topic, ""); },
        [&] { (void)client.publish_async(topic, ""); },
        [&] { client.publish_async(topic, "", [](const amop::Completion&) {}); },
        [&] { (void)client.subscribe_async(topic); },
        [&] { (void)client.subscribe(topic, [](const amop::Message&) {}); },
        [&] { (void)client.close_async(); },
        [&] { (void)client.private_topic(topic, {std::string(128, '1')}); },
        [&] { subscription.next(0ms); },
        [&] { service.next_many(1, 0ms); },
        [&] { amop::Call{}.cancel(); },
    };
    for (const auto& call : calls) {
        const auto error = error_of(call);
        CHECK(error.code() == unusable);
        CHECK(std::string(error.what()).find("the object is empty") == 0);
    }
    CHECK(code_of([&] { client.publish(topic, ""); }) == unusable);
    CHECK(code_of([&] { client.broadcast(topic, ""); }) == unusable);
    CHECK(code_of([&] { auto never = client.publish_async(topic, ""); }) == unusable);
    CHECK(code_of([&] { auto never = client.subscribe(topic); }) == unusable);
    CHECK(code_of([&] { client.stats(); }) == unusable);
    CHECK(code_of([&] { client.close(); }) == unusable);
    CHECK(subscription.topic() == "");
    CHECK(code_of([&] { subscription.next(0ms); }) == unusable);
    CHECK(code_of([&] { subscription.unsubscribe(); }) == unusable);
    CHECK(code_of([&] { subscription.stats(); }) == unusable);
    CHECK(service.topic() == "");
    CHECK(code_of([&] { service.next(0ms); }) == unusable);
    CHECK(code_of([&] { service.unsubscribe(); }) == unusable);
    CHECK(code_of([&] { events.next(0ms); }) == unusable);

    client = std::move(moved);
    client.broadcast(topic, "");
}

TEST_CASE("destructor of a client lets handlers process their queues") {
    const auto topic = fresh_topic();
    std::atomic<int> handled{0};
    Counter destroyed;
    {
        amop::Client client(options_at(0));
        client.subscribe_until_close(
            topic, [&, captured = Captured(destroyed)](const amop::Message&) { handled++; });
        for (int n = 0; n < 100; n++) {
            client.publish(topic, std::to_string(n));
        }
    }
    CHECK(handled == 100);
    CHECK(destroyed.times() == 1);
}

TEST_CASE("assignment to a client closes the previous one") {
    amop::Client client(options_at(0));
    const auto events = client.events();
    client = amop::Client(options_at(1));
    CHECK(next_event(events, amop::EventKind::closed).error() == std::nullopt);
    CHECK(code_of([&] { events.next(guard); }) == amop::Code::closed);
    client.broadcast(fresh_topic(), "");
}

TEST_CASE("subscription can be destroyed in its own handler") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    for (const bool destroy : {false, true}) {
        CAPTURE(destroy);
        Counter destroyed;
        std::promise<std::optional<amop::Subscription>*> given;
        auto own = given.get_future().share();
        std::optional<amop::Subscription> subscription(
            client.subscribe(topic, [own, destroy, captured = Captured(destroyed)](const amop::Message&) {
                auto& itself = *own.get();
                if (destroy) {
                    itself.reset();
                } else {
                    itself->unsubscribe();
                }
            }));
        client.publish(topic, "");
        given.set_value(&subscription);
        destroyed.wait_for(1);
    }
    // The node may not have processed the topic list yet.
    const auto code =
        code_of([&] { client.publish(topic, "", amop::PublishOptions{}.retry(amop::Retry::never)); });
    CHECK((code == amop::Code::no_subscriber || code == amop::Code::subscriber_unsubscribed));
}

TEST_CASE("service can be destroyed in its handler after its answer") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    Counter destroyed;
    std::promise<std::unique_ptr<amop::Service>> given;
    auto own = std::make_shared<std::future<std::unique_ptr<amop::Service>>>(given.get_future());
    auto service = std::make_unique<amop::Service>(
        client.serve(topic, [own, captured = Captured(destroyed)](const amop::Request& request) {
            request.reply("answer");
            own->get().reset();
        }));
    auto reply = client.publish_async(topic, "");
    given.set_value(std::move(service));
    CHECK(outcome(std::move(reply)).text() == "answer");
    destroyed.wait_for(1);
}

TEST_CASE("client can be destroyed in its own handler") {
    for (const bool destroy : {false, true}) {
        CAPTURE(destroy);
        auto client = std::make_unique<amop::Client>(options_at(0));
        const auto topic = fresh_topic();
        Counter destroyed;
        std::promise<std::unique_ptr<amop::Client>*> given;
        auto own = given.get_future().share();
        client->subscribe_until_close(topic,
                                      [own, destroy, captured = Captured(destroyed)](const amop::Message&) {
                                          auto& itself = *own.get();
                                          if (destroy) {
                                              itself.reset();
                                          } else {
                                              itself->close();
                                          }
                                      });
        const auto events = client->events();
        client->publish(topic, "");
        given.set_value(&client);
        destroyed.wait_for(1);
        next_event(events, amop::EventKind::closed);
    }
}

TEST_CASE("handler can end another subscription without waiting") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic(), other = fresh_topic();
    Counter entered, destroyed, unsubscribed;
    std::promise<void> leave;
    const auto left = leave.get_future().share();
    auto slow = client.subscribe(other, [&, left, captured = Captured(destroyed)](const amop::Message&) {
        entered.raise();
        left.wait();
    });
    client.subscribe_until_close(topic, [&](const amop::Message&) {
        slow.unsubscribe();
        unsubscribed.raise();
    });
    client.publish(other, "");
    entered.wait_for(1);
    client.publish(topic, "");
    unsubscribed.wait_for(1);
    CHECK(destroyed.times() == 0);
    leave.set_value();
    slow.unsubscribe();
    CHECK(destroyed.times() == 1);
}

TEST_CASE("close times out while a handler blocks, then succeeds") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    Counter entered, destroyed;
    std::promise<void> leave;
    const auto left = leave.get_future().share();
    client.subscribe_until_close(topic, [&, left, captured = Captured(destroyed)](const amop::Message&) {
        entered.raise();
        left.wait();
    });
    client.publish(topic, "");
    entered.wait_for(1);
    CHECK(code_of([&] { client.close(1ms); }) == amop::Code::timeout);
    CHECK(destroyed.times() == 0);
    leave.set_value();
    client.close();
    CHECK(destroyed.times() == 1);
}

TEST_CASE("destructor waits no longer than the close timeout") {
    const auto topic = fresh_topic();
    Counter entered, destroyed;
    std::promise<void> leave;
    const auto left = leave.get_future().share();
    {
        amop::Client client(options_at(0).close_timeout(1ms));
        auto subscription =
            client.subscribe(topic, [&, left, captured = Captured(destroyed)](const amop::Message&) {
                entered.raise();
                left.wait();
            });
        client.publish(topic, "");
        entered.wait_for(1);
    }
    CHECK(destroyed.times() == 0);
    leave.set_value();
    destroyed.wait_for(1);
}

TEST_CASE("many threads may close a client at once") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    const auto subscription = client.subscribe(topic);
    const auto service = client.serve(topic);
    std::vector<std::thread> threads;
    std::atomic<int> closed{0};
    for (int n = 0; n < 4; n++) {
        threads.emplace_back([&] {
            client.close();
            closed++;
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(closed == 4);
    const auto code = amop::Code::closed;
    CHECK(code_of([&] { subscription.next(guard); }) == code);
    CHECK(code_of([&] { service.next(guard); }) == code);
    CHECK(code_of([&] { client.publish(topic, ""); }) == code);
    CHECK(code_of([&] { client.broadcast(topic, ""); }) == code);
    CHECK(code_of([&] { auto never = client.subscribe(topic); }) == code);
    CHECK(code_of([&] { auto never = client.serve(topic, [](amop::Request) {}); }) == code);
    CHECK(code_of([&] { client.add_endpoint("127.0.0.1:1"); }) == code);
}

TEST_CASE("close keeps its time at a frozen node") {
    const amop::Devnet nodes(amop::DevnetOptions{}.nodes(1));
    amop::Client client(nodes.client_options(0).heartbeat(1h).call_timeout(1h).close_timeout(1h));
    nodes.control("freeze 0");
    // More than the buffers of two sockets hold.
    auto call = client.publish_async("t", std::string(24 << 20, 'x'));
    until([&] { return client.stats().total.queued_bytes > 0; });
    auto closing = std::async(std::launch::async, [&] {
        try {
            client.close(100ms);
            return amop::Code::ok;
        } catch (const amop::Error& error) {
            return error.code();
        }
    });
    const auto code = outcome(std::move(closing));
    // On a busy machine the end of the client comes after the time.
    CHECK((code == amop::Code::ok || code == amop::Code::timeout));
    client.close(guard);
    // Its thread may set it after the close.
    CHECK(code_of([&] { outcome(std::move(call)); }) == amop::Code::closed);
}

TEST_CASE("subscriptions and services may outlive their client") {
    auto client = std::make_unique<amop::Client>(options_at(0));
    const auto topic = fresh_topic();
    auto read = client->subscribe(topic);
    auto called = client->subscribe(topic, [](const amop::Message&) {});
    auto service = client->serve(fresh_topic());
    client->broadcast(topic, "");
    client.reset();
    CHECK(read.topic() == topic);
    CHECK(code_of([&] { read.next(guard); }) == amop::Code::closed);
    called.unsubscribe();
    CHECK(code_of([&] { service.next(guard); }) == amop::Code::closed);
}

TEST_CASE("child of a fork gets an error and can destroy objects") {
    auto client = std::make_unique<amop::Client>(options_at(0));
    auto subscription = std::make_unique<amop::Subscription>(client->subscribe(fresh_topic()));
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        int right = 0;
        const auto is_forked = [&](auto&& call) {
            try {
                call();
            } catch (const amop::Error& error) {
                right += error.code() == amop::Code::forked;
            }
        };
        is_forked([&] { client->publish("x", ""); });
        is_forked([&] { subscription->next(0ms); });
        is_forked([&] { client->close(); });
        subscription.reset();
        client.reset();
        _exit(right == 3 ? 0 : 1);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    client->broadcast(fresh_topic(), "");
}
