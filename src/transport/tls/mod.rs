//! TLS 1.2 as 2.x nodes want it, by rustls: mutual, on secp256k1, without resumption, names unchecked.
//!
//! rustls has no static RSA key exchange, the only one that RSA channel nodes do: that will be another backend.

mod acceptor;
mod chain;
mod connector;
mod exchange;
mod failure;
mod provider;
mod signature;
mod signing_key;
mod verifier;

pub use acceptor::{NodeAcceptor, TakenClients, server_config};
pub use connector::RustlsConnector;
pub use failure::{HandshakeFailure, NodeRefusal, Stage};
pub use provider::KeyExchange;

pub(super) use chain::leads_to_root;
pub(super) use signing_key::candidates as signing_keys;
