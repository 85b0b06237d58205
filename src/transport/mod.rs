//! From an endpoint to an open stream: addresses, credentials, TCP, TLS.
//!
//! [`Endpoint`] is the address of a node, [`Credentials`] are what the client shows and trusts, a [`Connector`] turns a
//! TCP connection into a [`BoxedStream`], and a [`DialPlan`] lists the ways to try; `upgrade` begins WebSocket.
//! [`NodeAcceptor`] is the node's side, for the embedded node. The layers above don't see whether a stream is TLS, nor
//! which library does it.
//!
//! Public to the embedded node and the command, without a promise of stability.

mod acknowledgements;
mod certificate;
mod connector;
mod credentials;
mod dial;
mod endpoint;
mod generation;
mod plan;
mod resolve;
mod security;
mod socket;
mod stream;
mod tls;
mod upgrade;

pub use certificate::{Dates, ParsedCertificate};
pub use connector::{Connector, engine_identity};
pub use credentials::{CredentialSource, Credentials, EncryptionPair, GmProtocol, KeyClass};
pub(crate) use credentials::{Loading, Located};
pub use dial::{Dialled, dial, dial_at, dial_by_plan};
pub use endpoint::{Endpoint, endpoint_list};
pub(crate) use generation::OtherGeneration;
pub use generation::{Generation, Generations};
pub use plan::{DialPlan, Way};
pub use resolve::{Resolve, Resolving, SystemResolver};
pub(crate) use security::is_tls_alert;
pub use security::{Security, Tls};
pub use socket::Socket;
pub use stream::{BoxedStream, ByteStream};
#[cfg(fuzzing)]
pub use tls::fuzzing;
pub use tls::{
    EngineAcceptor, EngineConnector, EngineIdentity, EngineMode, HandshakeFailure, KeyExchange, NodeAcceptor,
    NodeRefusal, RsaDecryptor, RustlsConnector, Stage, TakenClients, certified_key, server_config,
};
pub use upgrade::upgrade;
pub(crate) use upgrade::{Failed, try_upgrade};
