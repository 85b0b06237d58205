//! The task of one connection. It reads frames, passes all complete ones to the nodes' state under one lock, and
//! writes the frames that are queued for the session.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use amop::protocol::channel::{FrameError, FrameReader};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_util::io::poll_read_buf;

use crate::counters::NodeCounters;
use crate::outbox::{End, Outbox, Writing};
use crate::shared::Shared;
use crate::table::Key;
use crate::wire::Wire;

/// The maximum length of the plain text of one TLS record.
const RECORD_LEN: usize = 16 * 1024;

/// The maximum number of queued pieces in one write.
const SLICES: usize = 16;

/// The limits of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) idle: Duration,
    pub(crate) close: Duration,
    pub(crate) frame_len: usize,
    pub(crate) queued_bytes: usize,
}

/// What a session's task needs to know of its node.
#[derive(Clone, Debug)]
pub(crate) struct SessionContext {
    pub(crate) shared: Arc<Shared>,
    pub(crate) counters: Arc<NodeCounters>,
    pub(crate) node: usize,
    pub(crate) limits: Limits,
}

/// A session's entry in the nodes' state. Dropping it removes the entry, however the session's task ends.
#[derive(Debug)]
pub(crate) struct SessionGuard {
    context: SessionContext,
    key: Key,
    outbox: Arc<Outbox>,
}

impl SessionGuard {
    /// Adds a session to the nodes' state. Returns `None` if the node is dead.
    pub(crate) fn join(context: SessionContext) -> Option<SessionGuard> {
        let outbox = Arc::new(Outbox::new(context.limits.queued_bytes));
        let key = context.shared.with(|net, _| net.join(context.node, outbox.clone()))?;
        Some(SessionGuard { context, key, outbox })
    }
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        self.context.shared.with(|net, now| net.leave(self.key, now));
    }
}

/// Why a session's task ends.
#[derive(Debug, PartialEq, Eq)]
enum Stop {
    /// The client closed the connection, or it failed.
    Lost,
    /// The node ended the session.
    Ended(End),
}

/// Serves a connection until it ends.
pub(crate) async fn serve(stream: impl Wire, guard: SessionGuard) {
    let limits = guard.context.limits;
    let mut session = Session {
        reader: FrameReader::new(limits.frame_len),
        writing: Writing::default(),
        unflushed: false,
        last_byte: Instant::now(),
        closing: false,
        stream,
        guard,
    };
    let mut timer = pin!(sleep(limits.idle));
    let stop = std::future::poll_fn(|cx| session.poll(cx, timer.as_mut())).await;
    match stop {
        Stop::Lost | Stop::Ended(End::Cut | End::CutWhenWritten) => {}
        Stop::Ended(End::Reset) => session.stream.reset_on_close(),
        Stop::Ended(End::Close) => {
            // This fails or times out if the client has disconnected or does not read.
            let _ = timeout(limits.close, session.stream.shutdown()).await;
        }
    }
}

struct Session<S> {
    stream: S,
    guard: SessionGuard,
    reader: FrameReader,
    writing: Writing,
    unflushed: bool,
    last_byte: Instant,
    /// The session is being closed, and the timer is that of the close limit.
    closing: bool,
}

impl<S: Wire> Session<S> {
    fn poll(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<Stop> {
        self.guard.outbox.register(cx.waker());
        let mut moved = false;
        loop {
            let (orders, frames) = self.guard.outbox.exchange(&mut self.writing);
            NodeCounters::add(&self.guard.context.counters.frames_out, frames);
            match orders.end {
                Some(end @ (End::Cut | End::Reset)) => return Poll::Ready(Stop::Ended(end)),
                Some(end) if self.writing.is_empty() && !self.unflushed => {
                    return Poll::Ready(Stop::Ended(end));
                }
                Some(End::Close | End::CutWhenWritten) | None => {}
            }
            if orders.end.is_none() && (orders.frozen || orders.stalled) {
                return Poll::Pending;
            }
            if orders.end.is_some() && !self.closing {
                self.closing = true;
                timer.as_mut().reset(Instant::now() + self.guard.context.limits.close);
            }
            let wrote = match self.write(cx) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(_)) => return Poll::Ready(Stop::Lost),
                Poll::Pending => false,
            };
            let read = match self.closing {
                true => Poll::Pending,
                false => self.read(cx),
            };
            match read {
                Poll::Ready(Some(stop)) => return Poll::Ready(stop),
                Poll::Ready(None) => {}
                Poll::Pending if wrote => {}
                Poll::Pending => break,
            }
            moved = true;
        }
        if moved {
            self.last_byte = Instant::now();
        }
        self.poll_timer(cx, timer)
    }

    /// Checks the idle limit, which counts from the last byte in either direction, or the close limit of a session that
    /// is being closed.
    fn poll_timer(&self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<Stop> {
        loop {
            ready!(timer.as_mut().poll(cx));
            let idle_at = self.last_byte + self.guard.context.limits.idle;
            if self.closing {
                return Poll::Ready(Stop::Ended(End::Cut));
            }
            if idle_at <= Instant::now() {
                return Poll::Ready(Stop::Ended(End::Close));
            }
            timer.as_mut().reset(idle_at);
        }
    }

    /// Does one write or flush. Ready means that there may be more to write.
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.writing.is_empty() {
            if self.unflushed {
                ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
                self.unflushed = false;
                return Poll::Ready(Ok(()));
            }
            return Poll::Pending;
        }
        // Flush first, because a stream whose buffer is nearly full would put only a part of the frame into a record.
        if self.unflushed && self.writing.begins_record() {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let used = self.writing.slices(&mut slices);
        let count = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, &slices[..used]))?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.writing.advance(count);
        self.unflushed = true;
        NodeCounters::add(&self.guard.context.counters.records_out, count.div_ceil(RECORD_LEN) as u64);
        Poll::Ready(Ok(()))
    }

    /// Does one read. Ready means that the session stops or that there may be more to read.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Stop>> {
        let buffer = self.reader.buffer();
        match ready!(poll_read_buf(Pin::new(&mut self.stream), cx, buffer)) {
            Ok(0) | Err(_) => return Poll::Ready(Some(Stop::Lost)),
            Ok(_) => {}
        }
        let (reader, key) = (&mut self.reader, self.guard.key);
        let taken = self.guard.context.shared.with(|net, now| {
            let mut count = 0;
            while let Some(frame) = reader.next()? {
                count += 1;
                net.receive(key, &frame, now);
            }
            Ok::<u64, FrameError>(count)
        });
        match taken {
            Ok(count) => {
                NodeCounters::add(&self.guard.context.counters.frames_in, count);
                Poll::Ready(None)
            }
            Err(error) => {
                tracing::warn!(session = key.id(), "closed the connection: {error}");
                Poll::Ready(Some(Stop::Ended(End::Close)))
            }
        }
    }
}
