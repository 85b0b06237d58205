/// Versions: of the library that runs, and whether it fits the headers that the program was compiled with.
#pragma once

#include <cstdint>
#include <string_view>

#include "../amop.h"
#include "handle.hpp"

namespace amop {

/// The library's version, `1.2.3`.
inline std::string_view version() noexcept { return detail::view(amop_version()); }

/// The library's version as a number: major * 1,000,000 + minor * 1,000 + patch.
inline std::uint32_t version_number() noexcept { return amop_version_number(); }

/// Throws `Code::unsupported` unless the library that runs can serve a program compiled with headers of
/// version `header`: it has the same major number, and isn't older. Whatever starts the library asks this by
/// itself.
inline void check_version(std::uint32_t header = AMOP_VERSION_NUMBER) {
    detail::call(amop_check_version, header);
}

} // namespace amop
