//! TLS by rustls, with secp256k1 added to it: for secp256k1 chains, and for RSA chains whose nodes support ECDHE.
//!
//! rustls has no static RSA key exchange, the only one that nodes of the 2.x RSA channel have.

mod acceptor;
mod connector;
mod exchange;
mod failure;
mod provider;
mod schemes;
mod signing_key;
mod verifier;

pub use self::acceptor::{NodeAcceptor, TakenClients, server_config};
pub use self::connector::RustlsConnector;
pub use self::provider::KeyExchange;
pub use self::signing_key::certified_key;
