/// The kinds of TLS.
#pragma once

#include <cstdint>

#include "../amop.h"

namespace amop {

/// The kind of TLS of a connection.
enum class Tls : std::int32_t {
    /// As an option: the credentials decide. With RSA keys ECDHE is tried first, and static RSA only if the node
    /// has nothing in common with it. As a statistic: the endpoint was not reached yet.
    automatic = AMOP_TLS_AUTO,
    /// TLS 1.2 with ECDHE, for secp256k1 chains, and for RSA chains whose nodes support it.
    ecdhe = AMOP_TLS_ECDHE,
    /// TLS 1.2 with static RSA key exchange, the only one of 2.x nodes with an RSA channel. It has no forward
    /// secrecy.
    static_rsa = AMOP_TLS_STATIC_RSA,
    /// The GM suites over TLS 1.2, of GM channels of 2.x nodes.
    gm = AMOP_TLS_GM,
    /// TLCP, of SM chains of generation 3.
    tlcp = AMOP_TLS_TLCP,
    /// No TLS: plain TCP, without credentials, for 3.x nodes that are set up so (disable_ssl). Anybody on the way
    /// can read and change what is sent.
    off = AMOP_TLS_OFF,
};

} // namespace amop
