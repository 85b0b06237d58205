//! Moves the bytes of one connection: commands in, frames out and in, the clock. One task, no locks.
//!
//! Each round drains the commands that are there, so that what was asked for together leaves in one write.

use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::AsyncWrite;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Sleep;

use super::channel::Machine;
use super::command::Command;
use super::link_handle::LinkHandle;
use super::outbox::SLICES;
use super::{Notice, SessionOptions};
use crate::delivery::Router;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::SeqSource;
use crate::protocol::channel::FrameReader;
use crate::protocol::channel::frame::{MAX_FRAME_LEN, READ_CHUNK, client_body_limit};
use crate::transport::BoxedStream;

/// Commands taken in one go.
const COMMANDS: usize = 512;

/// Rounds before other tasks get their turn.
const ROUNDS: usize = 32;

/// How a connection ended.
pub(crate) enum End {
    /// The client asked for it; what calls are told.
    Closed(Error),
    /// It is lost.
    Lost(Error),
}

/// One connection at work.
pub(crate) struct Driver<'a> {
    stream: BoxedStream,
    machine: Machine,
    router: &'a mut Router,
    port: Arc<LinkHandle>,
    inbox: &'a mut UnboundedReceiver<Command>,
    commands: Vec<Command>,
    reader: FrameReader,
    sleep: Pin<Box<Sleep>>,
    endpoint: Arc<str>,
    epoch: u64,
    flushed: bool,
    /// The client wants to be rid of this node, when it can be without harm.
    leaving: Option<(Instant, Error)>,
    closing: Option<Error>,
    ended: bool,
}

impl Drop for Driver<'_> {
    /// Ends a connection whose task was aborted or panicked. The machine may be the cause of the panic, so a second one
    /// must not leave this function.
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let aborted = Error::undelivered(ErrorKind::Internal, "its task ended unexpectedly");
        let error = self.closing.take().unwrap_or_else(|| lost_in_flight(&self.endpoint, &aborted));
        let _ = catch_unwind(AssertUnwindSafe(|| self.end(&error)));
    }
}

impl<'a> Driver<'a> {
    /// A driver over a stream whose TLS is done.
    pub(crate) fn new(
        stream: BoxedStream,
        options: SessionOptions,
        seqs: Arc<SeqSource>,
        port: Arc<LinkHandle>,
        router: &'a mut Router,
        inbox: &'a mut UnboundedReceiver<Command>,
    ) -> Driver<'a> {
        let now = Instant::now();
        let endpoint = options.endpoint.clone();
        let epoch = port.next_epoch();
        router.start_epoch(epoch);
        let machine = Machine::new(options, seqs, port.clone(), now);
        let sleep = Box::pin(tokio::time::sleep_until(machine.next_deadline().into()));
        Driver {
            stream,
            machine,
            router,
            port,
            inbox,
            commands: Vec::with_capacity(COMMANDS),
            reader: FrameReader::with_body_limits(MAX_FRAME_LEN, client_body_limit),
            sleep,
            endpoint,
            epoch,
            flushed: true,
            leaving: None,
            closing: None,
            ended: false,
        }
    }

    /// Runs the connection to its end, which ends all its calls too.
    pub(crate) async fn run(mut self, mut notify: impl FnMut(Notice)) -> End {
        let end = match poll_fn(|cx| self.poll(cx, &mut notify)).await {
            // Whatever happens during the goodbye is no loss, and nobody goes back to a node that is being left.
            End::Lost(lost) => {
                let left = self.leaving.take().map(|(_, why)| why);
                self.closing.take().or(left).map_or(End::Lost(lost), End::Closed)
            }
            end => end,
        };
        let error = match &end {
            End::Closed(why) => why.clone(),
            End::Lost(error) => lost_in_flight(&self.endpoint, error),
        };
        self.end(&error);
        end
    }

    /// Ends the calls in flight and resets what others see of the connection.
    fn end(&mut self, error: &Error) {
        self.ended = true;
        self.port.set_connected(false);
        self.port.views.forget();
        self.machine.end(error);
    }

    fn poll(&mut self, cx: &mut Context<'_>, notify: &mut impl FnMut(Notice)) -> Poll<End> {
        for _ in 0..ROUNDS {
            let mut progress = self.take_commands(cx);
            // Before the clock: what has come already keeps the node alive, and calls from their deadlines.
            match self.read(cx) {
                Ok(read) => progress |= read,
                Err(error) => return Poll::Ready(End::Lost(error)),
            }
            match self.check_timers(cx) {
                Ok(fired) => progress |= fired,
                Err(error) => return Poll::Ready(End::Lost(error)),
            }
            self.machine.send_topics(self.router, Instant::now());
            for job in self.machine.take_read_jobs() {
                let port = self.port.clone();
                // A link that has ended needs no answer.
                job.run_on_thread(move |answer| drop(port.send(Command::Read(answer.into()))));
            }
            match self.write(cx) {
                Ok(wrote) => progress |= wrote,
                Err(error) => return Poll::Ready(End::Lost(self.io_error(&error))),
            }
            self.pass_notices(notify);
            self.leave_if_nothing_is_open();
            if self.closing.is_some() && self.machine.outbox.is_empty() && self.flushed {
                // How the goodbye went is of no use to anybody.
                let _ = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
                return Poll::Ready(End::Closed(self.closing.take().unwrap_or_else(closed)));
            }
            if !progress {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn take_commands(&mut self, cx: &mut Context<'_>) -> bool {
        match self.inbox.poll_recv_many(cx, &mut self.commands, COMMANDS) {
            Poll::Pending => return false,
            // All senders gone: the client was dropped without a close.
            Poll::Ready(0) => {
                let first = self.closing.is_none();
                self.closing.get_or_insert_with(closed);
                return first;
            }
            Poll::Ready(_) => {}
        }
        let now = Instant::now();
        let Driver { commands, machine, router, port, epoch, leaving, closing, .. } = self;
        let mut commands = commands.drain(..).peekable();
        while let Some(command) = commands.next() {
            match command {
                Command::Call(call) if !machine.is_ready() => {
                    refuse_call(port, call, not_connected(&self.endpoint));
                }
                Command::Call(call) if call.done.is_closed() => port.release_bytes(call.frame_len()),
                Command::Call(call) if call.deadline <= now => {
                    let error = too_late(&self.endpoint, &call);
                    refuse_call(port, call, error);
                }
                Command::Call(call) => machine.call(call, now),
                Command::Cancel(number) => machine.cancel(number, now),
                Command::Answer { epoch: of, answer } => {
                    // The answers that came together share one look at the duplicates.
                    router.batch(now, |batch| {
                        let mut next = Some((of, answer));
                        while let Some((of, answer)) = next.take() {
                            if of == *epoch {
                                machine.answer(answer, batch);
                            } else if answer.first {
                                batch.answered(&answer.ticket, answer.result, &answer.data);
                            }
                            if let Some(Command::Answer { epoch, answer }) =
                                commands.next_if(|command| matches!(command, Command::Answer { .. }))
                            {
                                next = Some((epoch, answer));
                            }
                        }
                    });
                }
                Command::Route { topic, spec, applied } => {
                    let changed = router.set(topic.clone(), spec);
                    if !machine.is_ready() {
                        answer_route(applied, Err(not_connected(&self.endpoint)));
                    } else {
                        machine.on_route(topic, changed, applied);
                    }
                }
                // Not ready: whoever waits hears by the channel's end that nothing is known.
                Command::Survey { .. } if !machine.is_ready() => {}
                Command::Survey { topic, done } => machine.survey(topic, done, now),
                Command::Read(answer) => machine.on_read(*answer, now),
                Command::EndCalls => machine.end_calls(&closed()),
                Command::Leave { by, why } => *leaving = Some((by, why)),
                Command::Close(why) => *closing = Some(why),
            }
        }
        true
    }

    fn leave_if_nothing_is_open(&mut self) {
        let nothing = || self.port.in_flight() == 0 && !self.machine.has_open_requests();
        if self.leaving.as_ref().is_some_and(|(by, _)| nothing() || *by <= Instant::now()) {
            self.closing = self.leaving.take().map(|(_, why)| why);
        }
    }

    /// When to look at the clock next.
    fn next_deadline(&self) -> Instant {
        let due = self.machine.next_deadline();
        self.leaving.as_ref().map_or(due, |(by, _)| due.min(*by))
    }

    fn check_timers(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        let due = self.machine.next_deadline();
        let mut fired = false;
        if due <= Instant::now() {
            let machine = &mut self.machine;
            let now = Instant::now();
            self.router.batch(now, |batch| machine.on_timer(now, batch))?;
            fired = true;
        }
        let due = self.next_deadline().into();
        if self.sleep.deadline() != due {
            self.sleep.as_mut().reset(due);
        }
        // Ready means that the time came between the look and here: the next round sees it.
        fired |= self.sleep.as_mut().poll(cx).is_ready();
        Ok(fired)
    }

    fn write(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut progress = false;
        loop {
            if self.machine.any_waiting() {
                self.machine.queue_calls(Instant::now());
            }
            if self.machine.outbox.is_empty() {
                break;
            }
            let mut slices = [io::IoSlice::new(&[]); SLICES];
            let filled = self.machine.outbox.slices(&mut slices);
            let written = match Pin::new(&mut self.stream).poll_write_vectored(cx, &slices[..filled])? {
                Poll::Pending => break,
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(written) => written,
            };
            self.machine.outbox.advance(written);
            self.port.release_bytes(written);
            add(&self.port.counters.bytes_sent, written);
            add(&self.port.counters.writes, 1);
            self.flushed = false;
            progress = true;
        }
        if !self.flushed && Pin::new(&mut self.stream).poll_flush(cx)?.is_ready() {
            self.flushed = true;
            progress = true;
        }
        Ok(progress)
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        // One read brings at most so many bytes of requests beside the rest of a large one, and the library's own
        // answer to a request is shorter than the request.
        if !self.port.may_read(READ_CHUNK) {
            return Ok(false);
        }
        let Driver { stream, reader, machine, router, port, endpoint, .. } = self;
        let read = match tokio_util::io::poll_read_buf(Pin::new(stream), cx, reader.buffer()) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(0)) => return Err(ended(endpoint, machine.is_ready(), reader.is_mid_frame())),
            Poll::Ready(Ok(read)) => read,
            Poll::Ready(Err(error)) => return Err(self.io_error(&error)),
        };
        add(&port.counters.bytes_received, read);
        let now = Instant::now();
        machine.heard(now);
        router.batch(now, |batch| {
            loop {
                let Some(frame) = reader.next().map_err(|error| {
                    Error::undelivered(
                        ErrorKind::Protocol,
                        format!("{endpoint} sent something that is no channel frame: {error}; the connection is closed"),
                    )
                })?
                else {
                    return Ok(());
                };
                add(&port.counters.frames_received, 1);
                machine.on_frame(&frame, batch, now)?;
            }
        })?;
        Ok(true)
    }

    fn pass_notices(&mut self, notify: &mut impl FnMut(Notice)) {
        for notice in self.machine.take_notices() {
            if matches!(notice, Notice::Ready { .. }) {
                self.port.set_connected(true);
                self.machine.start_topics(self.router);
                self.machine.send_topics(self.router, Instant::now());
            }
            notify(notice);
        }
    }

    fn io_error(&self, error: &io::Error) -> Error {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return ended(&self.endpoint, self.machine.is_ready(), self.reader.is_mid_frame());
        }
        Error::undelivered(
            ErrorKind::ConnectionLost,
            format!("the connection to {} broke: {error}", self.endpoint),
        )
    }
}

/// Ends a call that never reached a session.
pub(crate) fn refuse_call(port: &LinkHandle, call: super::NewCall, error: Error) {
    port.release_bytes(call.frame_len());
    let super::NewCall { done, permit, .. } = call;
    // The caller's place is free before it hears; one that has gone needs no outcome.
    drop(permit);
    let _ = done.send(Err(error));
}

/// Tells a subscriber what became of its topic.
pub(crate) fn answer_route(applied: Option<tokio::sync::oneshot::Sender<Result<()>>>, outcome: Result<()>) {
    if let Some(applied) = applied {
        let _ = applied.send(outcome);
    }
}

/// No session is up.
pub(crate) fn not_connected(endpoint: &str) -> Error {
    Error::undelivered(
        ErrorKind::NotConnected,
        format!("{endpoint} is not connected at the moment; the client reconnects by itself: try again"),
    )
}

/// No session with any node is up.
pub(crate) fn nobody_connected() -> Error {
    Error::undelivered(
        ErrorKind::NotConnected,
        "no node is connected at the moment; the client reconnects by itself: try again",
    )
}

fn too_late(endpoint: &str, call: &super::NewCall) -> Error {
    let text = format!("no time was left to send the message on {:?} to {endpoint}", call.topic);
    Error::undelivered(ErrorKind::Timeout, text)
}

/// The client closes.
pub(crate) fn closed() -> Error {
    Error::undelivered(ErrorKind::Closed, "the client was closed")
}

fn lost_in_flight(endpoint: &str, why: &Error) -> Error {
    Error::undelivered(
        ErrorKind::ConnectionLost,
        format!("the connection to {endpoint} was lost while the call was in flight: {why}"),
    )
}

fn ended(endpoint: &str, ready: bool, mid_frame: bool) -> Error {
    if !ready {
        return Error::undelivered(
            ErrorKind::Handshake,
            format!(
                "{endpoint} closed the connection instead of answering the channel handshake: it speaks none of \
                 the protocol versions 1 to 3, or it is no channel port of a 2.x node"
            ),
        );
    }
    let how = if mid_frame { " in the middle of a frame" } else { "" };
    Error::undelivered(ErrorKind::ConnectionLost, format!("{endpoint} closed the connection{how}"))
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}
