//! What the rest of the library sees of a connection: bytes in, bytes out.
//!
//! The seam for TLS backends is [`SecureConnector`]: it gets a connected socket and gives back a stream.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{Endpoint, Socket};
use crate::Result;

/// A connection as bytes, whatever protects it.
///
/// Vectored writes pass through a box of it: `is_write_vectored` answers for the stream inside.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// An open connection.
pub type BoxedStream = Box<dyn ByteStream>;

/// The future of [`SecureConnector::connect`].
pub type Connecting<'a> = Pin<Box<dyn Future<Output = Result<BoxedStream>> + Send + 'a>>;

/// Protects a connected socket: one implementation for each TLS backend, and one for none.
pub trait SecureConnector: fmt::Debug + Send + Sync {
    /// Does the client's handshake over `tcp`. `endpoint` is for the texts of errors: names in certificates are
    /// not checked, since chains issue them without any.
    ///
    /// Dropping the future closes the socket. No time limit of its own: the caller sets one.
    ///
    /// # Errors
    /// What went wrong between the two sides, as one of the kinds from 30 to 39.
    fn connect<'a>(&'a self, tcp: TcpStream, endpoint: &'a Endpoint) -> Connecting<'a>;
}

/// No protection: the bytes go over TCP as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainConnector;

impl SecureConnector for PlainConnector {
    fn connect<'a>(&'a self, tcp: TcpStream, _endpoint: &'a Endpoint) -> Connecting<'a> {
        Box::pin(async move { Ok(Box::new(Socket::from(tcp)) as BoxedStream) })
    }
}
