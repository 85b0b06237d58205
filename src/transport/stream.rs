//! An open connection as the layers above see it: bytes in, bytes out.

use tokio::io::{AsyncRead, AsyncWrite};

/// A connection as bytes, whatever protects it.
///
/// Vectored writes pass through a box of it: `is_write_vectored` returns what the stream inside returns.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// An open connection.
pub type BoxedStream = Box<dyn ByteStream>;
