/// The functions of a client that do not wait. Part of `amop::Client`.
#pragma once

#include <future>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../amop.h"
#include "beginning.hpp"
#include "bytes.hpp"
#include "completion.hpp"
#include "handle.hpp"
#include "handler.hpp"
#include "message.hpp"
#include "promise.hpp"
#include "publish.hpp"
#include "service.hpp"
#include "subscription.hpp"
#include "timeout.hpp"

namespace amop::detail {

/// The part of a client, `Self`, that publishes, subscribes, serves and closes without waiting.
///
/// A function with a future returns one for what the function that waits returns, or for an `Error`. One with a
/// handler `done(const amop::Completion&)` calls it once, and one with a queue puts the completion there with
/// `tag`, which is never dereferenced; these return the subscription or service at once, whose messages may
/// arrive before the completion. If the completion has an error, it has ended. One that is destroyed before
/// completes with `Code::closed`.
///
/// All throw errors that are known at once; nothing completes then.
template <class Self>
class Asynchronous {
public:
    /// Starts a publish and returns a future for the reply, or for an `Error` as thrown by `publish`. Never
    /// waits, and needs no thread per call. Handlers do not delay futures: a handler may wait for one. Messages are
    /// sent in the order in which a thread starts them.
    ///
    /// Throws errors that are known at once: `invalid_topic`, `invalid_argument`, `too_large`,
    /// `not_connected`, `overloaded` (also if 65,536 calls of this client have completions that have not been
    /// handled), `closed`, `forked`.
    [[nodiscard]] std::future<Reply> publish_async(std::string_view topic, Bytes data,
                                                   const PublishOptions& options = {}) const {
        Call call;
        return publish_async(topic, data, call, options);
    }

    /// Starts a publish and stores a `call` that can cancel it. Otherwise as the overload without.
    [[nodiscard]] std::future<Reply> publish_async(std::string_view topic, Bytes data, Call& call,
                                                   const PublishOptions& options = {}) const {
        return start_with_future<Reply>(amop_client_publish_queued, topic, data, call, options);
    }

    /// Starts a publish and calls `handler(const amop::Completion&)` once, when the call has completed. The
    /// handlers of all calls of a client run one after the other. Their exceptions are logged.
    template <class Handler, class = IfHandler<Handler, PublishOptions, Call>>
    Call publish_async(std::string_view topic, Bytes data, Handler&& handler,
                       const PublishOptions& options = {}) const {
        return start(amop_client_publish_async, topic, data, std::forward<Handler>(handler), options);
    }

    /// Starts a broadcast and returns a future for its end, or for an `Error` as thrown by `broadcast`.
    /// Otherwise as `publish_async`.
    [[nodiscard]] std::future<void> broadcast_async(std::string_view topic, Bytes data,
                                                    const PublishOptions& options = {}) const {
        Call call;
        return broadcast_async(topic, data, call, options);
    }

    /// Starts a broadcast and stores a `call` that can cancel it. Otherwise as the overload without.
    [[nodiscard]] std::future<void> broadcast_async(std::string_view topic, Bytes data, Call& call,
                                                    const PublishOptions& options = {}) const {
        return start_with_future<void>(amop_client_broadcast_queued, topic, data, call, options);
    }

    /// Starts a broadcast and calls `handler(const amop::Completion&)` once, when the call has completed.
    template <class Handler, class = IfHandler<Handler, PublishOptions, Call>>
    Call broadcast_async(std::string_view topic, Bytes data, Handler&& handler,
                         const PublishOptions& options = {}) const {
        return start(amop_client_broadcast_async, topic, data, std::forward<Handler>(handler), options);
    }

    /// Starts a publish whose completion is put into a queue, with `tag`, which is never dereferenced. The
    /// queue may be destroyed before the call has completed. Throws as `publish_async`; `overloaded` also if
    /// the queue is full.
    Call publish_queued(std::string_view topic, Bytes data, const CompletionQueue& queue, void* tag,
                        const PublishOptions& options = {}) const {
        const auto settings = options.to_c();
        return Call(make<amop_call>(amop_client_publish_queued, client(), CTopic(topic).c_str(), data.data(),
                                    data.size(), settings.get(), options.timeout_to_c(), queue.get(), tag));
    }

    /// Starts a broadcast whose end goes into a queue. Otherwise as `publish_queued`.
    Call broadcast_queued(std::string_view topic, Bytes data, const CompletionQueue& queue, void* tag,
                          const PublishOptions& options = {}) const {
        const auto settings = options.to_c();
        return Call(make<amop_call>(amop_client_broadcast_queued, client(), CTopic(topic).c_str(),
                                    data.data(), data.size(), settings.get(), options.timeout_to_c(),
                                    queue.get(), tag));
    }

    /// Subscribes to a topic without waiting. See `subscribe`.
    [[nodiscard]] std::future<Subscription> subscribe_async(std::string_view topic,
                                                            const SubscribeOptions& options = {}) const {
        Call started;
        return subscribe_async(topic, started, options);
    }

    /// Subscribes to a topic without waiting and stores a `started` that can cancel it. Otherwise as the overload without.
    [[nodiscard]] std::future<Subscription> subscribe_async(std::string_view topic, Call& started,
                                                            const SubscribeOptions& options = {}) const {
        const CTopic name(topic);
        const auto settings = options.to_c();
        return start_cancellable<Subscribing>(
            started, [&](auto* queue, void* tag, auto** made, auto** call, auto** error) {
                return amop_client_subscribe_queued(client(), name.c_str(), settings.get(), queue, tag, made,
                                                    call, error);
            });
    }

    template <class Done>
    Subscription subscribe_async(std::string_view topic, const SubscribeOptions& options, Done&& done) const {
        amop_subscription* made = nullptr;
        begin_subscribe(client(), topic, options, std::forward<Done>(done), &made);
        return Subscription(made);
    }

    Subscription subscribe_queued(std::string_view topic, const CompletionQueue& queue, void* tag,
                                  const SubscribeOptions& options = {}) const {
        const CTopic name(topic);
        const auto settings = options.to_c();
        amop_subscription* made = nullptr;
        call(amop_client_subscribe_queued, client(), name.c_str(), settings.get(), queue.get(), tag, &made,
             nullptr);
        return Subscription(made);
    }

    /// Subscribes to a topic with a handler of messages, without waiting. See `subscribe`.
    template <class Handler, class = IfHandler<Handler, SubscribeOptions, Call>>
    [[nodiscard]] std::future<Subscription> subscribe_async(std::string_view topic, Handler&& handler,
                                                            const SubscribeOptions& options = {}) const {
        Call started;
        return subscribe_async(topic, std::forward<Handler>(handler), started, options);
    }

    /// Subscribes to a topic with a handler of messages, without waiting, and stores a `started` that can cancel it.
    template <class Handler, class = IfHandler<Handler, SubscribeOptions, Call>>
    [[nodiscard]] std::future<Subscription> subscribe_async(std::string_view topic, Handler&& handler,
                                                            Call& started,
                                                            const SubscribeOptions& options = {}) const {
        const CTopic name(topic);
        const auto settings = options.to_c();
        auto messages = receiving<Message>(std::forward<Handler>(handler));
        return start_cancellable<Subscribing>(
            started, [&](auto* queue, void* tag, auto** made, auto** call, auto** error) {
                return amop_client_subscribe_callback_queued(client(), name.c_str(), settings.get(),
                                                             callback_of_messages(messages), queue, tag, made,
                                                             call, error);
            });
    }

    template <class Handler, class Done, class = IfHandler<Handler, SubscribeOptions>>
    Subscription subscribe_async(std::string_view topic, Handler&& handler, const SubscribeOptions& options,
                                 Done&& done) const {
        amop_subscription* made = nullptr;
        begin_subscribe(client(), topic, std::forward<Handler>(handler), options, std::forward<Done>(done),
                        &made);
        return Subscription(made);
    }

    template <class Handler>
    Subscription subscribe_queued(std::string_view topic, Handler&& handler, const CompletionQueue& queue,
                                  void* tag, const SubscribeOptions& options = {}) const {
        const CTopic name(topic);
        const auto settings = options.to_c();
        auto messages = receiving<Message>(std::forward<Handler>(handler));
        amop_subscription* made = nullptr;
        call(amop_client_subscribe_callback_queued, client(), name.c_str(), settings.get(),
             callback_of_messages(messages), queue.get(), tag, &made, nullptr);
        return Subscription(made);
    }

    /// Serves a topic without waiting. See `serve`.
    [[nodiscard]] std::future<Service> serve_async(std::string_view topic,
                                                   const ServeOptions& options = {}) const {
        Call started;
        return serve_async(topic, started, options);
    }

    /// Serves a topic without waiting and stores a `started` that can cancel it. Otherwise as the overload without.
    [[nodiscard]] std::future<Service> serve_async(std::string_view topic, Call& started,
                                                   const ServeOptions& options = {}) const {
        const CTopic name(topic);
        const auto settings = options.to_c();
        return start_cancellable<Serving>(
            started, [&](auto* queue, void* tag, auto** made, auto** call, auto** error) {
                return amop_client_serve_queued(client(), name.c_str(), settings.get(), queue, tag, made,
                                                call, error);
            });
    }

    template <class Done>
    Service serve_async(std::string_view topic, const ServeOptions& options, Done&& done) const {
        amop_service* made = nullptr;
        begin_serve(client(), topic, options, std::forward<Done>(done), &made);
        return Service(made);
    }

    Service serve_queued(std::string_view topic, const CompletionQueue& queue, void* tag,
                         const ServeOptions& options = {}) const {
        const CTopic name(topic);
        const auto settings = options.to_c();
        amop_service* made = nullptr;
        call(amop_client_serve_queued, client(), name.c_str(), settings.get(), queue.get(), tag, &made,
             nullptr);
        return Service(made);
    }

    /// Serves a topic with a handler of requests, without waiting. See `serve`.
    template <class Handler, class = IfHandler<Handler, ServeOptions, Call>>
    [[nodiscard]] std::future<Service> serve_async(std::string_view topic, Handler&& handler,
                                                   const ServeOptions& options = {}) const {
        Call started;
        return serve_async(topic, std::forward<Handler>(handler), started, options);
    }

    /// Serves a topic with a handler of requests, without waiting, and stores a `started` that can cancel it.
    template <class Handler, class = IfHandler<Handler, ServeOptions, Call>>
    [[nodiscard]] std::future<Service> serve_async(std::string_view topic, Handler&& handler, Call& started,
                                                   const ServeOptions& options = {}) const {
        const CTopic name(topic);
        const auto settings = options.to_c();
        Context<std::decay_t<Handler>> requests(std::forward<Handler>(handler));
        return start_cancellable<Serving>(
            started, [&](auto* queue, void* tag, auto** made, auto** call, auto** error) {
                return amop_client_serve_callback_queued(client(), name.c_str(), settings.get(),
                                                         callback_of_requests(requests), queue, tag, made,
                                                         call, error);
            });
    }

    template <class Handler, class Done, class = IfHandler<Handler, ServeOptions>>
    Service serve_async(std::string_view topic, Handler&& handler, const ServeOptions& options,
                        Done&& done) const {
        amop_service* made = nullptr;
        begin_serve(client(), topic, std::forward<Handler>(handler), options, std::forward<Done>(done),
                    &made);
        return Service(made);
    }

    template <class Handler>
    Service serve_queued(std::string_view topic, Handler&& handler, const CompletionQueue& queue, void* tag,
                         const ServeOptions& options = {}) const {
        const CTopic name(topic);
        const auto settings = options.to_c();
        Context<std::decay_t<Handler>> requests(std::forward<Handler>(handler));
        amop_service* made = nullptr;
        call(amop_client_serve_callback_queued, client(), name.c_str(), settings.get(),
             callback_of_requests(requests), queue.get(), tag, &made, nullptr);
        return Service(made);
    }

    /// Closes the client without waiting. See `close`; also inside of a handler it completes only when the client
    /// has ended. The handler runs on a thread of its own.
    [[nodiscard]] std::future<void> close_async(Timeout timeout = {}) const {
        return end_with_future(promises_, amop_client_close_queued, client(), timeout);
    }

    template <class Done, class = std::enable_if_t<!std::is_convertible_v<Done, Timeout>>>
    void close_async(Done&& done, Timeout timeout = {}) const {
        end_async(amop_client_close_async, client(), std::forward<Done>(done), timeout);
    }

    void close_queued(const CompletionQueue& queue, void* tag, Timeout timeout = {}) const {
        call(amop_client_close_queued, client(), timeout.of_call(), queue.get(), tag);
    }

protected:
    Asynchronous() noexcept = default;

private:
    using Subscribing = PendingHandle<Subscription, amop_subscription>;
    using Serving = PendingHandle<Service, amop_service>;

    amop_client* client() const noexcept { return static_cast<const Self*>(this)->get(); }

    /// Calls `function(queue, tag, made, call, error)`, which begins to make a subscription or service.
    template <class Waiting, class Function>
    auto start_cancellable(Call& started, Function function) const {
        expect_handle(client());
        amop_call* call = nullptr;
        auto future = start_pending<Waiting>(
            promises_, [&](amop_completion_queue* queue, void* tag, auto* pending, amop_error** error) {
                return function(queue, tag, &pending->handle, &call, error);
            });
        started = Call(call);
        return future;
    }

    template <class Outcome, class Function>
    std::future<Outcome> start_with_future(Function function, std::string_view topic, Bytes data, Call& call,
                                           const PublishOptions& options) const {
        using Waiting = PendingOutcome<Outcome, TakeReply>;
        expect_handle(client());
        const CTopic name(topic);
        const auto settings = options.to_c();
        amop_call* started = nullptr;
        auto future = start_pending<Waiting>(
            promises_, [&](amop_completion_queue* queue, void* tag, auto*, amop_error** error) {
                return function(client(), name.c_str(), data.data(), data.size(), settings.get(),
                                options.timeout_to_c(), queue, tag, &started, error);
            });
        call = Call(started);
        return future;
    }

    template <class Function, class Handler>
    Call start(Function function, std::string_view topic, Bytes data, Handler&& handler,
               const PublishOptions& options) const {
        using Stored = std::decay_t<Handler>;
        static_assert(std::is_invocable_v<Stored&, const Completion&>,
                      "a handler of completions takes (const amop::Completion&)");
        const CTopic name(topic);
        const auto settings = options.to_c();
        Context<Stored> context(std::forward<Handler>(handler));
        return Call(make<amop_call>(function, client(), name.c_str(), data.data(), data.size(),
                                    settings.get(), options.timeout_to_c(),
                                    context.template give<amop_completion_callback>(
                                        call_with_lent<Stored, Completion, amop_completion>)));
    }

    Promises promises_;
};

} // namespace amop::detail
