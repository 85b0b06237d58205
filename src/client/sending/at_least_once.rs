//! Unicasts that are to be delivered at least once: attempts overlap, and the first answer ends the call.

use std::ops::ControlFlow::{self, Break, Continue};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::{BoxFuture, Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::attempt::SILENCE_FACTOR;
use super::hold::Held;
use super::outcome::{Failed, can_retry, can_wait, is_passage_over, more_informative};
use super::outgoing::Outgoing;
use crate::client::backoff::Backoff;
use crate::client::choice::{Candidate, guard};
use crate::client::link::{Link, LinkId};
use crate::client::turns::Turn;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::session::{self, NodeChoice, Reply};
use crate::text::span;

/// Through nodes that may lose a message, at most so many copies of it are under way or may have been delivered.
const MAX_COPIES: u32 = 3;
/// The next copy follows after at least this time, and after [`SILENCE_FACTOR`] times the usual time of the topic. Each
/// further one waits twice as long.
const MIN_SILENCE: Duration = Duration::from_millis(50);

/// A step of a call: it breaks off with the outcome of the call.
type Step<T> = ControlFlow<Result<Reply>, T>;

/// A unicast with its attempts.
struct Attempts<'a> {
    call: &'a Outgoing,
    /// How long an attempt may take before the next begins beside it, where no other time is known.
    time_for_one: Duration,
    running: FuturesUnordered<BoxFuture<'a, Ended>>,
    /// The attempts under way whose nodes choose between peers and themselves.
    choosing: Vec<Choosing>,
    began: u64,
    /// The attempts that are under way or may have been delivered.
    copies: u32,
    failed: Failed,
    pauses: Backoff,
}

/// An attempt that has ended.
struct Ended {
    attempt: u64,
    took: Duration,
    outcome: Result<Reply>,
}

/// An attempt whose node may have lost it.
struct Choosing {
    attempt: u64,
    since: Instant,
    link: Arc<Link>,
    choice: NodeChoice,
}

/// One round through all nodes, with one id.
struct Round<'a> {
    number: u64,
    tried: Vec<LinkId>,
    turn: Option<Turn<'a>>,
    /// Whether a node that it was sent through may lose the message.
    may_lose: bool,
    /// Whether no more copies may be sent.
    is_last: bool,
    /// Its most informative failure.
    error: Option<Error>,
}

impl Round<'_> {
    fn add(&mut self, error: Error) {
        self.error = Some(more_informative(self.error.take(), error));
    }
}

/// What becomes of an attempt that is about to begin.
enum Begin {
    /// It is to be sent now, and not later than this, if that is limited.
    Send(Option<Instant>),
    /// Other nodes suit better.
    Elsewhere(Vec<Candidate>),
    /// The node won't deliver it.
    Refused(Error),
}

impl Outgoing {
    /// Makes rounds through all nodes until the deadline. The next node is tried with the same id when the attempt
    /// before has failed or has used its share of the time. The next round has a fresh id and begins in another second,
    /// because the random choice of a node stays the same within one, and because a node doesn't answer an id twice
    /// that is in flight there. Through nodes that may lose the message, the next attempt begins as soon as silence is
    /// unusual for the topic, and there are only a few.
    pub(super) async fn at_least_once(&self) -> Result<Reply> {
        let mut attempts = Attempts {
            call: self,
            time_for_one: self.time_for_one(),
            running: FuturesUnordered::new(),
            choosing: Vec::new(),
            began: 0,
            copies: 0,
            failed: Failed::default(),
            pauses: Outgoing::pauses(),
        };
        loop {
            if let Break(outcome) = attempts.round_and_rest().await {
                return outcome;
            }
        }
    }

    /// Returns how long an attempt may be silent before the next begins, after so many copies, or `None` if no time of
    /// the topic is known.
    fn silence(&self, copies: u32) -> Option<Duration> {
        self.core.topic_times.usual(&self.topic).map(|usual| unusual_silence(usual, copies))
    }

    /// Sends through a node. Holds the message again if the connection's task gets to it when the node no longer passes
    /// it on.
    async fn send_held(
        &self,
        candidate: &Candidate,
        number: u64,
        mut turn: Option<Turn<'_>>,
        mut send_by: Option<Instant>,
    ) -> Result<Reply> {
        loop {
            match self.try_on(&candidate.link, number, turn.take(), send_by).await {
                Err(error) if send_by.is_some() && is_passage_over(&error) => {}
                outcome => return outcome,
            }
            let mut place = None;
            match self.hold(candidate, &[], &mut place).await? {
                Held::SendBy(by) => (turn, send_by) = (place, by),
                // The next attempt goes there.
                Held::Better(_) => return Err(session::not_connected(&candidate.link.endpoint)),
            }
        }
    }
}

impl<'a> Attempts<'a> {
    /// Makes one round, and waits until the next is to begin. Attempts under way may still be answered meanwhile.
    async fn round_and_rest(&mut self) -> Step<()> {
        let round = self.round().await?;
        let rest = self.rest_after(round)?;
        self.rest(rest).await?;
        if Instant::now() < self.call.deadline {
            return Continue(());
        }
        let error = self.failed.error.take().unwrap_or_else(|| self.unanswered());
        self.end(error)
    }

    /// Tries the nodes one after the other.
    async fn round(&mut self) -> Step<Round<'a>> {
        let number = self.call.core.delivery.seqs.next_number();
        let mut round =
            Round { number, tried: Vec::new(), turn: None, may_lose: false, is_last: false, error: None };
        let mut candidates = match self.call.candidates().await {
            Ok(candidates) => candidates.into_iter(),
            Err(error) if error.kind() == ErrorKind::Closed => return self.end(error),
            Err(error) => {
                round.add(error);
                return Continue(round);
            }
        };
        while let Some(candidate) = candidates.next() {
            if (round.may_lose || candidate.may_lose()) && self.copies >= MAX_COPIES {
                round.is_last = true;
                break;
            }
            round.tried.push(candidate.link.id);
            match self.hold(&candidate, &mut round).await? {
                Begin::Send(send_by) => self.attempt(candidate, send_by, &mut round).await?,
                Begin::Elsewhere(better) => {
                    round.tried.pop();
                    candidates = better.into_iter();
                }
                Begin::Refused(error) => {
                    self.failed.add(error.clone());
                    round.add(error);
                }
            }
        }
        Continue(round)
    }

    /// Waits until the node doesn't lose the message, while earlier attempts go on.
    async fn hold(&mut self, candidate: &Candidate, round: &mut Round<'a>) -> Step<Begin> {
        let (call, tried) = (self.call, &round.tried);
        let mut hold = pin!(call.hold(candidate, tried, &mut round.turn));
        loop {
            let held = if self.running.is_empty() {
                hold.as_mut().await
            } else {
                match select(hold.as_mut(), self.running.next()).await {
                    Either::Left((held, _)) => held,
                    Either::Right((None, _)) => continue,
                    Either::Right((Some(ended), _)) => {
                        self.ended(ended)?;
                        continue;
                    }
                }
            };
            return match held {
                Ok(Held::SendBy(send_by)) => Continue(Begin::Send(send_by)),
                Ok(Held::Better(better)) => Continue(Begin::Elsewhere(better)),
                Err(error) if can_retry(&error) => Continue(Begin::Refused(error)),
                Err(error) => self.end(error),
            };
        }
    }

    /// Makes an attempt, and waits until one under way has ended or silence is unusual.
    async fn attempt(
        &mut self,
        candidate: Candidate,
        send_by: Option<Instant>,
        round: &mut Round<'a>,
    ) -> Step<()> {
        if self.began > 0 {
            self.call.count_retry();
        }
        self.began += 1;
        round.may_lose |= candidate.may_lose();
        let silence = if round.may_lose { self.call.silence(self.copies) } else { None };
        self.copies += 1;
        let (call, attempt, number, turn) = (self.call, self.began, round.number, round.turn.take());
        if let Some(choice) = call.choice_of(&candidate.link) {
            let (since, link) = (Instant::now(), candidate.link.clone());
            self.choosing.push(Choosing { attempt, since, link, choice });
        }
        let began = Instant::now();
        self.running.push(Box::pin(async move {
            let outcome = call.send_held(&candidate, number, turn, send_by).await;
            Ended { attempt, took: began.elapsed(), outcome }
        }));
        match self.next(silence.unwrap_or(self.time_for_one)).await {
            Some(ended) => {
                if let Some(error) = self.ended(ended)? {
                    round.add(error);
                }
            }
            // It is still under way.
            None => self.failed.maybe = true,
        }
        Continue(())
    }

    /// Returns how long to wait before the next round, in which attempts under way may be answered.
    fn rest_after(&mut self, round: Round<'_>) -> Step<Duration> {
        let now = Instant::now();
        if round.is_last || (round.may_lose && self.copies >= MAX_COPIES) {
            return Continue(self.call.deadline.saturating_duration_since(now));
        }
        if self.failed.maybe || !self.running.is_empty() {
            return Continue(until_next_second(self.call.core.options.wall_clock.now()));
        }
        let error = round.error.unwrap_or_else(session::nobody_connected);
        let pause = self.pauses.pause();
        if !(self.call.wait && can_wait(&error)) || now + pause >= self.call.deadline {
            return self.end(error);
        }
        self.failed.add(error);
        Continue(pause)
    }

    /// Waits for this time, at most until the deadline, at which the session ends all attempts. When the client closes,
    /// the sessions end them.
    async fn rest(&mut self, time: Duration) -> Step<()> {
        let call = self.call;
        let resume = (Instant::now() + time).min(call.deadline);
        loop {
            let time = resume.saturating_duration_since(Instant::now());
            if self.running.is_empty() {
                // With no copy under way, and no further one until the deadline, there is nothing to wait for.
                if resume == call.deadline {
                    return Break(Err(std::mem::take(&mut self.failed).into_error()));
                }
                return match call.core.unless_closing(call.core.runtime.sleep(time)).await {
                    Ok(()) => Continue(()),
                    Err(closed) => self.end(closed),
                };
            }
            match self.next(time).await {
                Some(ended) => drop(self.ended(ended)?),
                None => return Continue(()),
            }
        }
    }

    /// Waits for at most `time` until an attempt under way ends. There must be one.
    async fn next(&mut self, time: Duration) -> Option<Ended> {
        self.call.next_of(&mut self.running, time).await
    }

    /// Handles the end of an attempt. Returns its error if the call goes on.
    fn ended(&mut self, Ended { attempt, took, outcome }: Ended) -> Step<Option<Error>> {
        self.choosing.retain(|choosing| choosing.attempt != attempt);
        match outcome {
            Ok(reply) => {
                self.report_lost(took);
                Break(Ok(reply))
            }
            Err(error) if can_retry(&error) => {
                self.copies -= u32::from(error.delivery() == Delivery::No);
                self.failed.add(error.clone());
                Continue(Some(error))
            }
            Err(error) => self.end(error),
        }
    }

    /// Reports the attempts that were silent although another one was answered after it `took` a usual time: their nodes
    /// have most likely lost them. If that one was silent as long, a node was stalled, and they are answered as well.
    fn report_lost(&self, took: Duration) {
        let silence = self.call.silence(0).unwrap_or(self.time_for_one);
        if took >= silence {
            return;
        }
        for Choosing { since, link, choice, .. } in &self.choosing {
            if since.elapsed() >= silence {
                link.handle.views.clock().was_lost(*choice, guard(link));
            }
        }
    }

    /// Ends the call with an error.
    fn end<T>(&self, error: Error) -> Step<T> {
        Break(Err(self.failed.end(error, !self.running.is_empty())))
    }

    fn unanswered(&self) -> Error {
        let text = format!(
            "no answer to the unicast on {:?} by any node within {}; the message may have been delivered",
            self.call.topic,
            span(self.call.timeout)
        );
        Error::maybe_delivered(ErrorKind::Timeout, text)
    }
}

/// Returns how long an attempt may be silent, after so many copies, where this time is usual.
fn unusual_silence(usual: Duration, copies: u32) -> Duration {
    MIN_SILENCE.max(usual.saturating_mul(SILENCE_FACTOR)).saturating_mul(1 << copies.min(MAX_COPIES))
}

/// Returns the time until the next full second, at most a second whatever the clock shows.
fn until_next_second(now: SystemTime) -> Duration {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::from_secs(1) - Duration::from_nanos(now.subsec_nanos().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_unusual_after_four_usual_times_and_doubles() {
        let ms = Duration::from_millis;
        assert_eq!([0, 1, 2].map(|copies| unusual_silence(ms(1), copies)), [ms(50), ms(100), ms(200)]);
        assert_eq!(unusual_silence(ms(100), 0), ms(400), "a slow service is not called twice");
    }

    #[test]
    fn next_second_is_at_most_one_second_away() {
        let second = Duration::from_secs(1);
        for now in [Duration::ZERO, second / 3, 7 * second, Duration::from_secs(1 << 40)] {
            let rest = until_next_second(UNIX_EPOCH + now);
            assert!(rest > Duration::ZERO && rest <= second);
        }
        assert_eq!(until_next_second(UNIX_EPOCH + second / 4), second * 3 / 4);
        assert_eq!(until_next_second(UNIX_EPOCH - second), second, "a clock before 1970");
    }
}
