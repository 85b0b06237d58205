//! A small TLS engine for the channels that rustls can't serve: static RSA, and the two that GM chains use.
//!
//! [`EngineMode`] lists them. It does TLS 1.2 message by message, in both roles: one version, two cipher suites,
//! certificates on both sides, and nothing else of TLS. There is no resumption, renegotiation or compression. The
//! modes differ in a table ([`mode`]); [`connection`] is the whole without I/O, and [`stream`] moves its bytes.
//! Ciphers, hashes and curves come from ring and RustCrypto.

// What only the GM modes use is not taken apart further.
#![cfg_attr(not(feature = "sm"), allow(dead_code, unused_imports, unused_variables))]

mod acceptor;
mod associated;
#[cfg(feature = "sm")]
mod cbc;
mod client;
mod codec;
mod connection;
mod connector;
mod context;
mod exchange;
mod fault;
#[cfg(all(any(test, fuzzing), feature = "sm"))]
#[cfg_attr(not(fuzzing), allow(unreachable_pub))]
pub mod fuzzing;
mod gcm;
mod identity;
#[cfg(feature = "sm")]
mod masks;
mod mode;
mod peer;
mod prf;
mod random;
mod record;
mod rsa;
mod schedule;
mod server;
mod signing;
#[cfg(feature = "sm")]
mod sm2;
mod stream;
mod suite;

#[cfg(all(test, feature = "sm"))]
mod tests;

pub use self::acceptor::EngineAcceptor;
pub use self::connector::EngineConnector;
pub use self::exchange::RsaDecryptor;
pub use self::identity::EngineIdentity;
pub use self::mode::EngineMode;
