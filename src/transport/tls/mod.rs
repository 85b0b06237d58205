//! TLS 1.2 as nodes require it: both sides show certificates, host names are not checked, sessions are not resumed.
//!
//! Here are the parts that don't depend on a TLS library: the checks of certificates ([`chain`], [`signature`]) and the
//! texts of failures ([`failure`]). Each library has a folder that translates between them and it.

mod alert;
mod chain;
mod engine;
mod failure;
mod rustls;
mod signature;

#[cfg(fuzzing)]
pub use self::engine::fuzzing;
pub use self::engine::{EngineAcceptor, EngineConnector, EngineIdentity, EngineMode, RsaDecryptor};
pub use self::failure::{HandshakeFailure, NodeRefusal, Stage};
pub use self::rustls::{
    KeyExchange, NodeAcceptor, RustlsConnector, TakenClients, certified_key, server_config,
};

pub(super) use self::chain::leads_to_root;
