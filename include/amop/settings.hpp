/// How options are passed to the C interface: what is not set is not passed, and keeps its default. Not part
/// of the interface.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "../amop.h"
#include "handle.hpp"
#include "timeout.hpp"

namespace amop::detail {

/// Passes settings to an options object.
template <class Options>
struct Settings {
    Options* options;

    template <class Passed, class Value>
    void apply(const char* name, amop_status (*set)(Options*, Passed),
               const std::optional<Value>& value) const {
        if (value) {
            check(set(options, static_cast<Passed>(*value)), name, " is out of range");
        }
    }

    void apply(const char* name, amop_status (*set)(Options*, std::uint64_t), Timeout time) const {
        if (time.of_call() != 0) {
            check(set(options, time.of_call()), name, " is out of range");
        }
    }

    void apply(const char* name, amop_status (*set)(Options*, const char*), const std::string& text) const {
        check(set(options, CText(text, name).c_str()), name, " is not UTF-8");
    }
};

} // namespace amop::detail
