//! The stream used during the TLS handshake. It inspects the ClientHello before the TLS library reads it, and replaces
//! fatal alerts of rustls by the ones that real nodes send.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::hello::{self, Parsed, Speaks};
use crate::resumption::Issued;
use crate::wire::{Reset, Wire};

const HANDSHAKE_FAILURE: u8 = 40;
const PROTOCOL_VERSION: u8 = 70;
const ACCESS_DENIED: u8 = 49;
const INTERNAL_ERROR: u8 = 80;
const CERTIFICATE_REQUIRED: u8 = 116;

/// Returns a fatal alert as a TLS record.
const fn record(alert: u8) -> [u8; 7] {
    [21, 3, 3, 0, 2, 2, alert]
}

/// The TLS of a node, which decides its answers to a ClientHello that it doesn't accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsOfNode {
    /// TLS 1.2 of a 2.x node, GM suites included.
    OfV2,
    /// TLS 1.2 of a 3.x node.
    OfV3,
    /// TLCP of a 3.x node.
    Tlcp,
}

impl TlsOfNode {
    /// Returns the alert for a client with these versions and its cause, or `None` if the handshake goes on.
    fn refusal(self, speaks: Speaks) -> Option<(u8, &'static str)> {
        match (self, speaks) {
            (TlsOfNode::OfV2 | TlsOfNode::OfV3, Speaks::Tls12) | (TlsOfNode::Tlcp, Speaks::Tlcp) => None,
            (TlsOfNode::Tlcp, Speaks::Tls12 | Speaks::Newer) => {
                Some((HANDSHAKE_FAILURE, "the client does not speak TLCP"))
            }
            (_, Speaks::Older) => Some((PROTOCOL_VERSION, "the client speaks TLS 1.1 at most")),
            (_, Speaks::Tlcp) => Some((PROTOCOL_VERSION, "the client speaks TLCP")),
            // A real 2.x node knows none of the offered cipher suites, so it does not send protocol_version.
            (TlsOfNode::OfV2, Speaks::Newer) => Some((HANDSHAKE_FAILURE, "the client speaks TLS 1.3 only")),
            (TlsOfNode::OfV3, Speaks::Newer) => Some((PROTOCOL_VERSION, "the client speaks TLS 1.3 only")),
        }
    }

    /// Returns the alert for a client that offers a session to resume, `None` if the connection is closed without one.
    fn refusal_to_resume(self) -> Option<u8> {
        match self {
            TlsOfNode::OfV2 => None,
            TlsOfNode::OfV3 | TlsOfNode::Tlcp => Some(INTERNAL_ERROR),
        }
    }
}

/// A stream whose ClientHello was inspected, and whose alerts are replaced until the handshake is done.
#[derive(Debug)]
pub(crate) struct HandshakeStream<S: Wire> {
    stream: S,
    /// Bytes that were read for the inspection and that the TLS library has not read yet.
    ahead: BytesMut,
    handshake_done: bool,
    reset: Reset,
}

impl<S: Wire> Drop for HandshakeStream<S> {
    fn drop(&mut self) {
        if self.reset.is_requested() {
            self.stream.reset_on_close();
        }
    }
}

impl<S: Wire> HandshakeStream<S> {
    /// Reads and inspects the ClientHello.
    ///
    /// # Errors
    /// Returns an error if the client offers to resume one of the `issued` sessions, does not support the node's version
    /// of TLS, or, at a 3.x node, does not speak TLS; after the alert was sent, if nodes send one.
    pub(crate) async fn inspect(
        stream: S,
        tls: TlsOfNode,
        issued: Option<&Issued>,
    ) -> io::Result<HandshakeStream<S>> {
        let mut handshake = HandshakeStream {
            stream,
            ahead: BytesMut::new(),
            handshake_done: false,
            reset: Reset::default(),
        };
        loop {
            match hello::parse(&handshake.ahead) {
                Parsed::Hello { session_id, ticket, .. }
                    if issued.is_some_and(|issued| !ticket.is_empty() || issued.knows(session_id)) =>
                {
                    if let Some(alert) = tls.refusal_to_resume() {
                        handshake.stream.write_all(&record(alert)).await?;
                    }
                    return Err(io::Error::other("the client offers a TLS session to resume"));
                }
                Parsed::Hello { speaks, .. } => {
                    let Some((alert, why)) = tls.refusal(speaks) else { return Ok(handshake) };
                    handshake.stream.write_all(&record(alert)).await?;
                    return Err(io::Error::other(why));
                }
                Parsed::NoHello if tls != TlsOfNode::OfV2 => {
                    return Err(io::Error::other("the client does not speak TLS"));
                }
                // The TLS library reads it and sends the right alert.
                Parsed::NoHello => return Ok(handshake),
                Parsed::Incomplete if handshake.ahead.len() > hello::MAX_LEN => return Ok(handshake),
                Parsed::Incomplete => {
                    if handshake.stream.read_buf(&mut handshake.ahead).await? == 0 {
                        return Ok(handshake);
                    }
                }
            }
        }
    }

    /// Returns what resets the connection.
    pub(crate) fn reset(&self) -> Reset {
        self.reset.clone()
    }

    /// Ends the inspection. What is written from now on is encrypted and is not changed.
    pub(crate) fn set_handshake_done(&mut self) {
        self.handshake_done = true;
    }

    /// Returns the record to write instead of `bytes`, if they are an alert that real nodes do not send.
    fn replacement(&self, bytes: &[u8]) -> Option<[u8; 7]> {
        if self.handshake_done {
            return None;
        }
        // The alerts for a client without a certificate, and for one of another agency.
        [(CERTIFICATE_REQUIRED, HANDSHAKE_FAILURE), (ACCESS_DENIED, INTERNAL_ERROR)]
            .into_iter()
            .find(|(of_rustls, _)| bytes == record(*of_rustls))
            .map(|(_, of_nodes)| record(of_nodes))
    }
}

impl<S: Wire> AsyncRead for HandshakeStream<S> {
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

impl<S: Wire> AsyncWrite for HandshakeStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let replacement = self.replacement(bytes);
        let bytes = replacement.as_ref().map_or(bytes, |record| record);
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // An alert is always the only slice, because everything before it was flushed while waiting for the client.
        if let [bytes] = slices
            && let Some(record) = self.replacement(bytes)
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
