//! The cryptography for rustls: ring, with secp256k1 added from k256.
//!
//! It is passed to each configuration and never installed for the process, which belongs to the host program.

use std::sync::{Arc, LazyLock};

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};

use super::exchange;
use super::schemes::ALGORITHMS;

/// A curve for the agreement on session keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyExchange {
    /// The curve of the chain, and the only one that nodes of the ECDSA channel accept.
    Secp256k1,
    /// Curve25519.
    X25519,
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
}

impl KeyExchange {
    /// All curves in the order that the client offers them: nodes of the ECDSA channel support only the first, ECDHE
    /// nodes with RSA certificates use one of the others.
    pub const ALL: [KeyExchange; 4] =
        [KeyExchange::Secp256k1, KeyExchange::X25519, KeyExchange::P256, KeyExchange::P384];

    fn group(self) -> &'static dyn SupportedKxGroup {
        match self {
            KeyExchange::Secp256k1 => exchange::SECP256K1,
            KeyExchange::X25519 => ring::kx_group::X25519,
            KeyExchange::P256 => ring::kx_group::SECP256R1,
            KeyExchange::P384 => ring::kx_group::SECP384R1,
        }
    }
}

/// Returns the provider that agrees on keys by one of `groups`, the preferred one first.
pub(super) fn provider(groups: &[KeyExchange]) -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        kx_groups: groups.iter().map(|group| group.group()).collect(),
        signature_verification_algorithms: ALGORITHMS,
        ..ring::default_provider()
    })
}

/// The provider of every client connection.
pub(super) static CLIENT_PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| provider(&KeyExchange::ALL));
