//! The streams that a session can use.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use amop::transport::Socket;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A byte stream that can be closed with a TCP reset.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {
    /// Makes the following close a TCP reset. Does nothing on a stream that is not TCP.
    fn reset_on_close(&self);
}

impl Wire for Socket {
    fn reset_on_close(&self) {
        // This only fails on a socket that is dead.
        let _ = self.as_ref().set_zero_linger();
    }
}

/// A stream that is not TCP, for tests without sockets.
pub(crate) struct Memory<S>(pub(crate) S);

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for Memory<S> {
    fn reset_on_close(&self) {}
}

impl<S: AsyncRead + Unpin> AsyncRead for Memory<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Memory<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
