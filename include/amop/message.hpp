/// Messages: what a subscription receives.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "../amop.h"
#include "bytes.hpp"
#include "handle.hpp"

namespace amop {

/// How a message was sent.
enum class MessageKind : std::int32_t {
    /// There is no message: the object was moved from.
    none = AMOP_MESSAGE_NONE,
    /// To one subscriber that the node picked.
    unicast = AMOP_MESSAGE_UNICAST,
    /// To all subscribers.
    broadcast = AMOP_MESSAGE_BROADCAST,
};

/// A message: a topic, any bytes, and where they came from. Immutable; may be used from many threads at once.
///
/// A handler is lent one for the time of its call, `const Message&`: its views end with the call. A copy is
/// its owner's, for as long as it likes, and shares the payload instead of copying it.
class Message {
public:
    /// From the C interface: `message` is this object's from now on.
    explicit Message(amop_message* message) noexcept : message_(message) {}

    Message(const amop_message* message, detail::Lent) noexcept
        : message_(detail::lent<amop_message, amop_message_free>(message)) {}

    Message(const Message& other) noexcept : message_(amop_message_clone(other.get())) {}
    Message& operator=(const Message& other) noexcept { return *this = Message(other); }
    Message(Message&&) noexcept = default;
    Message& operator=(Message&&) noexcept = default;
    ~Message() = default;

    /// The topic it was published on; valid as long as the message, as all views.
    std::string_view topic() const noexcept { return detail::view(amop_message_topic(get())); }

    /// Unicast or broadcast.
    MessageKind kind() const noexcept { return static_cast<MessageKind>(amop_message_kind_of(get())); }

    /// The payload: any bytes, possibly none.
    Bytes data() const noexcept { return Bytes(amop_message_data(get())); }

    /// The payload as a text, whatever it holds.
    std::string_view text() const noexcept { return data().text(); }

    /// The publisher's sequence id: 32 bytes as they came, mostly hexadecimal digits.
    Bytes seq() const noexcept { return Bytes(amop_message_seq(get())); }

    /// The node it came from, as the endpoint was given.
    std::string_view endpoint() const noexcept { return detail::view(amop_message_endpoint(get())); }

    /// When this client read it (not when it was sent: the wire doesn't say).
    std::chrono::system_clock::time_point received_at() const noexcept {
        return std::chrono::system_clock::time_point(
            std::chrono::milliseconds(amop_message_received_at(get())));
    }

    /// For the C interface; stays this object's.
    const amop_message* get() const noexcept { return message_.get(); }

private:
    detail::OwnedOrLent<amop_message, amop_message_free> message_;
};

} // namespace amop
