#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "fixture.hpp"

#include <algorithm>

amop::Devnet& devnet() {
    static amop::Devnet nodes;
    // Wait for replies as long as a slow machine may take.
    [[maybe_unused]] static const auto waits = nodes.control("push-limit " + std::to_string(guard.count()));
    return nodes;
}

amop::Options options_at(std::size_t node) {
    return devnet()
        .client_options(node)
        .reconnect_max(200ms)
        .call_timeout(guard)
        .connect_timeout(guard)
        .close_timeout(guard)
        .answer_timeout(guard);
}

amop::Options options_at_both() { return options_at(0).endpoint(devnet().endpoint(1)); }

void wait_for_all_nodes(const amop::Client& client) {
    const auto deadline = std::chrono::steady_clock::now() + guard;
    const auto events = client.events();
    const auto all_connected = [&] {
        const auto stats = client.stats();
        return std::all_of(stats.endpoints.begin(), stats.endpoints.end(),
                           [](const amop::EndpointStats& endpoint) { return endpoint.connected; });
    };
    while (!all_connected()) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        // The event may be emitted shortly before the statistics show it.
        events.next(10ms);
    }
}

std::string fresh_topic() {
    static int number = 0;
    return "topic-" + std::to_string(++number);
}

void Counter::raise() {
    // Notify under the lock, because the waiting thread may destroy this object right afterwards.
    const std::lock_guard<std::mutex> locked(lock_);
    times_++;
    raised_.notify_all();
}

int Counter::times() const {
    const std::lock_guard<std::mutex> locked(lock_);
    return times_;
}

void Counter::wait_for(int times) const {
    std::unique_lock<std::mutex> locked(lock_);
    REQUIRE(raised_.wait_for(locked, guard, [&] { return times_ >= times; }));
}

amop::Event next_event(const amop::Events& events, amop::EventKind kind) {
    const auto deadline = std::chrono::steady_clock::now() + guard;
    for (;;) {
        CAPTURE(static_cast<int>(kind));
        auto event = events.next(deadline - std::chrono::steady_clock::now());
        REQUIRE(event.has_value());
        if (event->kind() == kind) {
            return std::move(*event);
        }
    }
}
