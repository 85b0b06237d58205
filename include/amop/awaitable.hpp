/// Calls for coroutines of C++20: `co_await amop::awaitable::publish(client, "hello", "hi", 5s)`. amop.hpp does not
/// include this header.
///
/// A coroutine that waits needs no thread. It continues on the thread of the library that runs the handler of the
/// completion, or, with an executor, where that resumes it. An executor is a callable object that receives a
/// `std::coroutine_handle<>` and resumes it, at once or later, on any thread. The handlers of calls that publish,
/// broadcast, subscribe and serve run one after the other; those of the others run on a thread of their own.
///
/// Messages and requests are read without waiting when the descriptor of their subscription or service is readable, see
/// `Subscription::fd`, or passed to a handler.
///
/// The client must exist until the call has completed, except for `connect` and `close`. Arguments are read when the call
/// is awaited. A coroutine that waits for a call must not be destroyed.
#pragma once

#if (defined(_MSVC_LANG) ? _MSVC_LANG : __cplusplus) < 202002L
#error "amop/awaitable.hpp needs C++20: compile with -std=c++20 or a newer standard"
#endif

#include <coroutine>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "beginning.hpp"
#include "bytes.hpp"
#include "client.hpp"
#include "completion.hpp"
#include "options.hpp"
#include "publish.hpp"
#include "result.hpp"
#include "service.hpp"
#include "subscription.hpp"
#include "timeout.hpp"

namespace amop::detail {

/// What a call of a coroutine has besides its completion: the handle that it makes, if any.
template <class Outcome>
struct Made {};
template <>
struct Made<Subscription> {
    amop_subscription* handle = nullptr;
};
template <>
struct Made<Service> {
    amop_service* handle = nullptr;
};

/// Stores the outcome of a call.
template <class Outcome>
void take_outcome(const Completion& completion, Made<Outcome> made, std::optional<Result<Outcome>>& outcome) {
    auto error = completion.error();
    if constexpr (std::is_same_v<Outcome, Subscription> || std::is_same_v<Outcome, Service>) {
        // Without a subscription that is confirmed, this frees the handle.
        Outcome owned(made.handle);
        if (!error) {
            outcome.emplace(std::move(owned));
        }
    } else if (error) {
        // Stored below.
    } else if constexpr (std::is_same_v<Outcome, Reply>) {
        outcome.emplace(completion.reply());
    } else if constexpr (std::is_same_v<Outcome, Client>) {
        outcome.emplace(completion.take_client());
    } else {
        outcome.emplace();
    }
    if (error) {
        outcome.emplace(*std::move(error));
    }
}

} // namespace amop::detail

namespace amop::awaitable {

/// Resumes a coroutine on the thread on which its call has completed.
struct Inline {
    void operator()(std::coroutine_handle<> coroutine) const { coroutine.resume(); }
};

/// A call that starts when it is awaited, by `start(done, made)`. `Outcome` is what `co_await` returns.
template <class Outcome, class Start, class Executor>
class [[nodiscard]] Awaitable {
    static_assert(std::is_invocable_v<Executor&, std::coroutine_handle<>>,
                  "an executor takes (std::coroutine_handle<>)");

public:
    Awaitable(Start start, Executor executor) : start_(std::move(start)), executor_(std::move(executor)) {}

    bool await_ready() const noexcept { return false; }

    /// Starts the call. An error that is known at once is the outcome, and the coroutine does not wait.
    bool await_suspend(std::coroutine_handle<> coroutine) {
        // When the call has started, this object may be gone at any time: only locals are used from here on.
        Start start = std::move(start_);
        auto done = [this, coroutine](const Completion& completion) {
            detail::take_outcome(completion, made_, outcome_);
            // Moved out, because resuming may destroy this object.
            Executor executor = std::move(executor_);
            executor(coroutine);
        };
        const auto started = attempt([&] { start(std::move(done), made_); });
        if (started) {
            return true;
        }
        outcome_.emplace(started.error());
        return false;
    }

    /// Returns the outcome; throws the error of the call.
    Outcome await_resume() { return std::move(*outcome_).value(); }

    /// The outcome as a value; for `as_result`.
    Result<Outcome> take() { return std::move(*outcome_); }

private:
    Start start_;
    Executor executor_;
    detail::Made<Outcome> made_;
    std::optional<Result<Outcome>> outcome_;
};

/// A call whose `co_await` returns a `Result`.
template <class Outcome, class Start, class Executor>
class [[nodiscard]] Attempting : public Awaitable<Outcome, Start, Executor> {
public:
    explicit Attempting(Awaitable<Outcome, Start, Executor> call)
        : Awaitable<Outcome, Start, Executor>(std::move(call)) {}

    Result<Outcome> await_resume() { return this->take(); }
};

/// Returns a call that `start` starts.
template <class Outcome, class Start, class Executor>
Awaitable<Outcome, Start, Executor> call(Start start, Executor executor) {
    return Awaitable<Outcome, Start, Executor>(std::move(start), std::move(executor));
}

/// Connects; `co_await` returns the client. Arguments and errors as of the constructor of `Client`.
template <class Executor = Inline>
auto connect(const Options& options, Executor executor = {}) {
    return call<Client>([options](auto done, auto&) { Client::connect_async(options, std::move(done)); },
                        std::move(executor));
}

/// Sends a message to one subscriber; `co_await` returns its reply. Arguments and errors as of `Client::publish`.
template <class Executor = Inline>
auto publish(const Client& client, std::string_view topic, Bytes data, const PublishOptions& options = {},
             Executor executor = {}) {
    return call<Reply>([&client, topic, data, options](
                           auto done, auto&) { client.publish_async(topic, data, std::move(done), options); },
                       std::move(executor));
}

/// Sends a message to all subscribers; `co_await` returns nothing. Arguments and errors as of `Client::broadcast`.
template <class Executor = Inline>
auto broadcast(const Client& client, std::string_view topic, Bytes data, const PublishOptions& options = {},
               Executor executor = {}) {
    return call<void>(
        [&client, topic, data, options](auto done, auto&) {
            client.broadcast_async(topic, data, std::move(done), options);
        },
        std::move(executor));
}

/// Subscribes to a topic; `co_await` returns the subscription. Arguments and errors as of `Client::subscribe`.
template <class Executor = Inline>
auto subscribe(const Client& client, std::string_view topic, const SubscribeOptions& options = {},
               Executor executor = {}) {
    return call<Subscription>(
        [&client, topic, options](auto done, auto& made) {
            detail::begin_subscribe(client.get(), topic, options, std::move(done), &made.handle);
        },
        std::move(executor));
}

/// Subscribes to a topic with a handler of messages. Otherwise as the overload without.
template <class Handler, class Executor = Inline, class = detail::IfHandler<Handler, SubscribeOptions>>
auto subscribe(const Client& client, std::string_view topic, Handler handler,
               const SubscribeOptions& options = {}, Executor executor = {}) {
    return call<Subscription>(
        [&client, topic, handler = std::move(handler), options](auto done, auto& made) mutable {
            detail::begin_subscribe(client.get(), topic, std::move(handler), options, std::move(done),
                                    &made.handle);
        },
        std::move(executor));
}

/// Serves a topic; `co_await` returns the service. Arguments and errors as of `Client::serve`.
template <class Executor = Inline>
auto serve(const Client& client, std::string_view topic, const ServeOptions& options = {},
           Executor executor = {}) {
    return call<Service>(
        [&client, topic, options](auto done, auto& made) {
            detail::begin_serve(client.get(), topic, options, std::move(done), &made.handle);
        },
        std::move(executor));
}

/// Serves a topic with a handler of requests. Otherwise as the overload without.
template <class Handler, class Executor = Inline, class = detail::IfHandler<Handler, ServeOptions>>
auto serve(const Client& client, std::string_view topic, Handler handler, const ServeOptions& options = {},
           Executor executor = {}) {
    return call<Service>(
        [&client, topic, handler = std::move(handler), options](auto done, auto& made) mutable {
            detail::begin_serve(client.get(), topic, std::move(handler), options, std::move(done),
                                &made.handle);
        },
        std::move(executor));
}

/// Ends a subscription or service; `co_await` returns nothing. Arguments and errors as of its `unsubscribe`. It completes
/// when the handler has returned, also inside of a handler.
template <class Source, class Executor = Inline>
auto unsubscribe(const Source& source, Timeout timeout = {}, Executor executor = {}) {
    return call<void>(
        [&source, timeout](auto done, auto&) { source.unsubscribe_async(std::move(done), timeout); },
        std::move(executor));
}

/// Closes the client; `co_await` returns nothing. Arguments and errors as of `Client::close`. It completes when the client
/// has ended, also inside of a handler.
template <class Executor = Inline>
auto close(const Client& client, Timeout timeout = {}, Executor executor = {}) {
    return call<void>([&client, timeout](auto done, auto&) { client.close_async(std::move(done), timeout); },
                      std::move(executor));
}

/// Makes `co_await` return a `Result`, with the error of a failed call, instead of throwing:
/// `co_await as_result(publish(client, "hello", "hi"))`.
template <class Outcome, class Start, class Executor>
Attempting<Outcome, Start, Executor> as_result(Awaitable<Outcome, Start, Executor> call) {
    return Attempting<Outcome, Start, Executor>(std::move(call));
}

} // namespace amop::awaitable
