/// The fixture of the tests: embedded nodes, clients, and counters for handlers.
#pragma once

#include <amop.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

using namespace std::chrono_literals;

/// The longest time that a test waits; passing tests wait far less.
constexpr std::chrono::seconds guard = 60s;

/// Short limits to test one after the other: on a busy machine the first may pass before the step that a test is about.
constexpr std::chrono::milliseconds short_limits[] = {50ms, 400ms, 1500ms, 4000ms};

/// Two embedded nodes for all tests of a program.
amop::Devnet& devnet();

/// Options for a client of one node, with short pauses between reconnects and long timeouts.
amop::Options options_at(std::size_t node);
/// Options for a client of both nodes.
amop::Options options_at_both();

/// Waits until a client is connected to all its nodes.
void wait_for_all_nodes(const amop::Client& client);

/// Returns a topic that no other test uses.
std::string fresh_topic();

/// A counter that threads can wait for.
class Counter {
public:
    void raise();
    int times() const;
    /// Waits until the counter has reached `times`; the test fails after `guard`.
    void wait_for(int times) const;

private:
    mutable std::mutex lock_;
    mutable std::condition_variable raised_;
    int times_ = 0;
};

/// State captured by a handler: counts its destruction. Move-only.
class Captured {
public:
    explicit Captured(Counter& destroyed) : destroyed_(&destroyed) {}
    Captured(Captured&& other) noexcept : destroyed_(std::exchange(other.destroyed_, nullptr)) {}
    Captured& operator=(Captured&&) = delete;
    ~Captured() {
        if (destroyed_ != nullptr) {
            destroyed_->raise();
        }
    }

private:
    Counter* destroyed_;
};

/// Returns the next event of a kind, skipping others.
amop::Event next_event(const amop::Events& events, amop::EventKind kind);

/// Returns the result of a future; the test fails after `guard`.
template <class T>
T outcome(std::future<T> future) {
    REQUIRE(future.wait_for(guard) == std::future_status::ready);
    return future.get();
}

/// Waits until a condition holds; the test fails after `guard`.
template <class Condition>
void until(Condition&& holds) {
    for (auto waited = 0ms; !holds(); waited += 1ms) {
        REQUIRE(waited < guard);
        std::this_thread::sleep_for(1ms);
    }
}

/// Returns the error that a call throws; the test fails if it throws none.
template <class Call>
amop::Error error_of(Call&& call) {
    try {
        call();
    } catch (const amop::Error& error) {
        CHECK(std::string(error.what()) != "");
        return error;
    }
    FAIL("nothing was thrown");
    return amop::Error(amop::Code::ok, "unreachable");
}

/// Returns the code of the error that a call throws.
template <class Call>
amop::Code code_of(Call&& call) {
    return error_of(std::forward<Call>(call)).code();
}

namespace amop {

/// Lets doctest print codes by their names.
inline doctest::String toString(Code code) { return std::string(to_string(code)).c_str(); }

} // namespace amop
