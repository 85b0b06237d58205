/// The keys of private topics, as options hold them. Not part of the interface.
#pragma once

#include <cstddef>
#include <string>

#include "../amop.h"
#include "handle.hpp"

namespace amop::detail {

/// A private key as it was given, with its password; empty if there is none.
struct GivenKey {
    std::string bytes;
    std::string password;

    template <class Options>
    void apply(Options* options, amop_status (*set)(Options*, const void*, std::size_t, const char*)) const {
        if (!bytes.empty()) {
            const char* given = password.empty() ? nullptr : password.c_str();
            check(set(options, bytes.data(), bytes.size(), given), "key");
        }
    }
};

} // namespace amop::detail
