/// The functions of a client that do not wait, other than publishes and broadcasts. Part of `amop::Client`.
#pragma once

#include <future>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../amop.h"
#include "completion.hpp"
#include "handle.hpp"
#include "handler.hpp"
#include "message.hpp"
#include "promise.hpp"
#include "service.hpp"
#include "subscription.hpp"
#include "timeout.hpp"

namespace amop::detail {

/// The part of a client, `Self`, that subscribes, serves and closes without waiting.
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
    /// Subscribes to a topic without waiting. See `subscribe`.
    [[nodiscard]] std::future<Subscription> subscribe_async(std::string_view topic,
                                                            const SubscribeOptions& options = {}) const {
        const CTopic name(topic);
        const auto settings = options.to_c();
        return start_pending<Subscribing>(
            promises_, [&](amop_completion_queue* queue, void* tag, auto* pending, amop_error** error) {
                return amop_client_subscribe_queued(client(), name.c_str(), settings.get(), queue, tag,
                                                    &pending->handle, nullptr, error);
            });
    }

    template <class Done>
    Subscription subscribe_async(std::string_view topic, const SubscribeOptions& options, Done&& done) const {
        const CTopic name(topic);
        const auto settings = options.to_c();
        auto context = completing(std::forward<Done>(done));
        amop_subscription* made = nullptr;
        call(amop_client_subscribe_async, client(), name.c_str(), settings.get(), callback_of(context), &made,
             nullptr);
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
    template <class Handler, class = IfHandler<Handler, SubscribeOptions>>
    [[nodiscard]] std::future<Subscription> subscribe_async(std::string_view topic, Handler&& handler,
                                                            const SubscribeOptions& options = {}) const {
        const CTopic name(topic);
        const auto settings = options.to_c();
        auto messages = receiving<Message>(std::forward<Handler>(handler));
        return start_pending<Subscribing>(
            promises_, [&](amop_completion_queue* queue, void* tag, auto* pending, amop_error** error) {
                return amop_client_subscribe_callback_queued(client(), name.c_str(), settings.get(),
                                                             callback_of_messages(messages), queue, tag,
                                                             &pending->handle, nullptr, error);
            });
    }

    template <class Handler, class Done, class = IfHandler<Handler, SubscribeOptions>>
    Subscription subscribe_async(std::string_view topic, Handler&& handler, const SubscribeOptions& options,
                                 Done&& done) const {
        const CTopic name(topic);
        const auto settings = options.to_c();
        auto messages = receiving<Message>(std::forward<Handler>(handler));
        auto context = completing(std::forward<Done>(done));
        amop_subscription* made = nullptr;
        call(amop_client_subscribe_callback_async, client(), name.c_str(), settings.get(),
             callback_of_messages(messages), callback_of(context), &made, nullptr);
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
        const CTopic name(topic);
        const auto settings = options.to_c();
        return start_pending<Serving>(
            promises_, [&](amop_completion_queue* queue, void* tag, auto* pending, amop_error** error) {
                return amop_client_serve_queued(client(), name.c_str(), settings.get(), queue, tag,
                                                &pending->handle, nullptr, error);
            });
    }

    template <class Done>
    Service serve_async(std::string_view topic, const ServeOptions& options, Done&& done) const {
        const CTopic name(topic);
        const auto settings = options.to_c();
        auto context = completing(std::forward<Done>(done));
        amop_service* made = nullptr;
        call(amop_client_serve_async, client(), name.c_str(), settings.get(), callback_of(context), &made,
             nullptr);
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
    template <class Handler, class = IfHandler<Handler, ServeOptions>>
    [[nodiscard]] std::future<Service> serve_async(std::string_view topic, Handler&& handler,
                                                   const ServeOptions& options = {}) const {
        const CTopic name(topic);
        const auto settings = options.to_c();
        Context<std::decay_t<Handler>> requests(std::forward<Handler>(handler));
        return start_pending<Serving>(
            promises_, [&](amop_completion_queue* queue, void* tag, auto* pending, amop_error** error) {
                return amop_client_serve_callback_queued(client(), name.c_str(), settings.get(),
                                                         callback_of_requests(requests), queue, tag,
                                                         &pending->handle, nullptr, error);
            });
    }

    template <class Handler, class Done, class = IfHandler<Handler, ServeOptions>>
    Service serve_async(std::string_view topic, Handler&& handler, const ServeOptions& options,
                        Done&& done) const {
        const CTopic name(topic);
        const auto settings = options.to_c();
        Context<std::decay_t<Handler>> requests(std::forward<Handler>(handler));
        auto context = completing(std::forward<Done>(done));
        amop_service* made = nullptr;
        call(amop_client_serve_callback_async, client(), name.c_str(), settings.get(),
             callback_of_requests(requests), callback_of(context), &made, nullptr);
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

    /// Returns the queue for the futures of this client.
    const Promises& promises() const noexcept { return promises_; }

private:
    using Subscribing = PendingHandle<Subscription, amop_subscription>;
    using Serving = PendingHandle<Service, amop_service>;

    amop_client* client() const noexcept { return static_cast<const Self*>(this)->get(); }

    template <class View, class Handler>
    static Context<std::decay_t<Handler>> receiving(Handler&& handler) {
        static_assert(std::is_invocable_v<std::decay_t<Handler>&, const View&>,
                      "a handler of messages takes (const amop::Message&)");
        return Context<std::decay_t<Handler>>(std::forward<Handler>(handler));
    }

    template <class Stored>
    static amop_message_callback callback_of_messages(Context<Stored>& context) noexcept {
        return context.template give<amop_message_callback>(call_with_lent<Stored, Message, amop_message>);
    }

    template <class Stored>
    static amop_request_callback callback_of_requests(Context<Stored>& context) noexcept {
        return context.template give<amop_request_callback>(answer<Stored>);
    }

    Promises promises_;
};

} // namespace amop::detail
