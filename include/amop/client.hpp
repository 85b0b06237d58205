/// Clients: connections to one or more nodes.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../amop.h"
#include "asynchronous.hpp"
#include "bytes.hpp"
#include "completion.hpp"
#include "event.hpp"
#include "handle.hpp"
#include "handler.hpp"
#include "message.hpp"
#include "options.hpp"
#include "private_topic.hpp"
#include "promise.hpp"
#include "publish.hpp"
#include "service.hpp"
#include "stats.hpp"
#include "subscription.hpp"
#include "timeout.hpp"
#include "version.hpp"

namespace amop {

/// A client. It reconnects automatically until it is closed, and restores its topics. Movable; its functions
/// may be called from any number of threads at once.
///
/// The destructor and an assignment call `close()`: calls in flight fail with `Code::closed`, and it waits
/// for handlers up to the close timeout, so that none runs when it returns, and what they refer to may be
/// destroyed. Only a handler that blocks for longer keeps running; what it has captured is kept until it
/// returns. A client that is destroyed inside of a handler does not wait, but closes after the call.
///
/// asynchronous.hpp has the functions that do not wait: `publish_async`, `subscribe_queued` and so on.
class [[nodiscard]] Client : public detail::Asynchronous<Client> {
public:
    /// Connects. Returns when one node is ready; the client connects to the others in the background. Waits
    /// up to the connect timeout. See also `Options::start_offline`.
    ///
    /// Throws `invalid_argument`, `invalid_endpoint`; `credentials_not_found`, `credentials_invalid`,
    /// `key_encrypted`, `key_mismatch`, `certificate_dates`; `runtime`; `unsupported` if the library does not
    /// fit the headers. If no node can be reached, throws the error of the first endpoint: `resolve`,
    /// `connect`, `connect_timeout`, `tls`, `node_certificate`, `client_certificate`, `tls_no_common`,
    /// `handshake`.
    explicit Client(const Options& options) {
        check_version();
        const auto settings = options.to_c();
        client_.reset(detail::make<amop_client>(amop_client_connect, settings.get()));
    }

    /// Takes ownership of a handle of the C interface.
    explicit Client(amop_client* client) noexcept : client_(client) {}

    /// Connects without waiting, and returns a future for the client, or for an `Error` as thrown by the constructor.
    [[nodiscard]] static std::future<Client> connect_async(const Options& options) {
        Call call;
        return connect_async(options, call);
    }

    /// Connects without waiting and stores a `call` that can cancel it. Otherwise as the overload without.
    [[nodiscard]] static std::future<Client> connect_async(const Options& options, Call& call);

    /// Connects without waiting and calls `done(const amop::Completion&)` once, on a thread of its own; see
    /// `Completion::take_client`. A client that is not taken is closed.
    template <class Done, class = std::enable_if_t<!std::is_same_v<std::decay_t<Done>, Call>>>
    static Call connect_async(const Options& options, Done&& done) {
        check_version();
        const auto settings = options.to_c();
        auto context = detail::completing(std::forward<Done>(done));
        return Call(
            detail::make<amop_call>(amop_client_connect_async, settings.get(), detail::callback_of(context)));
    }

    /// Connects without waiting; the completion is put into a queue, with `tag`, which is never dereferenced.
    static Call connect_queued(const Options& options, const CompletionQueue& queue, void* tag) {
        check_version();
        const auto settings = options.to_c();
        return Call(detail::make<amop_call>(amop_client_connect_queued, settings.get(), queue.get(), tag));
    }

    /// Closes the client. Calls in flight fail with `closed`. Handlers process what is queued for them until
    /// the timeout (default: the close timeout); the rest is discarded and counted. When it returns, no
    /// handler of this client runs any more, and their captures are destroyed. A second call waits for the
    /// first one. Inside of a handler it returns at once, and the client closes after the call.
    ///
    /// Throws `timeout` if a handler has not returned; its captures are kept until it does. `forked`.
    void close(Timeout timeout = {}) { detail::call(amop_client_close, get(), timeout.of_call()); }

    /// Loads the credentials again from the same files, which were renewed, and makes the connections anew with
    /// them, one after the other: each once no call is in flight and no request unanswered there, or after the
    /// close timeout. Without this call the files are read again at each reconnect. A handler should not call it,
    /// because its own request is unanswered meanwhile.
    ///
    /// Throws why the credentials can't be used, as the constructor does, in which case the previous ones stay in
    /// use and no connection is ended; why a node could not be connected anew, in which case the connections to
    /// the nodes after it are left as they are; `invalid_argument` if the credentials were given as text;
    /// `closed`, `forked`.
    void reload_credentials() { detail::call(amop_client_reload_credentials, get()); }

    /// Adds an endpoint to connect to. Does nothing if the client already has it. Throws `invalid_endpoint`,
    /// `invalid_argument`, `closed`, `forked`.
    void add_endpoint(std::string_view endpoint) {
        detail::call(amop_client_add_endpoint, get(), detail::CText(endpoint, "endpoint").c_str());
    }

    /// Removes an endpoint. Queued messages are still written. The connection is closed once no call is in
    /// flight and no request unanswered, or after the close timeout; calls still in flight then fail with
    /// `connection_lost`. Topics listed only at that node move to another. Does nothing if the client has no
    /// such endpoint. Throws as `add_endpoint`.
    void remove_endpoint(std::string_view endpoint) {
        detail::call(amop_client_remove_endpoint, get(), detail::CText(endpoint, "endpoint").c_str());
    }

    /// Opens a private topic to publish on (2.x nodes): from here on the client verifies the subscribers that hold the
    /// private half of one of the keys, which are PEM, or 128 hex digits with `04` before them or without. Publish with
    /// its functions, or without waiting with `PublishOptions::is_private`. Each node asks for the verification within 5 s of its learning of a subscriber, so
    /// that a message that is published before is not delivered; see `PublishOptions::wait_for_subscriber` and
    /// `EventKind::verified`. A private topic is another topic than the one of the same name without keys. Nodes verify
    /// nodes and not programs, and can read the payloads.
    ///
    /// Throws `invalid_topic`, also for more than 185 bytes; `credentials_invalid` for a key that is not one on
    /// secp256k1; `unsupported` if the nodes are of generation 3.x; `invalid_argument`, `too_large`, `closed`, `forked`.
    PrivateTopic private_topic(std::string_view topic, const std::vector<std::string>& keys) const {
        const auto pointers = detail::key_pointers(keys);
        return PrivateTopic(detail::make<amop_private_topic>(amop_client_private_topic, get(),
                                                             detail::CTopic(topic).c_str(), pointers.data(),
                                                             pointers.size()));
    }

    /// Sends a message to one subscriber and waits for its reply, up to the timeout. A subscriber that does
    /// not serve the topic acknowledges the message with an empty reply as soon as its client has accepted
    /// it. If only the calling handler could answer the message, the call ends at its deadline.
    ///
    /// Throws `invalid_topic`, `invalid_argument`, `too_large`; `no_subscriber` and the other errors reported
    /// by nodes (100 to 199) and subscribers (200 to 204); `not_connected`, `connection_lost`, `timeout`,
    /// `overloaded`, `closed`, `forked`. `Error::delivery` returns whether the message may have been
    /// delivered.
    Reply publish(std::string_view topic, Bytes data, const PublishOptions& options = {}) const {
        const auto settings = options.to_c();
        return Reply(detail::make<amop_reply>(amop_client_publish, get(), detail::CTopic(topic).c_str(),
                                              data.data(), data.size(), settings.get(),
                                              options.timeout_to_c()));
    }

    /// Sends a message to all subscribers and waits for the acknowledgement of the node, which does not
    /// confirm delivery to any subscriber. Throws as `publish`, without the errors of subscribers.
    void broadcast(std::string_view topic, Bytes data, const PublishOptions& options = {}) const {
        const auto settings = options.to_c();
        detail::call(amop_client_broadcast, get(), detail::CTopic(topic).c_str(), data.data(), data.size(),
                     settings.get(), options.timeout_to_c());
    }

    /// Subscribes to a topic. Messages are read with `next` or in a loop. Returns when a node has listed the
    /// topic; waits up to the timeout in `options`, also inside of handlers.
    ///
    /// Throws `invalid_topic`, `invalid_argument`, `not_connected`, `timeout`, `closed`, `forked`.
    Subscription subscribe(std::string_view topic, const SubscribeOptions& options = {}) const {
        const auto settings = options.to_c();
        return Subscription(detail::make<amop_subscription>(amop_client_subscribe, get(),
                                                            detail::CTopic(topic).c_str(), settings.get()));
    }

    /// Subscribes to a topic and calls `handler(const amop::Message&)` for each message: sequentially, in the
    /// order of arrival, on threads of the library, as long as the subscription exists. The handler may be
    /// called before this returns. An exception of the handler emits the event `handler_failed`, and delivery
    /// continues.
    ///
    /// The handler is destroyed once, after its last call, also if this throws. Throws as the overload above.
    template <class Handler, class = detail::IfHandler<Handler, SubscribeOptions>>
    Subscription subscribe(std::string_view topic, Handler&& handler,
                           const SubscribeOptions& options = {}) const {
        amop_subscription* subscription = nullptr;
        subscribe_callback(topic, std::forward<Handler>(handler), options, &subscription);
        return Subscription(subscription);
    }

    /// Subscribes to a topic with a handler, until the client is closed.
    template <class Handler>
    void subscribe_until_close(std::string_view topic, Handler&& handler,
                               const SubscribeOptions& options = {}) const {
        subscribe_callback(topic, std::forward<Handler>(handler), options, nullptr);
    }

    /// Serves a topic. Requests are read with `next` or in a loop. Returns when a node has listed the topic;
    /// waits up to the timeout in `options`, also inside of handlers.
    ///
    /// A client can have one service per topic. It receives the unicasts of the topic alone; broadcasts are
    /// delivered to subscriptions only. Throws `already_served`, else as `subscribe`.
    Service serve(std::string_view topic, const ServeOptions& options = {}) const {
        const auto settings = options.to_c();
        return Service(detail::make<amop_service>(amop_client_serve, get(), detail::CTopic(topic).c_str(),
                                                  settings.get()));
    }

    /// Serves a topic: calls `handler(amop::Request)` for each unicast, on threads of the library, as long as
    /// the service exists. Several calls run at once if the concurrency in `options` is above 1. The handler
    /// may be called before this returns.
    ///
    /// What the handler returns (a string or other bytes) is the reply. A handler that returns nothing answers
    /// through the request, then or later: `request.reply(data)`. If it throws, the publisher receives
    /// `Code::subscriber_failed` with a fixed text; `what()` is not sent, only emitted as an event,
    /// `handler_failed`. Use `request.fail(code, data)` to send a code and data of your own.
    ///
    /// Throws as the overload above.
    template <class Handler, class = detail::IfHandler<Handler, ServeOptions>>
    Service serve(std::string_view topic, Handler&& handler, const ServeOptions& options = {}) const {
        amop_service* service = nullptr;
        serve_callback(topic, std::forward<Handler>(handler), options, &service);
        return Service(service);
    }

    /// Serves a topic with a handler, until the client is closed.
    template <class Handler>
    void serve_until_close(std::string_view topic, Handler&& handler,
                           const ServeOptions& options = {}) const {
        serve_callback(topic, std::forward<Handler>(handler), options, nullptr);
    }

    /// Calls `handler(const amop::Event&)` for each event from now on, as long as the listener exists:
    /// sequentially, in order, on threads of the library. Its exceptions are logged. See `Options::on_event` for
    /// the events of connecting. Throws `closed`, `forked`.
    template <class Handler>
    Listener on_event(Handler&& handler) const {
        amop_listener* listener = nullptr;
        listen(std::forward<Handler>(handler), &listener);
        return Listener(listener);
    }

    /// Calls a handler for each event from now on, until the client is closed.
    template <class Handler>
    void on_event_until_close(Handler&& handler) const {
        listen(std::forward<Handler>(handler), nullptr);
    }

    /// Returns a listener for the events from now on. Throws `forked`.
    Events events() const { return Events(detail::make<amop_events>(amop_client_events, get())); }

    /// Returns the current statistics. Throws `forked`.
    Stats stats() const {
        return detail::Snapshot(detail::make<amop_stats>(amop_client_stats, get())).of_client();
    }

    /// Returns the C handle, which this object keeps.
    amop_client* get() const noexcept { return client_.get(); }

private:
    struct End {
        void operator()(amop_client* client) const noexcept {
            // Fails if a handler blocks; a destructor can't report that.
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
        detail::call(amop_client_serve_callback, get(), name.c_str(), settings.get(),
                     context.template give<amop_request_callback>(detail::answer<Stored>), service);
    }

    template <class Handler>
    void listen(Handler&& handler, amop_listener** listener) const {
        using Stored = std::decay_t<Handler>;
        static_assert(std::is_invocable_v<Stored&, const Event&>,
                      "a handler of events takes (const amop::Event&)");
        detail::Context<Stored> context(std::forward<Handler>(handler));
        detail::call(
            amop_client_on_event, get(),
            context.template give<amop_event_callback>(detail::call_with_lent<Stored, Event, amop_event>),
            listener);
    }

    std::unique_ptr<amop_client, End> client_;
};

inline Client Completion::take_client() const {
    const amop_completion* completion = get();
    if (amop_completion_status(completion) != AMOP_OK) {
        detail::raise(Error(amop_completion_error(completion)));
        return Client(nullptr);
    }
    amop_client* client = amop_completion_take_client(completion);
    if (client == nullptr) {
        detail::raise(Error(Code::invalid_argument, "the completion has no client, or it was taken before"));
    }
    return Client(client);
}

namespace detail {

struct TakeClient {
    Client operator()(const Completion& completion) const { return completion.take_client(); }
};

} // namespace detail

inline std::future<Client> Client::connect_async(const Options& options, Call& call) {
    using Waiting = detail::PendingOutcome<Client, detail::TakeClient>;
    check_version();
    const auto settings = options.to_c();
    amop_call* started = nullptr;
    auto future = detail::start_pending<Waiting>(
        detail::Promises(), [&](amop_completion_queue* queue, void* tag, auto*, amop_error** error) {
            return amop_client_connect_queued(settings.get(), queue, tag, &started, error);
        });
    call = Call(started);
    return future;
}

} // namespace amop
