//! From an endpoint's text to a stream of bytes: addresses, credentials, TCP, TLS.
//!
//! [`Endpoint`] says where, [`Credentials`] say who, a [`SecureConnector`] turns a TCP connection into a
//! [`BoxedStream`], and [`dial()`] does all of it for one connection. [`NodeAcceptor`] is the other end, for the
//! embedded node. Above this room nobody knows whether a stream is TLS, nor which library does it.
//!
//! Public to the embedded node and the command, but no promise.

mod certificate;
mod credentials;
mod dial;
mod endpoint;
mod resolve;
mod socket;
mod stream;
mod tls;

pub use certificate::{Dates, ParsedCertificate};
pub(crate) use credentials::Loading;
pub use credentials::{CredentialSource, Credentials};
pub use dial::{dial, dial_by};
pub use endpoint::Endpoint;
pub use resolve::{Resolve, Resolving, SystemResolver};
pub use socket::Socket;
pub use stream::{BoxedStream, ByteStream, Connecting, PlainConnector, SecureConnector};
pub use tls::{
    HandshakeFailure, KeyExchange, NodeAcceptor, NodeRefusal, RustlsConnector, Stage, TakenClients,
    server_config,
};
