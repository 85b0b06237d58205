/// Clients: connections to one or more nodes of one's institution.
#pragma once

#include <future>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../amop.h"
#include "bytes.hpp"
#include "completion.hpp"
#include "event.hpp"
#include "handle.hpp"
#include "handler.hpp"
#include "message.hpp"
#include "options.hpp"
#include "publish.hpp"
#include "service.hpp"
#include "stats.hpp"
#include "subscription.hpp"
#include "timeout.hpp"
#include "version.hpp"

namespace amop {

/// A client. It reconnects by itself, for ever, and restores its topics. Movable; all its functions may be
/// used from many threads at once.
///
/// Its end, be it the destructor or an assignment, is `close()`: calls in flight end with `Code::closed`, and
/// it waits for handlers, up to the close timeout, so that none runs any more when it returns, and what they
/// refer to may go. Only a handler that is stuck for longer outlives it; what the handler has captured is
/// kept until it returns. A client that is destroyed in a handler doesn't wait: its end comes by itself after
/// the call.
class Client {
public:
    /// Connects. Returns when one node is ready; the others follow in the background. Waits up to the connect
    /// timeout. With `Options::start_offline` it returns also when none could be reached.
    ///
    /// Throws `invalid_argument`, `invalid_endpoint`; `credentials_not_found`, `credentials_invalid`,
    /// `key_encrypted`, `key_mismatch`, `certificate_dates`; or, when no node could be reached, why the first
    /// one couldn't: `resolve`, `connect`, `connect_timeout`, `tls`, `node_certificate`,
    /// `client_certificate`, `tls_no_common`, `handshake`; `runtime`; `unsupported` when library and headers
    /// don't fit.
    explicit Client(const Options& options) {
        check_version();
        const auto settings = options.to_c();
        client_.reset(detail::make<amop_client>(amop_client_connect, settings.get()));
    }

    /// From the C interface: `client` is this object's from now on.
    explicit Client(amop_client* client) noexcept : client_(client) {}

    /// Ends the client in order: calls in flight end with `closed`, handlers get until the timeout (default:
    /// the close timeout) to work off what is queued, the rest is dropped and counted, connections say
    /// goodbye. When it returns no handler of this client runs any more, and what they had captured is
    /// destroyed. A second close waits for the first. In a handler it returns at once, and the end comes
    /// after the call.
    ///
    /// Throws `timeout` when a handler hasn't returned: what it has captured is kept until it does. `forked`.
    void close(Timeout timeout = {}) { detail::call(amop_client_close, get(), timeout.of_call()); }

    /// A further node to connect to, from now on. One that is there already changes nothing.
    /// Throws `invalid_endpoint`, `invalid_argument`, `closed`, `forked`.
    void add_endpoint(std::string_view endpoint) {
        detail::call(amop_client_add_endpoint, get(), detail::CText(endpoint, "endpoint").c_str());
    }

    /// A node to leave: what is queued for it is still written, calls in flight there end as lost, and what
    /// was listed at it alone moves to another. One that isn't there changes nothing. Throws as
    /// `add_endpoint`.
    void remove_endpoint(std::string_view endpoint) {
        detail::call(amop_client_remove_endpoint, get(), detail::CText(endpoint, "endpoint").c_str());
    }

    /// Sends a message to one subscriber and waits for its reply, up to the timeout. A subscriber that only
    /// listens replies with nothing as soon as it has the message. In a handler it waits too: a message that
    /// only this handler could answer then ends with its deadline.
    ///
    /// Throws `invalid_topic`, `invalid_argument`, `too_large`; `no_subscriber` and the other answers of
    /// nodes (100 to 199) and subscribers (200 to 204); `not_connected`, `connection_lost`, `timeout`,
    /// `overloaded`, `closed`, `forked`. `Error::delivery` says whether it may have been delivered all the
    /// same.
    Reply publish(std::string_view topic, Bytes data, const PublishOptions& options = {}) const {
        const auto settings = options.to_c();
        return Reply(detail::make<amop_reply>(amop_client_publish, get(), detail::CTopic(topic).c_str(),
                                              data.data(), data.size(), settings.get(),
                                              options.timeout_to_c()));
    }

    /// Sends a message to all subscribers and waits for the node's ack, which says nothing of who hears it.
    /// Throws as `publish`, without the answers of subscribers.
    void broadcast(std::string_view topic, Bytes data, const PublishOptions& options = {}) const {
        const auto settings = options.to_c();
        detail::call(amop_client_broadcast, get(), detail::CTopic(topic).c_str(), data.data(), data.size(),
                     settings.get(), options.timeout_to_c());
    }

    /// Starts a publish whose outcome comes through a future: the reply, or an `Error` with what `publish`
    /// throws. Never waits; thousands of calls need no thread each. Messages of one thread are sent in the
    /// order of its calls.
    ///
    /// Throws what is known at once: `invalid_topic`, `invalid_argument`, `too_large`, `not_connected`,
    /// `overloaded` (also with 65,536 calls of this client whose ends haven't been handled), `closed`,
    /// `forked`.
    [[nodiscard]] std::future<Reply> publish_async(std::string_view topic, Bytes data,
                                                   const PublishOptions& options = {}) const {
        Call call;
        return publish_async(topic, data, call, options);
    }

    /// The same; `call` can cancel it.
    [[nodiscard]] std::future<Reply> publish_async(std::string_view topic, Bytes data, Call& call,
                                                   const PublishOptions& options = {}) const {
        std::promise<Reply> promise;
        auto future = promise.get_future();
        call = publish_async(topic, data, detail::Fulfil<Reply>{std::move(promise)}, options);
        return future;
    }

    /// The same; calls `handler(const amop::Completion&)` when the call has ended, once. The handlers of one
    /// client's calls run one after the other. What one throws is told to the log.
    template <class Handler, class = detail::IfHandler<Handler, PublishOptions, Call>>
    Call publish_async(std::string_view topic, Bytes data, Handler&& handler,
                       const PublishOptions& options = {}) const {
        return start(amop_client_publish_async, topic, data, std::forward<Handler>(handler), options);
    }

    /// Starts a broadcast whose outcome comes through a future: nothing, or an `Error` with what `broadcast`
    /// throws. Otherwise as `publish_async`.
    [[nodiscard]] std::future<void> broadcast_async(std::string_view topic, Bytes data,
                                                    const PublishOptions& options = {}) const {
        Call call;
        return broadcast_async(topic, data, call, options);
    }

    /// The same; `call` can cancel it.
    [[nodiscard]] std::future<void> broadcast_async(std::string_view topic, Bytes data, Call& call,
                                                    const PublishOptions& options = {}) const {
        std::promise<void> promise;
        auto future = promise.get_future();
        call = broadcast_async(topic, data, detail::Fulfil<void>{std::move(promise)}, options);
        return future;
    }

    /// The same; calls `handler(const amop::Completion&)` when the call has ended, once.
    template <class Handler, class = detail::IfHandler<Handler, PublishOptions, Call>>
    Call broadcast_async(std::string_view topic, Bytes data, Handler&& handler,
                         const PublishOptions& options = {}) const {
        return start(amop_client_broadcast_async, topic, data, std::forward<Handler>(handler), options);
    }

    /// Starts a publish whose end goes into a queue, with `tag`, which is never followed. The queue may be
    /// destroyed before the call has ended. Throws as `publish_async`; `overloaded` also when the queue has
    /// no room for one more.
    Call publish_queued(std::string_view topic, Bytes data, const CompletionQueue& queue, void* tag,
                        const PublishOptions& options = {}) const {
        const auto settings = options.to_c();
        return Call(detail::make<amop_call>(amop_client_publish_queued, get(), detail::CTopic(topic).c_str(),
                                            data.data(), data.size(), settings.get(), options.timeout_to_c(),
                                            queue.get(), tag));
    }

    /// Starts a broadcast whose end goes into a queue. Otherwise as `publish_queued`.
    Call broadcast_queued(std::string_view topic, Bytes data, const CompletionQueue& queue, void* tag,
                          const PublishOptions& options = {}) const {
        const auto settings = options.to_c();
        return Call(detail::make<amop_call>(amop_client_broadcast_queued, get(),
                                            detail::CTopic(topic).c_str(), data.data(), data.size(),
                                            settings.get(), options.timeout_to_c(), queue.get(), tag));
    }

    /// Subscribes to a topic whose messages are read, with `next` or in a loop. Returns when a node lists the
    /// topic; waits up to the options' timeout, in handlers too.
    ///
    /// Throws `invalid_topic`, `invalid_argument`, `not_connected`, `timeout`, `closed`, `forked`.
    Subscription subscribe(std::string_view topic, const SubscribeOptions& options = {}) const {
        const auto settings = options.to_c();
        return Subscription(detail::make<amop_subscription>(amop_client_subscribe, get(),
                                                            detail::CTopic(topic).c_str(), settings.get()));
    }

    /// Subscribes to a topic and calls `handler(const amop::Message&)` for each message, one call after the
    /// other, in the order of arrival, on the library's threads, as long as the subscription lives. The
    /// handler may be called before this returns. An exception that it throws is an event, `handler_failed`,
    /// and delivery goes on.
    ///
    /// The handler is destroyed once, after its last call, also when this throws. Throws as above.
    template <class Handler, class = detail::IfHandler<Handler, SubscribeOptions>>
    Subscription subscribe(std::string_view topic, Handler&& handler,
                           const SubscribeOptions& options = {}) const {
        amop_subscription* subscription = nullptr;
        subscribe_callback(topic, std::forward<Handler>(handler), options, &subscription);
        return Subscription(subscription);
    }

    /// The same, until the client closes.
    template <class Handler>
    void subscribe_until_close(std::string_view topic, Handler&& handler,
                               const SubscribeOptions& options = {}) const {
        subscribe_callback(topic, std::forward<Handler>(handler), options, nullptr);
    }

    /// Serves a topic: calls `handler(amop::Request)` for each unicast, on the library's threads, as long as
    /// the service lives; several calls at once when the options' concurrency is above 1. The handler may be
    /// called before this returns.
    ///
    /// What the handler returns (a string or other bytes) is the reply. A handler that returns nothing answers
    /// through the request, then or later: `request.reply(data)`. If it throws, the publisher receives
    /// `Code::subscriber_failed` with a fixed text; `what()` is not sent, only emitted as an event,
    /// `handler_failed`. Use `request.fail(code, data)` to send a code and data of your own.
    ///
    /// One service per topic in a client: it alone gets the topic's unicasts, while broadcasts go to
    /// subscriptions only.
    /// Throws `already_served`, else as `subscribe`.
    template <class Handler>
    Service serve(std::string_view topic, Handler&& handler, const ServeOptions& options = {}) const {
        amop_service* service = nullptr;
        serve_callback(topic, std::forward<Handler>(handler), options, &service);
        return Service(service);
    }

    /// The same, until the client closes.
    template <class Handler>
    void serve_until_close(std::string_view topic, Handler&& handler,
                           const ServeOptions& options = {}) const {
        serve_callback(topic, std::forward<Handler>(handler), options, nullptr);
    }

    /// Serves a topic whose requests are read, with `next` or in a loop. Throws as `serve`.
    Service serve_requests(std::string_view topic, const ServeOptions& options = {}) const {
        const auto settings = options.to_c();
        return Service(detail::make<amop_service>(amop_client_serve_requests, get(),
                                                  detail::CTopic(topic).c_str(), settings.get()));
    }

    /// Calls `handler(const amop::Event&)` for what happens from now on, until the client is closed: one call
    /// after the other, in order, on the library's threads. What it throws is told to the log. Throws
    /// `closed`, `forked`.
    template <class Handler>
    void on_event(Handler&& handler) const {
        using Stored = std::decay_t<Handler>;
        static_assert(std::is_invocable_v<Stored&, const Event&>,
                      "a handler of events takes (const amop::Event&)");
        detail::Context<Stored> context(std::forward<Handler>(handler));
        detail::call(
            amop_client_on_event, get(),
            context.template give<amop_event_callback>(detail::call_with_lent<Stored, Event, amop_event>));
    }

    /// What happens from now on, to be read. Throws `forked`.
    Events events() const { return Events(detail::make<amop_events>(amop_client_events, get())); }

    /// The figures at this moment. Throws `forked`.
    Stats stats() const {
        return detail::Snapshot(detail::make<amop_stats>(amop_client_stats, get())).of_client();
    }

    /// For the C interface; stays this object's.
    amop_client* get() const noexcept { return client_.get(); }

private:
    struct End {
        void operator()(amop_client* client) const noexcept {
            // Fails when a handler is stuck: then it can't be helped, and nobody could be told.
            amop_client_close(client, 0, nullptr);
            amop_client_free(client);
        }
    };

    template <class Handler>
    void subscribe_callback(std::string_view topic, Handler&& handler, const SubscribeOptions& options,
                            amop_subscription** subscription) const {
        using Stored = std::decay_t<Handler>;
        static_assert(std::is_invocable_v<Stored&, const Message&>,
                      "a handler of messages takes (const amop::Message&)");
        const detail::CTopic name(topic);
        const auto settings = options.to_c();
        detail::Context<Stored> context(std::forward<Handler>(handler));
        detail::call(amop_client_subscribe_callback, get(), name.c_str(), settings.get(),
                     context.template give<amop_message_callback>(
                         detail::call_with_lent<Stored, Message, amop_message>),
                     subscription);
    }

    template <class Handler>
    void serve_callback(std::string_view topic, Handler&& handler, const ServeOptions& options,
                        amop_service** service) const {
        using Stored = std::decay_t<Handler>;
        const detail::CTopic name(topic);
        const auto settings = options.to_c();
        detail::Context<Stored> context(std::forward<Handler>(handler));
        detail::call(amop_client_serve, get(), name.c_str(), settings.get(),
                     context.template give<amop_request_callback>(detail::answer<Stored>), service);
    }

    template <class Function, class Handler>
    Call start(Function function, std::string_view topic, Bytes data, Handler&& handler,
               const PublishOptions& options) const {
        using Stored = std::decay_t<Handler>;
        static_assert(std::is_invocable_v<Stored&, const Completion&>,
                      "a handler of a call's end takes (const amop::Completion&)");
        const detail::CTopic name(topic);
        const auto settings = options.to_c();
        detail::Context<Stored> context(std::forward<Handler>(handler));
        return Call(detail::make<amop_call>(
            function, get(), name.c_str(), data.data(), data.size(), settings.get(), options.timeout_to_c(),
            context.template give<amop_completion_callback>(
                detail::call_with_lent<Stored, Completion, amop_completion>)));
    }

    std::unique_ptr<amop_client, End> client_;
};

} // namespace amop
