/// Log: records of what the library does. Disabled until a handler is set. Records above `LogLevel::trace`
/// contain no payloads.
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

/// The level of a record.
enum class LogLevel : std::int32_t {
    /// No records.
    off = AMOP_LOG_OFF,
    /// Errors in the library, and exceptions of handlers of events and completions.
    error = AMOP_LOG_ERROR,
    /// Problems around it: lost connections, answers that can't be sent.
    warn = AMOP_LOG_WARN,
    /// Its main steps: connections established.
    info = AMOP_LOG_INFO,
    /// Details for debugging.
    debug = AMOP_LOG_DEBUG,
    /// All records, which may contain payloads.
    trace = AMOP_LOG_TRACE,
};

/// Passes records up to `level` to `handler(LogLevel, std::string_view target, std::string_view message)`, in
/// place of the previous handler: sequentially, on a thread of its own. The strings are borrowed for the
/// call. If the handler is too slow, records are discarded and counted. If it throws, the record is lost.
///
/// Throws `invalid_argument` for an unknown level, `runtime`, `unsupported`, `forked`.
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

/// Disables the log. The handler is destroyed before this returns, or, if it is running, when it has
/// returned.
inline void clear_log_handler() {
    detail::call(amop_set_log_callback, static_cast<std::int32_t>(LogLevel::off), amop_log_callback{});
}

} // namespace amop
