//! A connection while hands are shaken: its first message is looked at before the TLS library gets it, and refusals have
//! the numbers that real nodes give them, where the library has others.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::hello::{self, Parsed, Speaks};
use crate::resumption::Issued;

const HANDSHAKE_FAILURE: u8 = 40;
const PROTOCOL_VERSION: u8 = 70;
const ACCESS_DENIED: u8 = 49;
const INTERNAL_ERROR: u8 = 80;
const CERTIFICATE_REQUIRED: u8 = 116;

/// A fatal alert of this number as a record of its own.
const fn record(alert: u8) -> [u8; 7] {
    [21, 3, 3, 0, 2, 2, alert]
}

/// A stream whose first bytes were looked at, and whose alerts are changed until hands are shaken.
#[derive(Debug)]
pub(crate) struct HandshakeStream<S> {
    stream: S,
    /// Read already, but not by the TLS library.
    ahead: BytesMut,
    handshake_done: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> HandshakeStream<S> {
    /// Looks at the client's first message.
    ///
    /// # Errors
    /// It is refused for what it says: it offers one of the sessions that were `issued`, which nodes drop without a word,
    /// or doesn't speak TLS 1.2.
    pub(crate) async fn look(stream: S, issued: Option<&Issued>) -> io::Result<HandshakeStream<S>> {
        let mut handshake = HandshakeStream { stream, ahead: BytesMut::new(), handshake_done: false };
        loop {
            match hello::parse(&handshake.ahead) {
                Parsed::Hello { session_id, ticket, .. }
                    if issued.is_some_and(|issued| !ticket.is_empty() || issued.knows(session_id)) =>
                {
                    return Err(io::Error::other("the client offers a TLS session to resume"));
                }
                Parsed::Hello { speaks, .. } => {
                    let (alert, why) = match speaks {
                        Speaks::Tls12 => return Ok(handshake),
                        Speaks::Older => (PROTOCOL_VERSION, "the client speaks TLS 1.1 at most"),
                        // To a real node it offers nothing that it has heard of.
                        Speaks::Newer => (HANDSHAKE_FAILURE, "the client speaks TLS 1.3 only"),
                    };
                    handshake.stream.write_all(&record(alert)).await?;
                    return Err(io::Error::other(why));
                }
                // TLS says what is wrong with it.
                Parsed::NoHello => return Ok(handshake),
                Parsed::Incomplete if handshake.ahead.len() > hello::MOST => return Ok(handshake),
                Parsed::Incomplete => {
                    if handshake.stream.read_buf(&mut handshake.ahead).await? == 0 {
                        return Ok(handshake);
                    }
                }
            }
        }
    }
}

impl<S> HandshakeStream<S> {
    /// Hands are handshake_done: what is written from now on is enciphered, and passes as it is.
    pub(crate) fn set_handshake_done(&mut self) {
        self.handshake_done = true;
    }

    /// The record to write in place of `bytes`.
    fn instead_of(&self, bytes: &[u8]) -> Option<[u8; 7]> {
        if self.handshake_done {
            return None;
        }
        // A client that shows no certificate, and one of another agency.
        [(CERTIFICATE_REQUIRED, HANDSHAKE_FAILURE), (ACCESS_DENIED, INTERNAL_ERROR)]
            .into_iter()
            .find(|(of_library, _)| bytes == record(*of_library))
            .map(|(_, of_nodes)| record(of_nodes))
    }
}

impl<S> AsRef<S> for HandshakeStream<S> {
    fn as_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HandshakeStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let count = buf.remaining().min(self.ahead.len());
        buf.put_slice(&self.ahead[..count]);
        self.ahead.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HandshakeStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let instead = self.instead_of(bytes);
        let bytes = instead.as_ref().map_or(bytes, |record| record);
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // An alert ends the handshake, and what the node said before waits for the client's answer: it comes alone.
        if let [bytes] = slices
            && let Some(record) = self.instead_of(bytes)
        {
            return Pin::new(&mut self.stream).poll_write(cx, &record);
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
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
