/// Names of enumerations, and what `<<` writes. A program that writes to streams includes <ostream> itself.
#pragma once

#include <iosfwd>
#include <string_view>
#include <type_traits>

#include "error.hpp"
#include "event.hpp"
#include "log.hpp"
#include "message.hpp"
#include "options.hpp"
#include "publish.hpp"
#include "stats.hpp"
#include "subscription.hpp"
#include "tls.hpp"

namespace amop {

/// Return the name of a value, as in the code; empty for an unknown one.
inline std::string_view to_string(Delivery delivery) noexcept {
    switch (delivery) {
    case Delivery::no:
        return "no";
    case Delivery::maybe:
        return "maybe";
    }
    return {};
}

inline std::string_view to_string(MessageKind kind) noexcept {
    switch (kind) {
    case MessageKind::none:
        return "none";
    case MessageKind::unicast:
        return "unicast";
    case MessageKind::broadcast:
        return "broadcast";
    }
    return {};
}

inline std::string_view to_string(EventKind kind) noexcept {
    switch (kind) {
    case EventKind::none:
        return "none";
    case EventKind::connected:
        return "connected";
    case EventKind::lost:
        return "lost";
    case EventKind::reconnected:
        return "reconnected";
    case EventKind::connect_failed:
        return "connect_failed";
    case EventKind::slow_consumer:
        return "slow_consumer";
    case EventKind::handler_failed:
        return "handler_failed";
    case EventKind::closed:
        return "closed";
    case EventKind::certificate_expiring:
        return "certificate_expiring";
    case EventKind::verified:
        return "verified";
    case EventKind::rejected:
        return "rejected";
    }
    return {};
}

inline std::string_view to_string(EndpointState state) noexcept {
    switch (state) {
    case EndpointState::ended:
        return "ended";
    case EndpointState::down:
        return "down";
    case EndpointState::connecting:
        return "connecting";
    case EndpointState::connected:
        return "connected";
    }
    return {};
}

inline std::string_view to_string(VerificationState state) noexcept {
    switch (state) {
    case VerificationState::pending:
        return "pending";
    case VerificationState::verified:
        return "verified";
    case VerificationState::rejected:
        return "rejected";
    }
    return {};
}

inline std::string_view to_string(Generation generation) noexcept {
    switch (generation) {
    case Generation::automatic:
        return "automatic";
    case Generation::v2:
        return "v2";
    case Generation::v3:
        return "v3";
    }
    return {};
}

inline std::string_view to_string(LogLevel level) noexcept {
    switch (level) {
    case LogLevel::off:
        return "off";
    case LogLevel::error:
        return "error";
    case LogLevel::warn:
        return "warn";
    case LogLevel::info:
        return "info";
    case LogLevel::debug:
        return "debug";
    case LogLevel::trace:
        return "trace";
    }
    return {};
}

inline std::string_view to_string(Retry retry) noexcept {
    switch (retry) {
    case Retry::automatic:
        return "automatic";
    case Retry::never:
        return "never";
    case Retry::definite:
        return "definite";
    case Retry::at_least_once:
        return "at_least_once";
    }
    return {};
}

inline std::string_view to_string(Overflow overflow) noexcept {
    switch (overflow) {
    case Overflow::refuse:
        return "refuse";
    case Overflow::drop_oldest:
        return "drop_oldest";
    }
    return {};
}

inline std::string_view to_string(Placement placement) noexcept {
    switch (placement) {
    case Placement::automatic:
        return "automatic";
    case Placement::all:
        return "all";
    case Placement::one:
        return "one";
    }
    return {};
}

inline std::string_view to_string(Confirm confirm) noexcept {
    switch (confirm) {
    case Confirm::automatic:
        return "automatic";
    case Confirm::always:
        return "always";
    case Confirm::never:
        return "never";
    }
    return {};
}

inline std::string_view to_string(Tls tls) noexcept {
    switch (tls) {
    case Tls::automatic:
        return "automatic";
    case Tls::ecdhe:
        return "ecdhe";
    case Tls::static_rsa:
        return "static_rsa";
    case Tls::gm:
        return "gm";
    case Tls::tlcp:
        return "tlcp";
    case Tls::off:
        return "off";
    }
    return {};
}

namespace detail {

/// Whether `<<` writes the values of a type by their names.
template <class T>
inline constexpr bool is_named = false;
template <>
inline constexpr bool is_named<Code> = true;
template <>
inline constexpr bool is_named<Delivery> = true;
template <>
inline constexpr bool is_named<MessageKind> = true;
template <>
inline constexpr bool is_named<EventKind> = true;
template <>
inline constexpr bool is_named<EndpointState> = true;
template <>
inline constexpr bool is_named<VerificationState> = true;
template <>
inline constexpr bool is_named<Generation> = true;
template <>
inline constexpr bool is_named<LogLevel> = true;
template <>
inline constexpr bool is_named<Retry> = true;
template <>
inline constexpr bool is_named<Overflow> = true;
template <>
inline constexpr bool is_named<Placement> = true;
template <>
inline constexpr bool is_named<Confirm> = true;
template <>
inline constexpr bool is_named<Tls> = true;

} // namespace detail

/// Writes the name of a value, or its number if it has none.
template <class Traits, class Enumeration, std::enable_if_t<detail::is_named<Enumeration>, int> = 0>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream, Enumeration value) {
    const std::string_view name = to_string(value);
    return name.empty() ? stream << static_cast<std::int32_t>(value) : stream << name;
}

/// Writes the text of an error, and its code.
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream, const Error& error) {
    return stream << error.what() << " (" << error.code() << ')';
}

/// Writes what a message is, without its payload.
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream,
                                             const Message& message) {
    return stream << message.kind() << " on " << message.topic() << " from " << message.endpoint() << " ("
                  << message.data().size() << " bytes)";
}

/// Writes what a reply is, without its payload.
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& stream, const Reply& reply) {
    return stream << "reply through " << reply.endpoint() << " (" << reply.data().size() << " bytes)";
}

} // namespace amop
