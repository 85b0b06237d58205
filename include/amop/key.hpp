/// The keys of private topics, as options hold them. Not part of the interface.
#pragma once

#include <cstddef>
#include <string>

#include "../amop.h"
#include "handle.hpp"

namespace amop::detail {

/// A private key as it was given, with its password. An empty one is passed as well, and refused: without a key the
/// call would be one for the public topic of the same name.
struct GivenKey {
    std::string bytes;
    std::string password;

    template <class Options>
    void apply(Options* options, amop_status (*set)(Options*, const void*, std::size_t, const char*)) const {
        const char* given = password.empty() ? nullptr : password.c_str();
        check(set(options, bytes.data(), bytes.size(), given), "key",
              " is invalid: it has more than 1 MiB, or a password that is not UTF-8");
    }
};

} // namespace amop::detail
