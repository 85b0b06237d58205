//! A small TLS engine for the channels that rustls can't serve: static RSA, and the two that GM chains use.
//!
//! [`EngineMode`] lists them. It does TLS 1.2 message by message, in both roles: one version, one or two cipher suites,
//! certificates on both sides, and nothing else of TLS. There is no resumption, renegotiation or compression.
//! Ciphers, hashes and curves come from ring and RustCrypto.

mod acceptor;
mod connector;
mod identity;
mod mode;

pub use self::acceptor::{EngineAcceptor, RsaDecryptor};
pub use self::connector::EngineConnector;
pub use self::identity::EngineIdentity;
pub use self::mode::EngineMode;
