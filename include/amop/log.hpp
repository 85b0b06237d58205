/// Log: what the library does, for people; off until a handler is set.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../amop.h"
#include "handle.hpp"
#include "handler.hpp"
#include "version.hpp"

namespace amop {

/// How much is told.
enum class LogLevel : std::int32_t {
    /// Nothing.
    off = AMOP_LOG_OFF,
    /// What goes wrong in the library, and exceptions that handlers of events and completions throw.
    error = AMOP_LOG_ERROR,
    /// What goes wrong around it: connections lost, answers that can't be sent.
    warn = AMOP_LOG_WARN,
    /// What it does: connections made.
    info = AMOP_LOG_INFO,
    /// What helps to find a mistake.
    debug = AMOP_LOG_DEBUG,
    /// Everything, payloads too.
    trace = AMOP_LOG_TRACE,
};

/// Passes what the library logs, up to `level`, to `handler(LogLevel, std::string_view target,
/// std::string_view message)`, instead of the former one: one call after the other, on a thread of the log's
/// own. The texts are lent for the call. When the handler is slow records are lost and counted; one that
/// throws loses its record.
///
/// Throws `invalid_argument` for a level that is none, `runtime`, `unsupported`, `forked`.
template <class Handler>
void set_log_handler(LogLevel level, Handler&& handler) {
    using Stored = std::decay_t<Handler>;
    static_assert(std::is_invocable_v<Stored&, LogLevel, std::string_view, std::string_view>,
                  "a log handler takes (amop::LogLevel, std::string_view target, std::string_view message)");
    check_version();
    detail::Context<Stored> context(std::forward<Handler>(handler));
    const auto call = [](void* stored, std::int32_t record, const char* target, const char* message) {
        detail::guard([&] {
            detail::Context<Stored>::of(stored)(static_cast<LogLevel>(record), detail::view(target),
                                                detail::view(message));
        });
    };
    detail::call(amop_set_log_callback, static_cast<std::int32_t>(level),
                 context.template give<amop_log_callback>(call));
}

/// Ends it. The former handler is destroyed before this returns, or, when it just runs, after it has
/// returned.
inline void clear_log_handler() {
    detail::call(amop_set_log_callback, static_cast<std::int32_t>(LogLevel::off), amop_log_callback{});
}

} // namespace amop
