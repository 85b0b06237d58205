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
    /// The object was moved from.
    none = AMOP_MESSAGE_NONE,
    /// To one subscriber, chosen by the node.
    unicast = AMOP_MESSAGE_UNICAST,
    /// To all subscribers.
    broadcast = AMOP_MESSAGE_BROADCAST,
};

/// A message: a topic, a payload, and the node it came from. Immutable; may be used from any number of
/// threads at once.
///
/// A handler borrows it for its call as `const Message&`; its views end with the call. A copy is owned by the
/// program and shares the payload.
class Message {
public:
    /// Takes ownership of a handle of the C interface.
    explicit Message(amop_message* message) noexcept : message_(message) {}

    Message(const amop_message* message, detail::Lent) noexcept
        : message_(detail::lent<amop_message, amop_message_free>(message)) {}

    Message(const Message& other) noexcept : message_(amop_message_clone(other.get())) {}
    Message& operator=(const Message& other) noexcept { return *this = Message(other); }
    Message(Message&&) noexcept = default;
    Message& operator=(Message&&) noexcept = default;
    ~Message() = default;

    /// The topic that the message was published on. Like all views, it is valid as long as the message.
    std::string_view topic() const noexcept { return detail::view(amop_message_topic(get())); }

    /// Whether the message is a unicast or a broadcast.
    MessageKind kind() const noexcept { return static_cast<MessageKind>(amop_message_kind(get())); }

    /// The payload: any number of bytes, possibly none.
    Bytes data() const noexcept { return Bytes(amop_message_data(get())); }

    /// The payload as a string, whatever it contains.
    std::string_view text() const noexcept { return data().text(); }

    /// The sequence id that the publisher gave the message, as received: 32 bytes from 2.x nodes, usually hexadecimal
    /// digits. Empty if the protocol carries none.
    Bytes seq() const noexcept { return Bytes(amop_message_seq(get())); }

    /// The endpoint of the node that delivered the message, as it was added.
    std::string_view endpoint() const noexcept { return detail::view(amop_message_endpoint(get())); }

    /// When this client received the message. The protocol does not transmit when it was sent.
    std::chrono::system_clock::time_point received_at() const noexcept {
        return std::chrono::system_clock::time_point(
            std::chrono::milliseconds(amop_message_received_at(get())));
    }

    /// Returns the C handle, which this object keeps.
    const amop_message* get() const noexcept { return message_.get(); }

private:
    detail::OwnedOrLent<amop_message, amop_message_free> message_;
};

} // namespace amop
