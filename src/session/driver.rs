//! Drives one connection: moves its bytes, and applies what its machine decides. One task, no locks of its own.
//!
//! Each round drains the commands that are there, so that what was asked for together leaves in one write.

use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::AsyncWrite;
use tokio::time::Sleep;

use super::apply::{apply, deliver};
use super::command::{Channels, Command, answer_route};
use super::departure::Departure;
use super::effect::{Effect, Input, Notice};
use super::errors::{closed, connection_broke, connection_ended, lost_in_flight, not_connected, too_late};
use super::gathering::Gathering;
use super::inbox::{Inbox, has_many_in_flight};
use super::link_handle::{LinkHandle, refuse_call};
use super::machine::Machine;
use super::open_requests::OpenRequests;
use super::options::SessionOptions;
use super::outbox::SLICES;
use crate::delivery::Router;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::SeqSource;
use crate::transport::{BoxedStream, OtherGeneration};

/// Commands taken in one go.
const COMMANDS: usize = 512;

/// Rounds before other tasks get their turn.
const ROUNDS: usize = 32;

/// How long before the node's own limit the library answers for a handler, so that the request isn't delivered again.
const ANSWER_RESERVE: Duration = Duration::from_millis(500);

/// How a connection ended.
pub(crate) enum End {
    /// The client asked for it. The error is that of calls that were in flight.
    Closed(Error),
    /// It is lost. What it has shown about the other generation is of use if no session was established.
    Lost(Error, OtherGeneration),
    /// The client asked for a new one.
    Renewed,
}

/// Returns the error of calls that are in flight when a connection is made anew.
fn renewed(endpoint: &str) -> Error {
    let text = "it was made anew with renewed credentials";
    lost_in_flight(endpoint, &Error::undelivered(ErrorKind::ConnectionLost, text))
}

/// One connection at work.
pub(crate) struct Driver<'a> {
    stream: BoxedStream,
    machine: Machine<Channels>,
    router: &'a mut Router,
    link: Arc<LinkHandle>,
    inbox: &'a mut Inbox,
    /// What was taken from the inbox and not dealt with, the last first. The link deals with what a panic leaves here.
    commands: &'a mut Vec<Command>,
    /// What the machine has put out; here to be used again.
    effects: Vec<Effect<Channels>>,
    requests: OpenRequests,
    sleep: Pin<Box<Sleep>>,
    gathering: Gathering,
    endpoint: Arc<str>,
    epoch: u64,
    flushed: bool,
    departure: Departure,
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
        let why = self.departure.take().map(|(why, _)| why).or_else(|| self.unread_close());
        let error = why.unwrap_or_else(|| lost_in_flight(&self.endpoint, &aborted));
        let _ = catch_unwind(AssertUnwindSafe(|| self.end(&error)));
    }
}

impl Driver<'_> {
    /// Returns why the connection is to be closed by a command that the task has not come to, `None` if there is none. Leaves
    /// all commands to the link.
    fn unread_close(&mut self) -> Option<Error> {
        let mut unread: Vec<_> = std::iter::from_fn(|| self.inbox.try_next()).collect();
        unread.reverse();
        unread.append(self.commands);
        *self.commands = unread;
        self.commands.iter().find_map(|command| match command {
            Command::Close { why, .. } | Command::Leave { why, .. } => Some(why.clone()),
            _ => None,
        })
    }
}

impl<'a> Driver<'a> {
    /// Returns a driver over a stream on which the node of this generation waits for its handshake.
    pub(crate) fn new(
        stream: BoxedStream,
        options: SessionOptions,
        ids: Arc<SeqSource>,
        link: Arc<LinkHandle>,
        router: &'a mut Router,
        inbox: &'a mut Inbox,
        commands: &'a mut Vec<Command>,
    ) -> Driver<'a> {
        let now = Instant::now();
        let endpoint = options.endpoint.clone();
        let epoch = link.next_epoch();
        let answer_timeout = options.answer_timeout;
        let machine = Machine::new(options, ids, router.topics().cloned().collect(), now);
        router.start_epoch(epoch, machine.limits().has_broadcast_ids);
        link.set_limits(machine.limits());
        let sleep = Box::pin(tokio::time::sleep_until(machine.next_deadline().into()));
        Driver {
            stream,
            requests: OpenRequests::new(answer_time(answer_timeout, machine.limits().answer_time)),
            machine,
            router,
            link,
            inbox,
            commands,
            effects: Vec::new(),
            sleep,
            gathering: Gathering::new(now),
            endpoint,
            epoch,
            flushed: true,
            departure: Departure::default(),
            ended: false,
        }
    }

    /// Runs the connection to its end, which ends all its calls too. An error of `notify` ends it as a loss does.
    pub(crate) async fn run(mut self, mut notify: impl FnMut(Notice) -> Result<()>) -> End {
        let lost = poll_fn(|cx| self.poll(cx, &mut notify)).await.err();
        // What fails during the shutdown is no loss, and the client does not reconnect to a node that it leaves.
        let (error, end) = match (self.departure.take(), lost) {
            (Some((why, true)), _) => (why, End::Renewed),
            (Some((why, false)), _) => (why.clone(), End::Closed(why)),
            (None, lost) => {
                let lost = lost.unwrap_or_else(closed);
                (lost_in_flight(&self.endpoint, &lost), End::Lost(lost, self.machine.other_generation()))
            }
        };
        self.end(&error);
        end
    }

    /// Ends the calls in flight and resets what others see of the connection.
    fn end(&mut self, error: &Error) {
        self.ended = true;
        // First, so that callers who learn of the loss don't try this connection again.
        self.link.set_connected(false);
        self.machine.end(error);
        // The connection is not up any more, even if that was decided and not applied yet.
        let effects = &mut self.machine.outputs().effects;
        effects.retain(|effect| !matches!(effect, Effect::Notice(_) | Effect::View(_)));
        // Without notices nothing fails.
        let _ = self.apply(&mut |_| Ok(()));
        self.link.views.forget();
    }

    /// Works until the connection has ended as the client wants, or is lost.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        notify: &mut impl FnMut(Notice) -> Result<()>,
    ) -> Poll<Result<()>> {
        for _ in 0..ROUNDS {
            let mut progress = self.take_commands(cx);
            // Before the timers: what has arrived already keeps the node alive, and calls from their deadlines.
            progress |= self.read(cx)?;
            progress |= self.check_timers(cx)?;
            self.machine.queue(Instant::now());
            self.apply(notify)?;
            progress |= self.write(cx).map_err(|error| self.io_error(&error))?;
            progress |= self.close_if_nothing_is_open();
            if self.is_finished() {
                // How the shutdown ends makes no difference any more.
                let shutdown = Pin::new(&mut self.stream).poll_shutdown(cx);
                if shutdown.is_ready() || self.departure.is_over(Instant::now()) {
                    return Poll::Ready(Ok(()));
                }
                return Poll::Pending;
            }
            if !progress {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn take_commands(&mut self, cx: &mut Context<'_>) -> bool {
        if self.inbox.poll_take(cx, self.commands, COMMANDS, self.gathering.is_on()).is_pending() {
            return false;
        }
        let now = Instant::now();
        let Driver { commands, machine, router, link, requests, epoch, departure, .. } = self;
        commands.reverse();
        while let Some(command) = commands.pop() {
            match command {
                Command::Call(call) if !machine.is_ready() => {
                    refuse_call(link, call, not_connected(&self.endpoint));
                }
                Command::Call(call) if call.caller.done.is_closed() => link.release_bytes(call.counted),
                Command::Call(call) if call.deadline <= now => {
                    let error = too_late(&self.endpoint, &call.topic);
                    refuse_call(link, call, error);
                }
                Command::Call(call) => machine.handle(Input::Call(call), now),
                Command::Cancel(number) => machine.handle(Input::Cancel(number), now),
                Command::Answer { epoch: of, answer } => {
                    // The answers that came together share one lock of the duplicates.
                    router.batch(now, |batch| {
                        let mut next = Some((of, answer));
                        while let Some((of, answer)) = next.take() {
                            if answer.first {
                                batch.answered(&answer.ticket, answer.result, &answer.data);
                            }
                            if of == *epoch {
                                requests.answered();
                                answer.queued.pass_on();
                                let topic = answer.ticket.topic();
                                machine.answer(&answer.id, topic, answer.result, &answer.data);
                            }
                            if let Some(Command::Answer { epoch, answer }) =
                                commands.pop_if(|command| matches!(command, Command::Answer { .. }))
                            {
                                next = Some((epoch, answer));
                            }
                        }
                    });
                }
                Command::Route { topic, spec, applied } => {
                    let wanted = !spec.is_empty();
                    router.set(topic.clone(), spec);
                    let caller = match machine.is_ready() {
                        true => applied,
                        false => {
                            answer_route(applied, Err(not_connected(&self.endpoint)));
                            None
                        }
                    };
                    machine.handle(Input::Route { topic, wanted, caller }, now);
                }
                // Before the handshake is done a caller learns from the channel's end that nothing is known.
                Command::Survey { .. } if !machine.is_ready() => {}
                Command::Survey { topic, done } => {
                    machine.handle(Input::Survey { topic, caller: done }, now);
                }
                Command::Read(answer) => machine.handle(Input::Read(*answer), now),
                Command::Verified { epoch: of, verification } => {
                    if of == *epoch && machine.is_ready() {
                        machine.handle(Input::Verified(verification), now);
                        // What the node answers about its peers changes with it.
                        link.views.mark_stale();
                    }
                }
                Command::EndCalls => machine.handle(Input::EndCalls(closed()), now),
                Command::Leave { by, why } => departure.leave(by, why),
                Command::Renew { by } => departure.renew(by, renewed(&self.endpoint)),
                Command::Close { by, why } => {
                    machine.close();
                    departure.close(by, why, now);
                }
            }
        }
        if departure.is_wanted() {
            machine.withdraw_topics();
        }
        true
    }

    /// Begins to close the connection if the client leaves the node and nothing is open; returns whether it does.
    fn close_if_nothing_is_open(&mut self) -> bool {
        if !self.departure.is_wanted() {
            return false;
        }
        let is_anything_open =
            self.link.in_flight() > 0 || !self.requests.is_empty() || !self.machine.is_withdrawn();
        let now = Instant::now();
        let closes = self.departure.close_if(is_anything_open, now);
        if closes {
            self.machine.close();
            self.machine.queue(now);
        }
        closes
    }

    /// Returns whether the connection has ended as the client wants, except for the shutdown of its stream.
    fn is_finished(&mut self) -> bool {
        if !self.departure.is_wanted() {
            return false;
        }
        let expects_more = !self.machine.is_withdrawn();
        let is_written = self.machine.outbox().is_empty() && self.flushed;
        let now = Instant::now();
        self.departure.is_over(now) || is_written && self.departure.is_closing(expects_more, now)
    }

    /// Returns when to check the timers next.
    fn next_deadline(&self, now: Instant) -> Instant {
        let others =
            [self.requests.next_deadline(), self.departure.deadline(now), self.gathering.next_deadline()];
        others.into_iter().flatten().fold(self.machine.next_deadline(), Instant::min)
    }

    fn check_timers(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        let now = Instant::now();
        let mut fired = false;
        if self.machine.next_deadline() <= now {
            self.machine.on_timer(now)?;
            fired = true;
        }
        if self.requests.next_deadline().is_some_and(|due| due <= now) {
            let Driver { requests, router, link, .. } = self;
            router.batch(now, |batch| {
                while let Some(ticket) = requests.pop_expired(now) {
                    add(&link.counters.too_slow, 1);
                    batch.too_slow(&ticket);
                }
            });
            fired = true;
        }
        // The next round takes what waits.
        fired |= self.gathering.is_due(now);
        let due = self.next_deadline(now).into();
        if self.sleep.deadline() != due {
            self.sleep.as_mut().reset(due);
        }
        // Ready means that the time came between the look and here: the next round sees it.
        fired |= self.sleep.as_mut().poll(cx).is_ready();
        Ok(fired)
    }

    fn write(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut progress = false;
        while !self.machine.outbox().is_empty() {
            let mut slices = [io::IoSlice::new(&[]); SLICES];
            let filled = self.machine.outbox().slices(&mut slices);
            let written = match Pin::new(&mut self.stream).poll_write_vectored(cx, &slices[..filled])? {
                Poll::Pending => break,
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(written) => written,
            };
            self.machine.outbox().advance(written);
            self.link.release_bytes(written);
            add(&self.link.counters.bytes_sent, written);
            add(&self.link.counters.writes, 1);
            self.flushed = false;
            progress = true;
            self.machine.queue(Instant::now());
            self.link.count(std::mem::take(&mut self.machine.outputs().counts));
        }
        if !self.flushed && Pin::new(&mut self.stream).poll_flush(cx)?.is_ready() {
            self.flushed = true;
            progress = true;
        }
        Ok(progress)
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        // The library's own answer to a message is shorter than the message.
        if !self.link.may_read(self.machine.read_size()) {
            self.machine.paused(Instant::now());
            return Ok(false);
        }
        let Driver { stream, machine, router, link, requests, .. } = self;
        let read = match tokio_util::io::poll_read_buf(Pin::new(stream), cx, machine.read_buffer()) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(0)) => return Err(self.ended()),
            Poll::Ready(Ok(read)) => read,
            Poll::Ready(Err(error)) => return Err(self.io_error(&error)),
        };
        add(&link.counters.bytes_received, read);
        let now = Instant::now();
        // Where few calls are in flight, none are gathered, and the timer would only wake the task.
        if has_many_in_flight(link.in_flight()) {
            self.gathering.arrived(now);
        }
        machine.received(read, now);
        router.batch(now, |batch| deliver(machine, batch, requests, link, now))?;
        Ok(true)
    }

    /// Applies what the machine has decided, except for writing.
    fn apply(&mut self, notify: &mut impl FnMut(Notice) -> Result<()>) -> Result<()> {
        apply(self.machine.outputs(), &mut self.effects, &self.link, notify)
    }

    fn io_error(&self, error: &io::Error) -> Error {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return self.ended();
        }
        connection_broke(&self.endpoint, self.machine.handshake(), self.machine.is_ready(), error)
    }

    /// The error of a connection that the node has closed.
    fn ended(&self) -> Error {
        let machine = &self.machine;
        connection_ended(&self.endpoint, machine.handshake(), machine.is_ready(), machine.is_mid_frame())
    }
}

/// Returns how long a handler has, if the node waits for `node` before it delivers the request again.
fn answer_time(set: Option<Duration>, node: Duration) -> Duration {
    set.unwrap_or_else(|| node.saturating_sub(ANSWER_RESERVE))
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}

#[cfg(test)]
mod gathering_tests;
#[cfg(test)]
mod stalled_tests;
#[cfg(test)]
mod test_harness;
#[cfg(test)]
mod tests;
