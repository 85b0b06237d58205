// Asks a service for several prices at once, with coroutines of C++20: coroutines 127.0.0.1:20200 price apple pear
//
// Each coroutine reads like a program that waits, but none occupies a thread: all run on the main thread, which resumes
// them as their replies arrive. A program with an executor, such as that of Asio, uses it in place of `Loop`.
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
#include <vector>

using namespace std::chrono_literals;

/// Coroutines that are ready to continue. The library posts them from its threads; the main thread resumes them.
class Loop {
public:
    /// What a call gets, to continue its coroutine here.
    auto executor() {
        return [this](std::coroutine_handle<> coroutine) { post(coroutine); };
    }

    /// Resumes coroutines until `count` of them have called `done`.
    void run(std::size_t count) {
        while (done_ < count) {
            std::unique_lock lock(mutex_);
            posted_.wait(lock, [this] { return !ready_.empty(); });
            const auto coroutine = ready_.front();
            ready_.pop_front();
            lock.unlock();
            coroutine.resume();
        }
    }

    /// Counts a coroutine that has ended; on the main thread.
    void done() { done_++; }

private:
    void post(std::coroutine_handle<> coroutine) {
        const std::lock_guard lock(mutex_);
        ready_.push_back(coroutine);
        posted_.notify_one();
    }

    std::mutex mutex_;
    std::condition_variable posted_;
    std::deque<std::coroutine_handle<>> ready_;
    std::size_t done_ = 0;
};

/// A coroutine that runs on its own and handles its errors itself.
struct Task {
    struct promise_type {
        Task get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() noexcept { std::terminate(); }
    };
};

/// Asks for one price, and stores the line to print. Its arguments outlive it.
static Task ask(const amop::Client& client, const std::string& topic, const std::string& item,
                std::string& line, bool& failed, Loop& loop) {
    try {
        const auto options = amop::PublishOptions{}.timeout(60s).wait_for_subscriber(true);
        const amop::Reply reply =
            co_await amop::awaitable::publish(client, topic, item, options, loop.executor());
        line = item + ": " + std::string(reply.text());
    } catch (const amop::Error& error) {
        failed = true;
        line = item + ": "
               + (error.code() == amop::Code::remote ? std::string(error.data().text()) : error.what());
    }
    loop.done();
}

int main(int argc, char** argv) {
    const std::string endpoint = argc > 1 ? argv[1] : "127.0.0.1:20200";
    const std::string topic = argc > 2 ? argv[2] : "price";
    std::vector<std::string> items{"apple", "pear"};
    if (argc > 3) {
        items.assign(argv + 3, argv + argc);
    }
    try {
        amop::Client client{amop::Options{}.endpoint(endpoint)};
        Loop loop;
        std::vector<std::string> lines(items.size());
        bool failed = false;
        // Starts all of them; each runs until its first call is under way.
        for (std::size_t i = 0; i < items.size(); i++) {
            ask(client, topic, items[i], lines[i], failed, loop);
        }
        loop.run(items.size());
        for (const std::string& line : lines) {
            std::cout << line << '\n';
        }
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
    } catch (const amop::Error& error) {
        std::cerr << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
