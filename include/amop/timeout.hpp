/// Timeouts: times of std::chrono as the library takes them.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace amop {

/// How long something may take: any duration of std::chrono, or the default that the function names.
///
/// Durations are rounded up to milliseconds. The shortest time that a call can have is 1 ms: one that is 0 or
/// negative, say what is left until a moment that has passed, takes that, and doesn't mean the default.
/// Functions that look for something that has come (`next`) don't wait then. Nothing takes for ever: ten
/// years is the longest.
class Timeout {
public:
    /// The default.
    constexpr Timeout() noexcept = default;

    template <class Rep, class Period>
    constexpr Timeout(std::chrono::duration<Rep, Period> time) noexcept
        : is_default_(false), milliseconds_(round_up(time)) {}

    /// As calls of the C interface take it: 0 is the default.
    constexpr std::uint64_t of_call() const noexcept {
        return is_default_ ? 0 : milliseconds_ == 0 ? 1 : milliseconds_;
    }

    /// As `_next` functions of the C interface take it: 0 doesn't wait.
    constexpr std::uint64_t of_wait() const noexcept { return milliseconds_; }

private:
    template <class Rep, class Period>
    static constexpr std::uint64_t round_up(std::chrono::duration<Rep, Period> time) noexcept {
        // Far beyond what the library accepts, and far below what overflows here.
        constexpr auto endless = static_cast<double>(std::numeric_limits<std::int64_t>::max() / 1024);
        const auto exact = std::chrono::duration<double, std::milli>(time).count();
        if (!(exact > 0)) {
            return 0;
        }
        if (exact >= endless) {
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
