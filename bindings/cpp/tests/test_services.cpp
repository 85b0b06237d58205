// Services: replies by return value and by request; failures; concurrency; reading requests.
#include "fixture.hpp"

#include <atomic>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

TEST_CASE("return value of a service handler is the reply") {
    amop::Client server(options_at(1)), client(options_at(0));
    const auto text = fresh_topic(), bytes = fresh_topic(), literal = fresh_topic(), same = fresh_topic();
    server.serve_until_close(
        text, [](const amop::Request& request) { return "hello, " + std::string(request.text()); });
    server.serve_until_close(bytes, [](amop::Request) { return std::vector<std::uint8_t>{0, 255}; });
    server.serve_until_close(literal, [](auto&&) { return "fixed"; });
    server.serve_until_close(same, [kept = std::optional<amop::Request>()](amop::Request& request) mutable {
        kept.emplace(std::move(request));
        return kept->data();
    });
    CHECK(client.publish(text, "Ada").text() == "hello, Ada");
    CHECK(client.publish(bytes, "").data() == std::vector<std::uint8_t>{0, 255});
    CHECK(client.publish(literal, "").text() == "fixed");
    CHECK(client.publish(same, "mirror").text() == "mirror");
}

TEST_CASE("handler can answer through the request, also later") {
    amop::Client server(options_at(1)), client(options_at(0));
    const auto topic = fresh_topic();
    std::promise<amop::Request> kept;
    auto service = server.serve(topic, [&](amop::Request request) {
        CHECK(request.is_open());
        CHECK(request.topic() == topic);
        CHECK(request.message().kind() == amop::MessageKind::unicast);
        if (request.text() == "now") {
            request.reply("now");
            CHECK_FALSE(request.is_open());
            CHECK(code_of([&] { request.reply("again"); }) == amop::Code::already_answered);
        } else {
            kept.set_value(std::move(request));
        }
    });
    CHECK(service.topic() == topic);
    CHECK(client.publish(topic, "now").text() == "now");
    auto later = client.publish_async(topic, "later");
    auto request = outcome(kept.get_future());
    const amop::Message message = request.message();
    request.reply();
    CHECK(outcome(std::move(later)).data().empty());
    const amop::Request moved = std::move(request);
    CHECK(moved.text() == "later");
    CHECK(request.text().empty());
    CHECK_FALSE(request.is_open());
    CHECK(code_of([&] { request.reply("moved from"); }) == amop::Code::invalid_argument);
    CHECK(message.text() == "later");
}

TEST_CASE("failure of a service reaches the publisher") {
    amop::Client server(options_at(1)), client(options_at(0));
    const auto topic = fresh_topic();
    server.serve_until_close(topic, [](amop::Request request) {
        if (request.text() == "own code") {
            request.fail(160010, "of its own");
        } else if (request.text() == "no code") {
            request.fail("just so");
        } else if (request.text() == "code of a node") {
            CHECK(code_of([&] { request.fail(102); }) == amop::Code::invalid_argument);
        } else if (request.text() == "exception") {
            throw std::runtime_error("out of paper");
        }
        // Otherwise the request is dropped.
    });
    const auto failure = [&](const char* text) { return error_of([&] { client.publish(topic, text); }); };

    const auto own = failure("own code");
    CHECK(own.code() == amop::Code::remote);
    CHECK(own.node_code() == 160010);
    CHECK(own.data() == "of its own");
    const auto plain = failure("no code");
    CHECK(plain.code() == amop::Code::subscriber_failed);
    CHECK(plain.node_code() == amop::Request::failed);
    CHECK(plain.data() == "just so");
    CHECK(failure("code of a node").code() == amop::Code::subscriber_dropped);
    const auto thrown = failure("exception");
    CHECK(thrown.code() == amop::Code::subscriber_failed);
    CHECK(thrown.data() == "the handler failed");
    CHECK(thrown.delivery() == amop::Delivery::maybe);
    CHECK(failure("nothing").code() == amop::Code::subscriber_dropped);
}

TEST_CASE("code that a 3.x node can't carry leaves the request open") {
    const amop::Devnet nodes(
        amop::DevnetOptions{}.nodes(1).generation(amop::Generation::v3).tls(amop::Tls::off));
    amop::Client server(nodes.client_options(0)), client(nodes.client_options(0));
    const auto service = server.serve("t");
    auto failing = client.publish_async("t", "", guard);
    const auto request = service.next(guard);
    REQUIRE(request);
    for (const std::int32_t code : {160010, 100101, 32768, -32769}) {
        CHECK(code_of([&] { request->fail(code, "x"); }) == amop::Code::invalid_argument);
        CHECK(request->is_open());
    }
    request->fail(32767, "x");
    const auto failed = error_of([&] { outcome(std::move(failing)); });
    CHECK(failed.code() == amop::Code::remote);
    CHECK(failed.node_code() == 32767);
}

TEST_CASE("exception after the answer only emits an event") {
    amop::Client server(options_at(1)), client(options_at(0));
    const auto topic = fresh_topic();
    const auto events = server.events();
    server.serve_until_close(topic, [](const amop::Request& request) {
        request.reply("done");
        throw std::runtime_error("too late");
    });
    CHECK(client.publish(topic, "").text() == "done");
    CHECK(next_event(events, amop::EventKind::handler_failed).message() == "too late");
}

TEST_CASE("reply that can't be sent fails the handler") {
    amop::Client server(options_at(1)), client(options_at(0));
    const auto large = fresh_topic(), twice = fresh_topic();
    const auto events = server.events();
    server.serve_until_close(large, [](amop::Request) { return std::string(std::size_t{101} << 20, 'x'); });
    server.serve_until_close(twice, [](const amop::Request& request) {
        request.reply("first");
        return "second";
    });
    const auto error = error_of([&] { client.publish(large, ""); });
    CHECK(error.code() == amop::Code::subscriber_failed);
    CHECK(next_event(events, amop::EventKind::handler_failed).topic() == large);
    CHECK(client.publish(twice, "").text() == "first");
    CHECK(next_event(events, amop::EventKind::handler_failed).topic() == twice);
}

TEST_CASE("library answers for a slow service") {
    amop::Client client(options_at(0));
    for (const auto limit : short_limits) {
        std::promise<amop::Request> kept;
        auto keeping = kept.get_future();
        const auto topic = fresh_topic();
        amop::Client server(options_at(1).answer_timeout(limit));
        server.serve_until_close(topic, [&](amop::Request request) { kept.set_value(std::move(request)); });
        CHECK(code_of([&] { client.publish(topic, ""); }) == amop::Code::subscriber_too_slow);
        if (keeping.wait_for(limit) != std::future_status::ready) {
            // The request expired before the handler could be called.
            continue;
        }
        const auto request = keeping.get();
        CHECK_FALSE(request.is_open());
        CHECK(code_of([&] { request.reply("at last"); }) == amop::Code::request_expired);
        return;
    }
    FAIL("no handler was called within the longest limit");
}

TEST_CASE("concurrency limits running handlers") {
    amop::Client server(options_at(1)), client(options_at(0));
    const auto topic = fresh_topic();
    Counter entered;
    std::promise<void> leave;
    const auto left = leave.get_future().share();
    auto service = server.serve(
        topic,
        [&](const amop::Request& request) {
            entered.raise();
            left.wait();
            return std::string(request.text());
        },
        amop::ServeOptions{}
            .concurrency(3)
            .max_messages(100)
            .max_bytes(1000)
            .placement(amop::Placement::one)
            .timeout(guard));
    std::vector<std::future<amop::Reply>> replies;
    for (int n = 0; n < 3; n++) {
        replies.push_back(client.publish_async(topic, std::to_string(n)));
    }
    entered.wait_for(3);
    leave.set_value();
    for (int n = 0; n < 3; n++) {
        CHECK(outcome(std::move(replies[static_cast<std::size_t>(n)])).text() == std::to_string(n));
    }
    CHECK(service.stats().accepted == 3);
}

TEST_CASE("requests can be read") {
    amop::Client server(options_at(1)), client(options_at(0));
    const auto topic = fresh_topic();
    auto service = server.serve(topic, amop::ServeOptions{}.max_messages(10));
    CHECK_FALSE(service.next(0ms).has_value());
    CHECK(service.fd() >= 0);
    std::vector<std::future<amop::Reply>> replies;
    for (int n = 0; n < 4; n++) {
        replies.push_back(client.publish_async(topic, std::to_string(n)));
    }
    const auto first = service.next(guard);
    REQUIRE(first.has_value());
    first->reply(first->data());
    std::size_t answered = 1;
    for (amop::Request& request : service) {
        request.reply(request.data());
        if (++answered == 3) {
            break;
        }
    }
    const auto rest = service.next_many(10, guard);
    REQUIRE(rest.size() == 1);
    rest[0].reply(rest[0].data());
    for (int n = 0; n < 4; n++) {
        CHECK(outcome(std::move(replies[static_cast<std::size_t>(n)])).text() == std::to_string(n));
    }
    service.unsubscribe();
    CHECK(code_of([&] { service.next(guard); }) == amop::Code::closed);
    CHECK(service.begin() == service.end());
}

TEST_CASE("topic has one service per client") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    const auto service = client.serve(topic, [](amop::Request) {});
    CHECK(code_of([&] { service.next(0ms); }) == amop::Code::invalid_argument);
    CHECK(code_of([&] { service.next_many(1, 0ms); }) == amop::Code::invalid_argument);
    CHECK(code_of([&] { service.fd(); }) == amop::Code::invalid_argument);
    CHECK(code_of([&] { auto second = client.serve(topic); }) == amop::Code::already_served);
}
