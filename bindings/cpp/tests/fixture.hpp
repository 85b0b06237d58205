/// What the tests stand on: embedded nodes, clients of them, and counters that handlers raise.
#pragma once

#include <amop.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <future>
#include <mutex>
#include <string>
#include <utility>

using namespace std::chrono_literals;

/// No test waits longer than this for anything; none that passes comes near it.
constexpr std::chrono::seconds guard = 60s;

/// Two embedded nodes for all tests of a program.
amop::Devnet& devnet();

/// Options of a client at one of them, with short pauses between reconnects and no short times.
amop::Options options_at(std::size_t node);
/// The same at both.
amop::Options options_at_both();

/// Waits until a client is connected to all its nodes.
void wait_for_all_nodes(const amop::Client& client);

/// A topic that no other test uses.
std::string fresh_topic();

/// How often something has happened, for threads that wait for it.
class Counter {
public:
    void raise();
    int times() const;
    /// Waits until it has happened `times` times; the test fails after the guard.
    void wait_for(int times) const;

private:
    mutable std::mutex lock_;
    mutable std::condition_variable raised_;
    int times_ = 0;
};

/// State that a handler captures: tells when it's destroyed. Can only be moved, as many handlers' state.
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

/// The next event of a kind; others are passed over.
amop::Event next_event(const amop::Events& events, amop::EventKind kind);

/// The future's outcome; the test fails after the guard.
template <class T>
T outcome(std::future<T> future) {
    REQUIRE(future.wait_for(guard) == std::future_status::ready);
    return future.get();
}

/// The error that a call throws; the test fails when it throws none.
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

/// The code of that error.
template <class Call>
amop::Code code_of(Call&& call) {
    return error_of(std::forward<Call>(call)).code();
}

namespace amop {

/// How doctest shows codes: by their names.
inline doctest::String toString(Code code) { return std::string(to_string(code)).c_str(); }

} // namespace amop
