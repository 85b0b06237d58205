// Handlers: the lifetime of their captures, their exceptions, and the kinds of callables.
#include "fixture.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

TEST_CASE("captures are destroyed when unsubscribe has returned") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    Counter calls, destroyed;
    auto subscription = client.subscribe(
        topic, [&calls, captured = Captured(destroyed)](const amop::Message&) { calls.raise(); });
    client.publish(topic, "1");
    calls.wait_for(1);
    CHECK(destroyed.times() == 0);
    subscription.unsubscribe();
    CHECK(destroyed.times() == 1);
    subscription.unsubscribe();
    client.close();
    CHECK(destroyed.times() == 1);
}

TEST_CASE("captures are destroyed when subscribe fails") {
    amop::Client client(options_at(0));
    Counter destroyed;
    const auto subscribe = [&](const std::string& topic) {
        return code_of([&] {
            auto never = client.subscribe(topic, [captured = Captured(destroyed)](const amop::Message&) {});
        });
    };
    CHECK(subscribe("") == amop::Code::invalid_topic);
    CHECK(destroyed.times() == 1);
    // Rejected before the library is called.
    CHECK(subscribe(std::string("a\0b", 3)) == amop::Code::invalid_topic);
    CHECK(destroyed.times() == 2);
    CHECK(code_of([&] {
              auto never = client.subscribe(
                  fresh_topic(), [captured = Captured(destroyed)](const amop::Message&) {},
                  amop::SubscribeOptions{}.overflow(static_cast<amop::Overflow>(9)));
          })
          == amop::Code::invalid_argument);
    CHECK(destroyed.times() == 3);
    client.close();
    CHECK(subscribe(fresh_topic()) == amop::Code::closed);
    CHECK(destroyed.times() == 4);
}

TEST_CASE("every kind of handler is destroyed once") {
    amop::Client client(options_at(1));
    const auto topic = fresh_topic();
    Counter destroyed;
    {
        auto service = client.serve(topic, [captured = Captured(destroyed)](amop::Request) {});
        CHECK(code_of([&] {
                  client.serve_until_close(topic, [captured = Captured(destroyed)](amop::Request) {});
              })
              == amop::Code::already_served);
        CHECK(destroyed.times() == 1);
    }
    CHECK(destroyed.times() == 2);
    client.on_event_until_close([captured = Captured(destroyed)](const amop::Event&) {});
    client.subscribe_until_close(topic, [captured = Captured(destroyed)](const amop::Message&) {});
    client.serve_until_close(topic, [captured = Captured(destroyed)](amop::Request) {});
    Counter ended;
    client.publish_async(fresh_topic(), "",
                         [&, captured = Captured(destroyed)](const amop::Completion&) { ended.raise(); });
    ended.wait_for(1);
    destroyed.wait_for(3);
    CHECK(code_of([&] {
              client.publish_async("", "", [captured = Captured(destroyed)](const amop::Completion&) {});
          })
          == amop::Code::invalid_topic);
    CHECK(destroyed.times() == 4);
    client.close();
    CHECK(destroyed.times() == 7);
    CHECK(
        code_of([&] { client.on_event_until_close([captured = Captured(destroyed)](const amop::Event&) {}); })
        == amop::Code::closed);
    CHECK(code_of([&] {
              client.broadcast_async("x", "", [captured = Captured(destroyed)](const amop::Completion&) {});
          })
          == amop::Code::closed);
    CHECK(destroyed.times() == 9);
}

TEST_CASE("captures are destroyed after the last call has returned") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    Counter entered, destroyed;
    std::promise<void> leave;
    auto left = leave.get_future().share();
    std::atomic<bool> destroyed_in_call{false};
    auto subscription = client.subscribe(
        topic, [&, left, captured = std::make_unique<Captured>(destroyed)](const amop::Message&) {
            entered.raise();
            left.wait();
            destroyed_in_call = destroyed.times() != 0;
        });
    client.publish(topic, "1");
    entered.wait_for(1);
    CHECK(code_of([&] { subscription.unsubscribe(1ms); }) == amop::Code::timeout);
    CHECK(destroyed.times() == 0);
    leave.set_value();
    subscription.unsubscribe();
    CHECK(destroyed.times() == 1);
    CHECK_FALSE(destroyed_in_call);
}

TEST_CASE("destructor of a subscription waits for its handler") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    Counter entered;
    std::atomic<int> finished{0};
    auto subscription = client.subscribe(topic, [&](const amop::Message&) {
        entered.raise();
        std::this_thread::yield();
        finished++;
    });
    for (int n = 0; n < 10; n++) {
        client.publish(topic, std::to_string(n));
    }
    entered.wait_for(1);
    // The assignment ends the previous subscription, after its handler has processed the queue.
    subscription = client.subscribe(fresh_topic(), [](const amop::Message&) {});
    CHECK(finished == 10);
}

TEST_CASE("handlers can be any callable") {
    struct Listener {
        Counter calls;
        void hear(const amop::Message&) { calls.raise(); }
    };
    struct Functor {
        Counter* calls;
        int before = 0;
        void operator()(const amop::Message&) {
            before++;
            calls->raise();
        }
    };
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    Listener listener;
    Counter calls;
    const std::function<void(const amop::Message&)> function = [&](const amop::Message&) { calls.raise(); };
    auto one = client.subscribe(topic, std::bind(&Listener::hear, &listener, std::placeholders::_1));
    auto two = client.subscribe(topic, Functor{&calls});
    auto three = client.subscribe(topic, function);
    auto four = client.subscribe(topic, [&](const auto&) { calls.raise(); });
    auto five =
        client.subscribe(topic, [&, count = 0](const amop::Message&) mutable { count++, calls.raise(); });
    client.publish(topic, "");
    listener.calls.wait_for(1);
    calls.wait_for(4);
}

namespace {

struct WithoutText : std::exception {
    const char* what() const noexcept override { return nullptr; }
};

} // namespace

TEST_CASE("exception of a subscription handler emits an event") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    const auto events = client.events();
    Counter calls;
    auto subscription = client.subscribe(topic, [&](const amop::Message& message) {
        if (message.text() == "exception") {
            throw std::runtime_error("out of paper");
        }
        if (message.text() == "number") {
            throw 42;
        }
        if (message.text() == "no text") {
            throw WithoutText();
        }
        calls.raise();
    });
    for (const auto* text : {"exception", "number", "no text", "fine"}) {
        client.publish(topic, text);
    }
    calls.wait_for(1);
    const auto exception = next_event(events, amop::EventKind::handler_failed);
    CHECK(exception.topic() == topic);
    CHECK(exception.message() == "out of paper");
    const auto number = next_event(events, amop::EventKind::handler_failed);
    CHECK(number.message() == "the handler threw an object that is not a std::exception");
    const auto without_text = next_event(events, amop::EventKind::handler_failed);
    CHECK(without_text.message() == "the handler threw an exception without a text");
    subscription.unsubscribe();
}

TEST_CASE("exceptions of completion and event handlers are logged") {
    std::promise<std::string> of_call, of_event;
    amop::set_log_handler(amop::LogLevel::error,
                          [&](amop::LogLevel level, std::string_view target, std::string_view message) {
                              CHECK(level == amop::LogLevel::error);
                              CHECK(target.substr(0, 4) == "amop");
                              if (message.find("from a call") != std::string_view::npos) {
                                  of_call.set_value(std::string(message));
                              } else if (message.find("from an event") != std::string_view::npos) {
                                  of_event.set_value(std::string(message));
                              }
                              // Ends only this call.
                              throw std::runtime_error("nobody to tell");
                          });
    amop::Client client(options_at(0));
    client.on_event_until_close([](const amop::Event& event) {
        if (event.kind() == amop::EventKind::closed) {
            throw std::runtime_error("thrown from an event's handler");
        }
    });
    client.broadcast_async(fresh_topic(), "", [](const amop::Completion&) {
        throw std::runtime_error("thrown from a call's handler");
    });
    CHECK(outcome(of_call.get_future()).find("failed") != std::string::npos);
    client.close();
    CHECK(outcome(of_event.get_future()).find("failed") != std::string::npos);
    amop::clear_log_handler();
}

TEST_CASE("handlers may call every function") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic(), echo = fresh_topic(), other = fresh_topic();
    client.serve_until_close(echo, [](const amop::Request& request) { return std::string(request.text()); });
    std::promise<std::string> done;
    client.subscribe_until_close(topic, [&](const amop::Message& message) {
        const auto reply = client.publish(echo, message.data());
        const auto subscription = client.subscribe(other);
        client.publish(other, reply.data());
        const auto back = subscription.next(guard);
        done.set_value(back ? std::string(back->text()) : "nothing came");
    });
    client.publish(topic, "there and back");
    CHECK(outcome(done.get_future()) == "there and back");
}
