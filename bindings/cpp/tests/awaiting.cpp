// Coroutines of C++20 that await calls.
#include <amop.hpp>

#include <amop/awaitable.hpp>

#include <condition_variable>
#include <coroutine>
#include <cstdlib>
#include <deque>
#include <exception>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>

using namespace std::chrono_literals;

namespace {

constexpr auto guard = 60s;

void check(bool holds, int line) {
    if (!holds) {
        std::cerr << __FILE__ << ':' << line << ": failed\n";
        std::exit(1);
    }
}

/// A coroutine that runs on its own.
struct Detached {
    struct promise_type {
        Detached get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() noexcept { std::terminate(); }
    };
};

/// Coroutines that the main thread resumes.
class Loop {
public:
    void post(std::coroutine_handle<> coroutine) {
        const std::lock_guard lock(mutex_);
        ready_.push_back(coroutine);
        posted_.notify_one();
    }

    void run_one() {
        std::unique_lock lock(mutex_);
        check(posted_.wait_for(lock, guard, [this] { return !ready_.empty(); }), __LINE__);
        const auto coroutine = ready_.front();
        ready_.pop_front();
        lock.unlock();
        coroutine.resume();
    }

private:
    std::mutex mutex_;
    std::condition_variable posted_;
    std::deque<std::coroutine_handle<>> ready_;
};

struct OnLoop {
    Loop* loop;
    void operator()(std::coroutine_handle<> coroutine) const { loop->post(coroutine); }
};

Detached converse(const amop::Client& client, Loop& loop, int& steps) {
    using namespace amop::awaitable;
    const auto main = std::this_thread::get_id();
    const amop::Reply reply = co_await publish(client, "echo", "one", guard, OnLoop{&loop});
    check(reply.text() == "one" && std::this_thread::get_id() == main, __LINE__);
    steps++;
    co_await broadcast(client, "echo", "two", guard, OnLoop{&loop});
    steps++;
    try {
        co_await publish(client, "nobody", "three", guard, OnLoop{&loop});
    } catch (const amop::Error& error) {
        check(error.code() == amop::Code::no_subscriber, __LINE__);
        steps++;
    }
    // An error that is known at once does not suspend the coroutine.
    const auto refused = co_await as_result(publish(client, "", "four", guard, OnLoop{&loop}));
    check(refused.code() == amop::Code::invalid_topic, __LINE__);
    const auto ended = co_await as_result(broadcast(client, "echo", "five", guard, OnLoop{&loop}));
    check(ended.has_value(), __LINE__);
    steps++;
    // Without an executor it continues on a thread of the library.
    const amop::Reply last = co_await publish(client, "echo", "six", guard);
    check(last.text() == "six" && std::this_thread::get_id() != main, __LINE__);
    loop.post(std::noop_coroutine());
}

} // namespace

int main() {
    const amop::Devnet devnet;
    const amop::Client client(devnet.client_options(0));
    const auto service = client.serve("echo", [](const amop::Request& request) { return request.data(); });
    Loop loop;
    int steps = 0;
    converse(client, loop, steps);
    while (steps < 4) {
        loop.run_one();
    }
    loop.run_one();
    return 0;
}
