/// Versions: of the library that runs, and of the headers that the program was compiled with.
#pragma once

#include <cstdint>
#include <string_view>

#include "../amop.h"
#include "handle.hpp"

namespace amop {

/// Returns the version of the library, such as `1.2.3`.
inline std::string_view version() noexcept { return detail::view(amop_version()); }

/// Returns the version of the library as a number: major * 1,000,000 + minor * 1,000 + patch.
inline std::uint32_t version_number() noexcept { return amop_version_number(); }

static_assert(AMOP_ABI == 0, "amop.h and the C++ headers are of different releases");

/// Returns the number of the ABI of the library, which is to be `AMOP_ABI`.
inline std::uint32_t abi() noexcept { return amop_abi(); }

/// Throws `Code::unsupported` unless the library can serve a program that was compiled with these headers: the
/// ABI is the same, and the library is not older. The constructors that start the library call it.
inline void check_version(std::uint32_t abi = AMOP_ABI, std::uint32_t version = AMOP_VERSION_NUMBER) {
    detail::call(amop_check_version, abi, version);
}

} // namespace amop
