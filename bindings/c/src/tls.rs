//! TLS. The kinds of protection of a connection.

use amop::{Result, Tls};

use crate::argument::invalid_argument;

/// The kind of TLS of a connection.
#[repr(i32)]
pub enum amop_tls {
    /// As an option: the credentials decide. With RSA keys ECDHE is tried first, and static RSA only if the node has
    /// nothing in common with it. As a statistic: the endpoint was not reached yet.
    AMOP_TLS_AUTO = 0,
    /// TLS 1.2 with ECDHE, for secp256k1 chains, and for RSA chains whose nodes support it.
    AMOP_TLS_ECDHE = 1,
    /// TLS 1.2 with static RSA key exchange, the only one of 2.x nodes with an RSA channel. It has no forward secrecy.
    AMOP_TLS_STATIC_RSA = 2,
    /// The GM suites over TLS 1.2, of GM channels of 2.x nodes.
    AMOP_TLS_GM = 3,
    /// TLCP, of SM chains of generation 3.
    AMOP_TLS_TLCP = 4,
    /// No TLS: plain TCP, without credentials, for 3.x nodes that are set up so (disable_ssl). Anybody on the way can read
    /// and change what is sent.
    AMOP_TLS_OFF = 5,
}

use amop_tls::*;

/// Converts a number from C.
pub(crate) fn tls_of(number: i32) -> Result<Tls> {
    Tls::ALL
        .into_iter()
        .find(|tls| number_of(*tls) == number)
        .ok_or_else(|| invalid_argument(format!("{number} is not an AMOP_TLS_*")))
}

/// Converts a kind into its number in C.
pub(crate) fn number_of(tls: Tls) -> i32 {
    (match tls {
        Tls::Ecdhe => AMOP_TLS_ECDHE,
        Tls::StaticRsa => AMOP_TLS_STATIC_RSA,
        Tls::Gm => AMOP_TLS_GM,
        Tls::Tlcp => AMOP_TLS_TLCP,
        Tls::Off => AMOP_TLS_OFF,
        _ => AMOP_TLS_AUTO,
    }) as i32
}
