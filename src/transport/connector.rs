//! The ways to protect a TCP connection, one variant for each TLS implementation.

use tokio::net::TcpStream;

use super::stream::BoxedStream;
use super::tls::RustlsConnector;
use super::{Credentials, Endpoint, Socket};
use crate::Result;

/// Protects TCP connections to nodes.
#[derive(Debug)]
pub enum Connector {
    /// No protection: the bytes go over TCP as they are.
    Plain,
    /// TLS 1.2 by rustls.
    Rustls(Box<RustlsConnector>),
}

impl Connector {
    /// Returns a connector that uses rustls, shows `credentials` and trusts their CA.
    ///
    /// # Errors
    /// As [`RustlsConnector::new`].
    pub fn rustls(credentials: &Credentials) -> Result<Connector> {
        Ok(Connector::Rustls(Box::new(RustlsConnector::new(credentials)?)))
    }

    /// Does the client's handshake over `tcp`. `endpoint` is used in the texts of errors: names in certificates are
    /// not checked, because chains issue certificates without host names.
    ///
    /// Dropping the future closes the socket. It has no time limit of its own: the caller sets one.
    ///
    /// # Errors
    /// Returns one of the kinds from 30 to 39 for what went wrong between the two sides.
    pub async fn connect(&self, tcp: TcpStream, endpoint: &Endpoint) -> Result<BoxedStream> {
        match self {
            Connector::Plain => Ok(Box::new(Socket::to_node(tcp))),
            Connector::Rustls(connector) => {
                connector.handshake(tcp, endpoint).await.map_err(|failure| failure.error)
            }
        }
    }
}
