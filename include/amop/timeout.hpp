/// Timeouts: durations of std::chrono for the library.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace amop {

/// A time limit: any duration of std::chrono, or the default that the function states.
///
/// Durations are rounded up to milliseconds. A call has at least 1 ms: a duration that is 0 or negative, such
/// as the time until a moment that has passed, does not mean the default. `next` does not wait then. The
/// longest duration is ten years, except for `Options::expiry_warning`.
class Timeout {
public:
    /// The default of the function.
    constexpr Timeout() noexcept = default;

    template <class Rep, class Period>
    constexpr Timeout(std::chrono::duration<Rep, Period> time) noexcept
        : is_default_(false), milliseconds_(round_up(time)) {}

    /// The value for calls of the C interface, where 0 is the default.
    constexpr std::uint64_t of_call() const noexcept {
        return is_default_ ? 0 : milliseconds_ == 0 ? 1 : milliseconds_;
    }

    /// The value for `_next` functions of the C interface, where 0 does not wait.
    constexpr std::uint64_t of_wait() const noexcept { return milliseconds_; }

private:
    template <class Rep, class Period>
    static constexpr std::uint64_t round_up(std::chrono::duration<Rep, Period> time) noexcept {
        // Far above what the library accepts, and far below what overflows here.
        constexpr auto longest = static_cast<double>(std::numeric_limits<std::int64_t>::max() / 1024);
        const auto exact = std::chrono::duration<double, std::milli>(time).count();
        if (!(exact > 0)) {
            return 0;
        }
        if (exact >= longest) {
            return std::numeric_limits<std::uint64_t>::max();
        }
        auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(time);
        if (whole < time) {
            ++whole;
        }
        return static_cast<std::uint64_t>(whole.count());
    }

    bool is_default_ = true;
    std::uint64_t milliseconds_ = 0;
};

} // namespace amop
