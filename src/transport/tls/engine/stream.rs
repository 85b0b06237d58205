//! A connection over a byte stream.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

use super::connection::{Connection, Progress};
use super::fault::Fault;
use super::record::MAX_PLAIN;

/// How many bytes are read at once.
const READ_SIZE: usize = 32 * 1024;
/// The bytes from which on a write waits until some were sent. One write adds as many at most, and their overhead.
const MAX_QUEUED: usize = 64 * 1024;

/// A connection of the engine over `S`.
pub(super) struct EngineStream<S> {
    io: S,
    connection: Connection,
    /// How many bytes of the connection's output were sent.
    sent: usize,
    /// A failure of reading that came right after data.
    failure: Option<io::Error>,
}

/// Why a handshake failed.
pub(super) enum HandshakeError {
    /// The messages did not fit.
    Fault(Fault),
    /// The stream below failed or ended.
    Io(io::Error),
}

impl From<Fault> for HandshakeError {
    fn from(fault: Fault) -> HandshakeError {
        HandshakeError::Fault(fault)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> EngineStream<S> {
    pub(super) fn new(io: S, connection: Connection) -> EngineStream<S> {
        EngineStream { io, connection, sent: 0, failure: None }
    }

    /// Does the handshake.
    pub(super) async fn handshake(&mut self) -> Result<(), HandshakeError> {
        // The peer may have closed the connection after an alert, which is then still to be read.
        let mut write_failure = None;
        loop {
            if let Err(error) = std::future::poll_fn(|cx| self.poll_drain(cx)).await {
                self.connection.output().clear();
                self.sent = 0;
                write_failure.get_or_insert(error);
            }
            if self.connection.is_open() {
                return write_failure.map_or(Ok(()), |error| Err(HandshakeError::Io(error)));
            }
            match self.connection.advance() {
                Err(fault) => {
                    // The connection ends in any case: the alert is for the peer's information.
                    let _ = std::future::poll_fn(|cx| self.poll_drain(cx)).await;
                    return Err(HandshakeError::Fault(fault));
                }
                Ok(Progress::Closed) => {
                    let error = io::Error::new(io::ErrorKind::UnexpectedEof, "closed by close_notify");
                    return Err(HandshakeError::Io(error));
                }
                // Something is to be sent, or the handshake is done.
                Ok(_) if self.connection.is_open() || !self.connection.output().is_empty() => continue,
                Ok(_) => {}
            }
            match std::future::poll_fn(|cx| self.poll_fill(cx)).await {
                Ok(0) => return Err(HandshakeError::Io(write_failure.unwrap_or_else(ended))),
                Ok(_) => {}
                Err(error) => return Err(HandshakeError::Io(write_failure.unwrap_or(error))),
            }
        }
    }

    /// Returns whether the peer has shown certificates that are accepted.
    pub(super) fn has_accepted_peer(&self) -> bool {
        self.connection.has_accepted_peer()
    }

    /// Sends what is queued.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.connection.output().len() {
            let queued = &self.connection.output()[self.sent..];
            let n = ready!(Pin::new(&mut self.io).poll_write(cx, queued))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += n;
        }
        self.connection.output().clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    /// Reads once. Returns the number of bytes, 0 at the end of the stream.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let input = self.connection.input();
        input.reserve(READ_SIZE);
        poll_read_buf(Pin::new(&mut self.io), cx, input)
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.connection.output().len() - self.sent >= MAX_QUEUED {
            ready!(self.poll_drain(cx))?;
        }
        let total = slices.iter().map(|slice| slice.len()).fold(0, usize::saturating_add).min(MAX_QUEUED);
        let mut parts = Parts { slices, offset: 0 };
        let mut left = total;
        while left > 0 {
            let length = left.min(MAX_PLAIN);
            self.connection.send(|out| parts.append(out, length)).map_err(failure)?;
            left -= length;
        }
        // Send at once what can be sent, as other streams do. What can't is sent by later writes and by the flush.
        if let Poll::Ready(Err(error)) = self.poll_drain(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(total))
    }
}

/// What is left of the slices of one write.
struct Parts<'a> {
    slices: &'a [IoSlice<'a>],
    /// How many bytes of the first slice are done.
    offset: usize,
}

impl Parts<'_> {
    /// Moves the next `length` bytes to `out`. There are as many.
    fn append(&mut self, out: &mut Vec<u8>, mut length: usize) {
        while let Some((first, others)) = self.slices.split_first() {
            let rest = &first[self.offset..];
            let n = rest.len().min(length);
            out.extend_from_slice(&rest[..n]);
            length -= n;
            self.offset += n;
            if self.offset < first.len() {
                return;
            }
            self.slices = others;
            self.offset = 0;
        }
    }
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the peer closed the connection without close_notify")
}

fn failure(fault: Fault) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault.to_string())
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for EngineStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        if let Some(failure) = self.failure.take() {
            return Poll::Ready(Err(failure));
        }
        while out.remaining() > 0 {
            let has_read = out.filled().len() > before;
            match self.connection.advance() {
                Ok(Progress::Data) => {
                    let data = self.connection.data();
                    let n = data.len().min(out.remaining());
                    out.put_slice(&data[..n]);
                    self.connection.consume(n);
                }
                Ok(Progress::Closed) => break,
                Ok(Progress::NeedsInput) if has_read => break,
                Ok(Progress::NeedsInput) => {
                    if ready!(self.poll_fill(cx))? == 0 {
                        return Poll::Ready(Err(ended()));
                    }
                }
                Err(fault) => {
                    // The alert is for the peer's information.
                    let _ = self.poll_drain(cx);
                    if !has_read {
                        return Poll::Ready(Err(failure(fault)));
                    }
                    self.failure = Some(failure(fault));
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for EngineStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, bufs)
    }

    /// Small parts of a message share a record.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.close();
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
