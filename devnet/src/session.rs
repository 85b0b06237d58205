//! One connection's task: reads all there is, hands complete frames to the nodes' state in one go, and writes
//! what has been queued.

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

/// The most bytes of plain text in one TLS record.
const RECORD_LEN: usize = 16 * 1024;

/// Pieces of the queue that go into one write.
const SLICES: usize = 16;

/// Bounds of a session, taken from the options once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) idle: Duration,
    pub(crate) close: Duration,
    pub(crate) frame_len: usize,
    pub(crate) queued_bytes: usize,
}

/// Where a session belongs.
#[derive(Clone, Debug)]
pub(crate) struct SessionContext {
    pub(crate) shared: Arc<Shared>,
    pub(crate) counters: Arc<NodeCounters>,
    pub(crate) node: usize,
    pub(crate) limits: Limits,
}

/// A session's place in the nodes' state, given back however its task ends.
#[derive(Debug)]
pub(crate) struct SessionGuard {
    context: SessionContext,
    key: Key,
    outbox: Arc<Outbox>,
}

impl SessionGuard {
    /// Takes a place; `None` when the node isn't there any more.
    pub(crate) fn take(context: SessionContext) -> Option<SessionGuard> {
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

/// Why a session's task stops.
#[derive(Debug, PartialEq, Eq)]
enum Stop {
    /// The client closed, or the connection failed.
    Gone,
    /// The node ends it.
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
        Stop::Gone | Stop::Ended(End::Cut | End::CutWhenWritten) => {}
        Stop::Ended(End::Reset) => session.stream.reset_on_close(),
        Stop::Ended(End::Close) => {
            // The client may be gone or not reading: then there is nobody to say goodbye to.
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
    /// Told to close; the timer is that of the goodbye now.
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
                Poll::Ready(Err(_)) => return Poll::Ready(Stop::Gone),
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

    /// The idle limit, counted from the last byte in either direction; when closing, that of the goodbye.
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

    /// One write of what is queued; ready when there may be more to do.
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.writing.is_empty() {
            if self.unflushed {
                ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
                self.unflushed = false;
                return Poll::Ready(Ok(()));
            }
            return Poll::Pending;
        }
        // A stream that is nearly full would take a piece of the frame, in a record of its own.
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

    /// One read; ready with a stop, or when there may be more to read.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Stop>> {
        let buffer = self.reader.buffer();
        match ready!(poll_read_buf(Pin::new(&mut self.stream), cx, buffer)) {
            Ok(0) | Err(_) => return Poll::Ready(Some(Stop::Gone)),
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
                tracing::warn!(session = key.id(), "the connection is closed: {error}");
                Poll::Ready(Some(Stop::Ended(End::Close)))
            }
        }
    }
}
