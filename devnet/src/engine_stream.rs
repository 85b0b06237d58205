//! The stream of a session whose TLS is done by the library's engine.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use amop::transport::BoxedStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::handshake_stream::Reset;
use crate::wire::Wire;

/// A stream of the library's TLS engine over TCP.
pub(crate) struct EngineStream {
    stream: BoxedStream,
    /// Resets the connection when the stream inside is dropped.
    reset: Reset,
}

impl EngineStream {
    pub(crate) fn new(stream: BoxedStream, reset: Reset) -> EngineStream {
        EngineStream { stream, reset }
    }
}

impl Wire for EngineStream {
    fn reset_on_close(&self) {
        self.reset.request();
    }
}

impl AsyncRead for EngineStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for EngineStream {
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
