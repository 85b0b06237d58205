/// Events: what happens to connections and subscriptions, on a way of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "../amop.h"
#include "error.hpp"
#include "handle.hpp"
#include "stream.hpp"
#include "timeout.hpp"

namespace amop {

/// What happened.
enum class EventKind : std::int32_t {
    /// An event that these headers have no name for, or an object that was moved from.
    none = AMOP_EVENT_NONE,
    /// A node is connected for the first time.
    connected = AMOP_EVENT_CONNECTED,
    /// A connection is lost; the client reconnects by itself.
    lost = AMOP_EVENT_LOST,
    /// A node is connected again and lists all topics of this client.
    reconnected = AMOP_EVENT_RECONNECTED,
    /// A try to (re)connect failed; the next comes by itself.
    connect_failed = AMOP_EVENT_CONNECT_FAILED,
    /// A subscription or service begins to lose messages. Once per episode; its figures tell how many.
    slow_consumer = AMOP_EVENT_SLOW_CONSUMER,
    /// A handler of a subscription or service threw an exception; delivery goes on.
    handler_failed = AMOP_EVENT_HANDLER_FAILED,
    /// The client is closed; the last event.
    closed = AMOP_EVENT_CLOSED,
};

/// An event. Immutable. A handler is lent one for the time of its call, `const Event&`; one that was read is
/// its owner's, and movable. Its views are valid as long as itself.
class Event {
public:
    /// From the C interface: `event` is this object's from now on.
    explicit Event(amop_event* event) noexcept : event_(event) {}

    Event(const amop_event* event, detail::Lent) noexcept
        : event_(detail::lent<amop_event, amop_event_free>(event)) {}

    /// What happened.
    EventKind kind() const noexcept { return static_cast<EventKind>(amop_event_kind_of(get())); }

    /// The endpoint, as given, of connected, lost, reconnected, connect_failed; else empty.
    std::string_view endpoint() const noexcept { return detail::view(amop_event_endpoint(get())); }

    /// What the node calls itself, `2.11.2`, of connected and reconnected; else empty.
    std::string_view node_version() const noexcept { return detail::view(amop_event_node_version(get())); }

    /// The agreed protocol version, of connected and reconnected; else 0.
    std::uint32_t protocol() const noexcept { return amop_event_protocol(get()); }

    /// The topic, of slow_consumer and handler_failed; else empty.
    std::string_view topic() const noexcept { return detail::view(amop_event_topic(get())); }

    /// The exception's text, of handler_failed; else empty.
    std::string_view message() const noexcept { return detail::view(amop_event_message(get())); }

    /// Why, of lost and connect_failed; else none.
    std::optional<Error> error() const {
        const amop_error* error = amop_event_error(get());
        return error == nullptr ? std::nullopt : std::optional<Error>(std::in_place, error);
    }

    /// For the C interface; stays this object's.
    const amop_event* get() const noexcept { return event_.get(); }

private:
    detail::OwnedOrLent<amop_event, amop_event_free> event_;
};

/// A client's events, to be read. One that is read too slowly loses the oldest of more than 1,024. Movable;
/// all its functions may be used from many threads at once. May outlive the client.
class Events {
public:
    /// From the C interface: `events` is this object's from now on.
    explicit Events(amop_events* events) noexcept : events_(events) {}

    /// The next event; none when none came in time. Doesn't wait with a timeout of 0. Several threads may
    /// wait: each event goes to one of them. Throws `Code::closed` after the event `closed`; `forked`.
    std::optional<Event> next(Timeout timeout) const {
        return detail::next<Event, amop_event>(amop_events_next, get(), timeout);
    }

    /// `for (const amop::Event& event : events)`: each event as it comes, the last is `closed`.
    detail::Iterator<Events, Event> begin() const noexcept { return detail::Iterator<Events, Event>(*this); }
    detail::Sentinel end() const noexcept { return {}; }

    /// A file descriptor that is readable while `next` would not wait, as `Subscription::fd`.
    int fd() const { return detail::descriptor(amop_events_fd, get()); }

    /// For the C interface; stays this object's.
    amop_events* get() const noexcept { return events_.get(); }

private:
    detail::Handle<amop_events, amop_events_free> events_;
};

} // namespace amop
