//! The task of one connection. It reads bytes, which an [`Inbound`] processes, and writes the frames that are queued for
//! the session.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_util::io::poll_read_buf;

use crate::counters::NodeCounters;
use crate::inbound::Inbound;
use crate::outbox::{End, Writing};
use crate::session_guard::SessionGuard;
use crate::wire::Wire;

/// The maximum length of the plain text of one TLS record.
const RECORD_LEN: usize = 16 * 1024;

/// The maximum number of queued pieces in one write.
const SLICES: usize = 16;

/// Why a session's task ends.
#[derive(Debug, PartialEq, Eq)]
enum Stop {
    /// The client closed the connection, or it failed.
    Lost,
    /// The node ended the session.
    Ended(End),
}

/// Serves a connection until it ends.
pub(crate) async fn serve(stream: impl Wire, inbound: impl Inbound, guard: SessionGuard) {
    let limits = guard.context.limits;
    let mut timer = pin!(sleep_until(inbound.next_check()));
    let mut session =
        Session { inbound, writing: Writing::default(), unflushed: false, closing: false, stream, guard };
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

struct Session<S, I> {
    stream: S,
    guard: SessionGuard,
    inbound: I,
    writing: Writing,
    unflushed: bool,
    /// The session is being closed, and the timer is that of the close limit.
    closing: bool,
}

impl<S: Wire, I: Inbound> Session<S, I> {
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
            self.inbound.moved(Instant::now());
        }
        self.poll_timer(cx, timer)
    }

    /// Checks the time, or the close limit of a session that is being closed.
    fn poll_timer(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<Stop> {
        if !self.closing && self.inbound.next_check() < timer.deadline() {
            timer.as_mut().reset(self.inbound.next_check());
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if self.closing {
                return Poll::Ready(Stop::Ended(End::Cut));
            }
            if let Err(end) = self.inbound.check_time(&self.guard, Instant::now()) {
                return Poll::Ready(Stop::Ended(end));
            }
            timer.as_mut().reset(self.inbound.next_check());
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
        let buffer = self.inbound.buffer();
        match ready!(poll_read_buf(Pin::new(&mut self.stream), cx, buffer)) {
            Ok(0) | Err(_) => return Poll::Ready(Some(Stop::Lost)),
            Ok(_) => {}
        }
        match self.inbound.take(&self.guard) {
            Ok(frames) => {
                NodeCounters::add(&self.guard.context.counters.frames_in, frames);
                Poll::Ready(None)
            }
            Err(end) => Poll::Ready(Some(Stop::Ended(end))),
        }
    }
}
