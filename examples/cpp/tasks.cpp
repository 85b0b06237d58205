// The programs of the documentation's pages about tasks. The tests run each of them with `run_tasks.cpp`.
#include "tasks.hpp"

// --8<-- [start:imports]
#include <amop.hpp>

#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

using namespace std::chrono_literals;
// --8<-- [end:imports]

namespace tasks {

// --8<-- [start:file]
static std::string file(const std::string& name) {
    std::ifstream stream(name);
    return {std::istreambuf_iterator<char>(stream), {}};
}
// --8<-- [end:file]

void subscribe(const amop::Client& client) {
    // --8<-- [start:subscribe]
    for (const amop::Message& message : client.subscribe("news")) {
        std::cout << message.text() << '\n';
    }
    // --8<-- [end:subscribe]
}

amop::Service serve(const amop::Client& client) {
    // --8<-- [start:serve]
    auto greet = client.serve(
        "greet", [](const amop::Request& request) { return "hello, " + std::string(request.text()); });
    // --8<-- [end:serve]
    return greet;
}

void publish(const amop::Client& client) {
    // --8<-- [start:publish]
    try {
        const auto options = amop::PublishOptions{}.timeout(60s).wait_for_subscriber(true);
        std::cout << client.publish("greet", "Ada", options).text() << '\n';
    } catch (const amop::Error& error) {
        const bool undelivered = error.delivery() == amop::Delivery::no;
        std::cerr << (undelivered ? "not delivered: " : "may have been delivered: ") << error.what() << '\n';
    }
    // --8<-- [end:publish]
}

void broadcast(const amop::Client& client) {
    // --8<-- [start:broadcast]
    client.broadcast("news", "rain");
    // --8<-- [end:broadcast]
}

amop::Client nodes(const std::string& first, const std::string& second, const std::string& third) {
    // --8<-- [start:nodes]
    amop::Client client{amop::Options{}.endpoint(first).endpoint(second)};
    client.add_endpoint(third);
    client.remove_endpoint(first);
    // --8<-- [end:nodes]
    return client;
}

void events(const amop::Client& client) {
    // --8<-- [start:events]
    for (const amop::Event& event : client.events()) {
        if (event.kind() == amop::EventKind::lost) {
            std::cout << "lost " << event.endpoint() << ": " << event.error()->what() << '\n';
        } else if (event.kind() == amop::EventKind::reconnected) {
            std::cout << event.endpoint() << " is back\n";
        }
    }
    // --8<-- [end:events]
}

void flow(const amop::Client& client) {
    // --8<-- [start:flow]
    const auto options = amop::SubscribeOptions{}.max_messages(1000).overflow(amop::Overflow::drop_oldest);
    const auto prices = client.subscribe("prices", options);
    std::cout << prices.stats().dropped << " messages were dropped\n";
    // --8<-- [end:flow]
}

void private_topics(const amop::Client& publisher, const amop::Client& subscriber) {
    // --8<-- [start:private]
    const auto messages = subscriber.subscribe("orders", amop::SubscribeOptions{}.key(file("orders.pem")));

    const auto orders = publisher.private_topic("orders", {file("orders.pem.pub")});
    orders.publish("one more", amop::PublishOptions{}.wait_for_subscriber(true));
    // --8<-- [end:private]
}

amop::Client credentials(const std::string& endpoint) {
    // --8<-- [start:credentials]
    amop::Client client{amop::Options{}.endpoint(endpoint).credentials("nodes/127.0.0.1/sdk")};
    // --8<-- [end:credentials]
    return client;
}

amop::Client configuration() {
    // --8<-- [start:configuration]
    amop::Client client{amop::Options{}.config_file("config.toml").call_timeout(5s)};
    // --8<-- [end:configuration]
    return client;
}

void testing() {
    // --8<-- [start:testing]
    amop::Devnet devnet{amop::DevnetOptions{}.nodes(2)};
    amop::Client server{devnet.client_options(1)};
    const auto echo =
        server.serve("echo", [](const amop::Request& request) { return std::string(request.text()); });

    amop::Client client{devnet.client_options(0)};
    const auto reply = client.publish("echo", "hi", amop::PublishOptions{}.wait_for_subscriber(true));
    std::cout << reply.text() << '\n'; // hi
    // --8<-- [end:testing]
}

void observe(const amop::Client& client) {
    // --8<-- [start:observe]
    const auto stats = client.stats();
    std::cout << stats.retries << " retries, " << stats.duplicates << " duplicates\n";
    for (const auto& endpoint : stats.endpoints) {
        std::cout << endpoint.endpoint << (endpoint.connected ? ": connected\n" : ": not connected\n");
    }
    // --8<-- [end:observe]
}

void log() {
    // --8<-- [start:log]
    // `error` shows only failures, `debug` each step.
    amop::set_log_handler(amop::LogLevel::info,
                          [](amop::LogLevel, std::string_view target, std::string_view message) {
                              std::cerr << target << ": " << message << '\n';
                          });
    // --8<-- [end:log]
}

} // namespace tasks
