// Load: many threads on one client, slow consumers, killed nodes.
#include "fixture.hpp"

#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

TEST_CASE("messages of 8 threads arrive once, in order per thread") {
    constexpr int threads = 8, messages = 500;
    amop::Client client(options_at(0)), subscriber(options_at(1));
    const auto topic = fresh_topic(), echo = fresh_topic();
    subscriber.serve_until_close(echo,
                                 [](const amop::Request& request) { return std::string(request.text()); });
    std::vector<std::vector<int>> seen(threads);
    Counter arrived;
    auto subscription = subscriber.subscribe(topic, [&](const amop::Message& message) {
        const auto text = std::string(message.text());
        const auto colon = text.find(':');
        seen.at(std::stoul(text)).push_back(std::stoi(text.substr(colon + 1)));
        arrived.raise();
    });
    std::atomic<int> wrong{0};
    std::vector<std::thread> publishers;
    for (int thread = 0; thread < threads; thread++) {
        publishers.emplace_back([&, thread] {
            for (int n = 0; n < messages; n++) {
                const auto text = std::to_string(thread) + ":" + std::to_string(n);
                try {
                    client.publish(topic, text);
                    wrong += client.publish(echo, text).text() != text;
                } catch (const amop::Error&) {
                    wrong++;
                }
            }
        });
    }
    for (auto& publisher : publishers) {
        publisher.join();
    }
    arrived.wait_for(threads * messages);
    subscription.unsubscribe();
    CHECK(wrong == 0);
    for (const auto& numbers : seen) {
        REQUIRE(numbers.size() == messages);
        for (int n = 0; n < messages; n++) {
            REQUIRE(numbers[static_cast<std::size_t>(n)] == n);
        }
    }
}

TEST_CASE("slow consumer loses only its messages and counts them") {
    constexpr int messages = 200;
    amop::Client client(options_at(0)), subscriber(options_at(1));
    const auto topic = fresh_topic();
    Counter entered, quick;
    std::promise<void> leave;
    const auto left = leave.get_future().share();
    std::atomic<int> handled{0};
    auto slow = subscriber.subscribe(
        topic,
        [&, left](const amop::Message&) {
            entered.raise();
            left.wait();
            handled++;
        },
        amop::SubscribeOptions{}.max_messages(10));
    auto fast = subscriber.subscribe(topic, [&](const amop::Message&) { quick.raise(); });
    for (int n = 0; n < messages; n++) {
        client.publish(topic, std::to_string(n));
    }
    quick.wait_for(messages);
    entered.wait_for(1);
    leave.set_value();
    slow.unsubscribe();
    const auto stats = slow.stats();
    CHECK(stats.accepted + stats.refused == messages);
    CHECK(stats.refused > 0);
    CHECK(static_cast<std::uint64_t>(handled) + stats.dropped == stats.accepted);
    CHECK(fast.stats().accepted == messages);
}

TEST_CASE("calls complete once while a node is killed under load") {
    constexpr int threads = 4;
    const amop::Devnet nodes;
    const auto options = [&] {
        return nodes.client_options(0)
            .endpoint(nodes.endpoint(1))
            .reconnect_min(10ms)
            .reconnect_max(50ms)
            .call_timeout(guard)
            .close_timeout(guard);
    };
    amop::Client client(options());
    amop::Client subscriber(options());
    const auto topic = fresh_topic();
    std::mutex lock;
    std::set<std::string> arrived;
    auto subscription = subscriber.subscribe(topic, [&](const amop::Message& message) {
        const std::lock_guard<std::mutex> locked(lock);
        arrived.emplace(message.text());
    });
    std::set<std::string> succeeded;
    std::atomic<int> started{0}, ended{0}, failed{0};
    std::atomic<bool> stop{false};
    Counter progress, after;
    std::vector<std::thread> publishers;
    for (int thread = 0; thread < threads; thread++) {
        publishers.emplace_back([&, thread] {
            for (int n = 0; !stop; n++) {
                const auto text = std::to_string(thread) + ":" + std::to_string(n);
                std::vector<std::future<amop::Reply>> replies;
                for (int call = 0; call < 8; call++) {
                    try {
                        auto data = text + ":" + std::to_string(call);
                        replies.push_back(client.publish_async(
                            topic, data, amop::PublishOptions{}.retry(amop::Retry::at_least_once)));
                        started++;
                    } catch (const amop::Error& error) {
                        // Refused, for example while no node is connected.
                        failed += !error.is_retriable();
                    }
                }
                for (std::size_t call = 0; call < replies.size(); call++) {
                    try {
                        outcome(std::move(replies[call]));
                        const std::lock_guard<std::mutex> locked(lock);
                        succeeded.insert(text + ":" + std::to_string(call));
                    } catch (const amop::Error& error) {
                        failed += error.code() == amop::Code::internal;
                    }
                    ended++;
                }
                (stop ? after : progress).raise();
            }
        });
    }
    const auto events = client.events();
    for (const std::size_t node : {0u, 1u}) {
        progress.wait_for(progress.times() + 2 * threads);
        nodes.kill_node(node);
        progress.wait_for(progress.times() + 2 * threads);
        nodes.restart_node(node);
        while (next_event(events, amop::EventKind::reconnected).endpoint() != nodes.endpoint(node)) {
        }
    }
    progress.wait_for(progress.times() + 2 * threads);
    stop = true;
    for (auto& publisher : publishers) {
        publisher.join();
    }
    subscription.unsubscribe();
    CHECK(started > 0);
    CHECK(ended == started);
    CHECK(failed == 0);
    CHECK(succeeded.size() > 0);
    for (const auto& text : succeeded) {
        CAPTURE(text);
        CHECK(arrived.count(text) == 1);
    }
}
