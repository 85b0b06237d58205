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

/// Makes and ends everything by awaiting it, on the thread of the loop.
Detached live(const amop::Options& options, Loop& loop, bool& ended) {
    using namespace amop::awaitable;
    const OnLoop on{&loop};
    const auto main = std::this_thread::get_id();
    {
        amop::Client client = co_await connect(options, on);
        check(std::this_thread::get_id() == main, __LINE__);
        const auto limits = amop::SubscribeOptions().max_messages(9);
        const amop::Subscription read = co_await subscribe(client, "read", limits, on);
        int handled = 0;
        const amop::Subscription passed = co_await subscribe(
            client, "passed", [&](const amop::Message&) { handled++; }, limits, on);
        const amop::Service requests = co_await serve(client, "requests", amop::ServeOptions(), on);
        const amop::Service service = co_await serve(
            client, "service", [](const amop::Request& request) { return request.data(); },
            amop::ServeOptions(), on);

        check((co_await publish(client, "read", "one", guard, on)).text().empty(), __LINE__);
        const auto message = read.next(guard);
        check(message && message->text() == "one", __LINE__);
        co_await publish(client, "passed", "two", guard, on);
        const amop::Reply reply = co_await publish(client, "service", "three", guard, on);
        check(reply.text() == "three", __LINE__);

        const auto taken = co_await as_result(serve(client, "service", amop::ServeOptions(), on));
        check(taken.code() == amop::Code::already_served, __LINE__);
        const auto unnamed = co_await as_result(subscribe(client, "", limits, on));
        check(unnamed.code() == amop::Code::invalid_topic, __LINE__);

        co_await unsubscribe(passed, guard, on);
        check(handled == 1, __LINE__);
        co_await unsubscribe(read, guard, on);
        co_await unsubscribe(service, guard, on);
        co_await unsubscribe(requests, guard, on);
        co_await close(client, guard, on);
        const auto late = co_await as_result(subscribe(client, "late", limits, on));
        check(late.code() == amop::Code::closed, __LINE__);
    }
    ended = true;
}

/// Awaits calls that fail, and one that ends because its client closes.
Detached fail(amop::Options options, Loop& loop, amop::Client& offline, bool& waiting, bool& ended) {
    using namespace amop::awaitable;
    const OnLoop on{&loop};
    const auto unreachable = co_await as_result(connect(options, on));
    check(unreachable.code() == amop::Code::connect, __LINE__);
    const auto always = amop::SubscribeOptions().confirm(amop::Confirm::always);
    const auto late =
        co_await as_result(subscribe(offline, "t", amop::SubscribeOptions(always).timeout(1ms), on));
    check(late.code() == amop::Code::timeout || late.code() == amop::Code::not_connected, __LINE__);
    waiting = true;
    const auto closed = co_await as_result(subscribe(
        offline, "t", [](const amop::Message&) {}, amop::SubscribeOptions(always).timeout(1h), on));
    check(closed.code() == amop::Code::closed, __LINE__);
    ended = true;
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

    bool ended = false;
    live(devnet.client_options(0), loop, ended);
    while (!ended) {
        loop.run_one();
    }

    ended = false;
    auto options = devnet.client_options(0);
    devnet.kill_node(0);
    amop::Client offline(amop::Options(options).start_offline(true));
    bool waiting = false;
    fail(options, loop, offline, waiting, ended);
    // Then it waits for the call that only the end of the client completes. A call before may end without a completion, if
    // its time is over as soon as it starts.
    while (!waiting) {
        loop.run_one();
    }
    offline.close();
    while (!ended) {
        loop.run_one();
    }
    return 0;
}
