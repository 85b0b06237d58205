/// Events: what happens to connections and subscriptions.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string_view>

#include "../amop.h"
#include "error.hpp"
#include "handle.hpp"
#include "stream.hpp"
#include "timeout.hpp"

namespace amop {

/// The kind of an event.
enum class EventKind : std::int32_t {
    /// An event of a kind that these headers have no name for, or an object that was moved from.
    none = AMOP_EVENT_NONE,
    /// The client connected to a node for the first time.
    connected = AMOP_EVENT_CONNECTED,
    /// A connection was lost; the client reconnects automatically.
    lost = AMOP_EVENT_LOST,
    /// The client reconnected to a node, and its topics are listed there again.
    reconnected = AMOP_EVENT_RECONNECTED,
    /// An attempt to connect failed; the client will try again.
    connect_failed = AMOP_EVENT_CONNECT_FAILED,
    /// A subscription or service has begun to lose messages. Emitted once per episode; its statistics count
    /// the messages.
    slow_consumer = AMOP_EVENT_SLOW_CONSUMER,
    /// A handler of a subscription or service threw an exception. Delivery continues.
    handler_failed = AMOP_EVENT_HANDLER_FAILED,
    /// The client is closed. The last event.
    closed = AMOP_EVENT_CLOSED,
    /// A certificate in use ends soon (`Options::expiry_warning`). Emitted once for each certificate; a listener
    /// that is created after that receives it first.
    certificate_expiring = AMOP_EVENT_CERTIFICATE_EXPIRING,
    /// A subscriber of a private topic has proved to hold an allowed key: the node passes messages on to the
    /// subscribers at that subscriber's node. A node that verified them for an earlier publisher does not ask
    /// again, so that no event is emitted.
    verified = AMOP_EVENT_VERIFIED,
    /// A subscriber of a private topic could not be verified. Emitted when the reason is a new one for this
    /// topic and these nodes.
    rejected = AMOP_EVENT_REJECTED,
};

/// An event. Immutable. A handler borrows it for its call as `const Event&`; one that was read is owned by
/// the caller and movable. Its views are valid as long as the event.
class Event {
public:
    /// Takes ownership of a handle of the C interface.
    explicit Event(amop_event* event) noexcept : event_(event) {}

    Event(const amop_event* event, detail::Lent) noexcept
        : event_(detail::lent<amop_event, amop_event_free>(event)) {}

    /// The kind.
    EventKind kind() const noexcept { return static_cast<EventKind>(amop_event_kind(get())); }

    /// The endpoint, as it was added, of connected, lost, reconnected and connect_failed, and of verified and
    /// rejected that of the publisher's node; else empty.
    std::string_view endpoint() const noexcept { return detail::view(amop_event_endpoint(get())); }

    /// The version that the node reported, such as `2.11.2`, of connected and reconnected; else empty.
    std::string_view node_version() const noexcept { return detail::view(amop_event_node_version(get())); }

    /// The negotiated protocol version of connected and reconnected; else 0.
    std::uint32_t protocol() const noexcept { return amop_event_protocol(get()); }

    /// The topic of slow_consumer, handler_failed, verified and rejected; else empty.
    std::string_view topic() const noexcept { return detail::view(amop_event_topic(get())); }

    /// The last moment at which the certificate is valid, of certificate_expiring; else the epoch.
    std::chrono::system_clock::time_point expires() const noexcept {
        return std::chrono::system_clock::from_time_t(static_cast<std::time_t>(amop_event_expires(get())));
    }

    /// The id of the subscriber's node, of verified and rejected; else empty.
    std::string_view node_id() const noexcept { return detail::view(amop_event_node_id(get())); }

    /// The public key that the subscriber has signed with, as 130 hex digits, of verified, and of rejected if it
    /// can be known; else empty.
    std::string_view key() const noexcept { return detail::view(amop_event_key(get())); }

    /// The text of the exception, of handler_failed; the certificate's subject and file, of
    /// certificate_expiring; the reason, of rejected; else empty.
    std::string_view message() const noexcept { return detail::view(amop_event_message(get())); }

    /// The error of lost and connect_failed; else none.
    std::optional<Error> error() const {
        const amop_error* error = amop_event_error(get());
        return error == nullptr ? std::nullopt : std::optional<Error>(std::in_place, error);
    }

    /// Returns the C handle, which this object keeps.
    const amop_event* get() const noexcept { return event_.get(); }

private:
    detail::OwnedOrLent<amop_event, amop_event_free> event_;
};

/// A handler of events. Movable. The destructor and an assignment call `remove()`: no call of the handler runs
/// or begins when it returns, so that what it refers to may be destroyed. Only a handler that blocks for longer
/// than the close timeout of the client keeps running. It may outlive the client.
class [[nodiscard]] Listener {
public:
    /// Takes ownership of a handle of the C interface.
    explicit Listener(amop_listener* listener) noexcept : listener_(listener) {}

    /// Removes the handler. Events that it was not called for are discarded. When it returns, no call of it runs or
    /// begins any more, and its captures are destroyed. Inside of any handler of the library it returns at once,
    /// and that holds when the call under way has returned. It may be called again.
    ///
    /// Throws `timeout` if the handler has not returned; its captures are kept until it does. `forked`.
    void remove(Timeout timeout = {}) const { detail::call(amop_listener_remove, get(), timeout.of_call()); }

    /// Returns the C handle, which this object keeps.
    amop_listener* get() const noexcept { return listener_.get(); }

private:
    struct End {
        void operator()(amop_listener* listener) const noexcept {
            // Fails if the handler blocks; a destructor can't report that.
            amop_listener_remove(listener, 0, nullptr);
            amop_listener_free(listener);
        }
    };

    std::unique_ptr<amop_listener, End> listener_;
};

/// A listener for the events of a client. One that is read too slowly loses the oldest events
/// (`Options::max_events`). Movable; its functions may be called from any number of threads at once. It may
/// outlive the client.
class [[nodiscard]] Events {
public:
    /// Takes ownership of a handle of the C interface.
    explicit Events(amop_events* events) noexcept : events_(events) {}

    /// Returns the next event; none if no event arrived within the timeout. A timeout of 0 does not wait. If
    /// several threads wait, each event goes to one of them. Throws `Code::closed` after the event `closed`;
    /// `forked`.
    std::optional<Event> next(Timeout timeout) const {
        return detail::next<Event, amop_event>(amop_events_next, get(), timeout);
    }

    /// `for (const amop::Event& event : events)`: reads each event as it arrives; the last one is `closed`.
    detail::Iterator<Events, Event> begin() const noexcept { return detail::Iterator<Events, Event>(*this); }
    detail::Sentinel end() const noexcept { return {}; }

    /// Returns a file descriptor that is readable while `next` would not wait, see `Subscription::fd`.
    int fd() const { return detail::descriptor(amop_events_fd, get()); }

    /// Returns the C handle, which this object keeps.
    amop_events* get() const noexcept { return events_.get(); }

private:
    detail::Handle<amop_events, amop_events_free> events_;
};

} // namespace amop
