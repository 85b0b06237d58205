//! The streams that a session can use.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// A request to make the close of a connection a TCP reset, shared with the stream that has the socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reset(Arc<AtomicBool>);

impl Reset {
    fn request(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A stream whose socket is not accessible, because a TLS library has it, or which has none.
pub(crate) struct Opaque<S> {
    stream: S,
    /// Is obeyed by the stream inside when it is dropped, unless there is no socket.
    reset: Reset,
}

impl<S> Opaque<S> {
    pub(crate) fn new(stream: S, reset: Reset) -> Opaque<S> {
        Opaque { stream, reset }
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for Opaque<S> {
    fn reset_on_close(&self) {
        self.reset.request();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Opaque<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Opaque<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
