/// Calls for coroutines of C++20: `co_await amop::awaitable::publish(client, "hello", "hi", 5s)`. amop.hpp does not
/// include this header.
///
/// A coroutine that waits needs no thread. It continues on the thread of the library that runs the handlers of
/// completions, which run one after the other, or, with an executor, where that resumes it. An executor is a callable
/// object that receives a `std::coroutine_handle<>` and resumes it, at once or later, on any thread.
///
/// The client must exist until the call has completed. A coroutine that waits for a call must not be destroyed.
#pragma once

#include <coroutine>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "bytes.hpp"
#include "client.hpp"
#include "completion.hpp"
#include "publish.hpp"
#include "result.hpp"

namespace amop::awaitable {

/// Resumes a coroutine on the thread on which its call has completed.
struct Inline {
    void operator()(std::coroutine_handle<> coroutine) const { coroutine.resume(); }
};

/// A publish or broadcast that starts when it is awaited. `Outcome` is what `co_await` returns.
template <class Outcome, class Executor>
class [[nodiscard]] Sending {
public:
    Sending(const Client& client, std::string_view topic, Bytes data, const PublishOptions& options,
            Executor executor)
        : client_(&client), topic_(topic), data_(data), options_(options), executor_(std::move(executor)) {}

    bool await_ready() const noexcept { return false; }

    /// Starts the call. An error that is known at once is the outcome, and the coroutine does not wait.
    bool await_suspend(std::coroutine_handle<> coroutine) {
        // When the call has started, this object may be gone at any time: only locals are used from here on.
        auto started = attempt([&] {
            auto handler = [this, coroutine](const Completion& completion) {
                auto error = completion.error();
                if (error) {
                    outcome_.emplace(*std::move(error));
                } else if constexpr (std::is_void_v<Outcome>) {
                    outcome_.emplace();
                } else {
                    outcome_.emplace(completion.reply());
                }
                // Moved out, because resuming may destroy this object.
                Executor executor = std::move(executor_);
                executor(coroutine);
            };
            if constexpr (std::is_void_v<Outcome>) {
                return client_->broadcast_async(topic_, data_, std::move(handler), options_);
            } else {
                return client_->publish_async(topic_, data_, std::move(handler), options_);
            }
        });
        if (started) {
            return true;
        }
        outcome_.emplace(started.error());
        return false;
    }

    /// Returns the reply of a publish; throws as `Client::publish` and `Client::broadcast` do.
    Outcome await_resume() { return std::move(*outcome_).value(); }

    /// The outcome as a value; for `as_result`.
    Result<Outcome> take() { return std::move(*outcome_); }

private:
    const Client* client_;
    std::string_view topic_;
    Bytes data_;
    PublishOptions options_;
    Executor executor_;
    std::optional<Result<Outcome>> outcome_;
};

/// A call whose `co_await` returns a `Result`.
template <class Outcome, class Executor>
class [[nodiscard]] Attempting : public Sending<Outcome, Executor> {
public:
    explicit Attempting(Sending<Outcome, Executor> sending)
        : Sending<Outcome, Executor>(std::move(sending)) {}

    Result<Outcome> await_resume() { return this->take(); }
};

/// Sends a message to one subscriber; `co_await` returns its reply. Arguments and errors as of `Client::publish`.
/// `topic` and `data` are read when the call is awaited.
template <class Executor = Inline>
Sending<Reply, Executor> publish(const Client& client, std::string_view topic, Bytes data,
                                 const PublishOptions& options = {}, Executor executor = {}) {
    return Sending<Reply, Executor>(client, topic, data, options, std::move(executor));
}

/// Sends a message to all subscribers; `co_await` returns nothing. Arguments and errors as of `Client::broadcast`.
template <class Executor = Inline>
Sending<void, Executor> broadcast(const Client& client, std::string_view topic, Bytes data,
                                  const PublishOptions& options = {}, Executor executor = {}) {
    return Sending<void, Executor>(client, topic, data, options, std::move(executor));
}

/// Makes `co_await` return a `Result`, with the error of a failed call, instead of throwing:
/// `co_await as_result(publish(client, "hello", "hi"))`.
template <class Outcome, class Executor>
Attempting<Outcome, Executor> as_result(Sending<Outcome, Executor> sending) {
    return Attempting<Outcome, Executor>(std::move(sending));
}

} // namespace amop::awaitable
