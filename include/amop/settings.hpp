/// How options reach the C interface: what isn't set isn't passed on, and keeps its default. Not for users.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "../amop.h"
#include "handle.hpp"
#include "timeout.hpp"

namespace amop::detail {

/// Passes settings on to an options object.
template <class Options>
struct Settings {
    Options* options;

    template <class Passed, class Value>
    void apply(const char* name, amop_status (*set)(Options*, Passed),
               const std::optional<Value>& value) const {
        if (value) {
            check(set(options, static_cast<Passed>(*value)), name);
        }
    }

    void apply(const char* name, amop_status (*set)(Options*, std::uint64_t), Timeout time) const {
        if (time.of_call() != 0) {
            check(set(options, time.of_call()), name);
        }
    }

    void apply(const char* name, amop_status (*set)(Options*, const char*), const std::string& text) const {
        check(set(options, CText(text, name).c_str()), name);
    }
};

} // namespace amop::detail
