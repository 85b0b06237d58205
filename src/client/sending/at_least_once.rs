//! Unicasts that are to be delivered at least once: attempts overlap, and the first answer ends the call.

use std::pin::pin;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::outcome::{Failed, can_retry, can_wait, more_informative};
use super::outgoing::Outgoing;
use crate::client::choice::Candidate;
use crate::client::turns::Turn;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::session::{self, Reply};
use crate::text::span;

/// Through nodes that may lose a message, at most so many copies of it are under way or may have been delivered.
const MAX_COPIES: u32 = 3;
/// The next copy follows after at least this time, and after so many times the usual time of the topic. Each further one
/// waits twice as long.
const MIN_SILENCE: Duration = Duration::from_millis(50);
const SILENCE_FACTOR: u32 = 4;

/// What becomes of an attempt that is about to begin.
enum Begin<'a> {
    Now(Option<Turn<'a>>),
    /// The node won't deliver it.
    Refused(Error),
    /// An earlier attempt has ended the call.
    Ended(Result<Reply>),
}

impl Outgoing {
    /// Makes rounds through all nodes until the deadline. The next node is tried with the same id when the attempt
    /// before has failed or has used its share of the time. The next round has a fresh id and begins in another second,
    /// because the random choice of a node stays the same within one, and because a node doesn't answer an id twice
    /// that is in flight there. Through nodes that may lose the message, the next attempt begins as soon as silence is
    /// unusual for the topic, and there are only a few.
    pub(super) async fn at_least_once(&self) -> Result<Reply> {
        let time_for_one = self.time_for_one();
        let mut running = FuturesUnordered::new();
        let mut failed = Failed::default();
        let mut pauses = Outgoing::pauses();
        let (mut first, mut copies) = (true, 0);
        loop {
            let number = self.core.delivery.seqs.next_number();
            let mut of_this_round = None;
            let mut may_lose = false;
            match self.candidates().await {
                Err(error) if error.kind() == ErrorKind::Closed => {
                    return Err(failed.end(error, !running.is_empty()));
                }
                Err(error) => of_this_round = Some(error),
                Ok(candidates) => {
                    for candidate in candidates {
                        may_lose |= candidate.may_lose();
                        if may_lose && copies >= MAX_COPIES {
                            break;
                        }
                        let turn = match self.begin(&candidate, &mut running, &mut failed).await {
                            Begin::Now(turn) => turn,
                            Begin::Refused(error) => {
                                failed.add(error.clone());
                                of_this_round = Some(more_informative(of_this_round, error));
                                continue;
                            }
                            Begin::Ended(outcome) => return outcome,
                        };
                        if !std::mem::take(&mut first) {
                            self.count_retry();
                        }
                        let silence = if may_lose { self.silence(copies) } else { None };
                        copies += 1;
                        running.push(self.timed_attempt(candidate, number, turn));
                        match self.next_of(&mut running, silence.unwrap_or(time_for_one)).await {
                            Some(Err(error)) if can_retry(&error) => {
                                copies -= u32::from(error.delivery() == Delivery::No);
                                failed.add(error.clone());
                                of_this_round = Some(more_informative(of_this_round, error));
                            }
                            Some(Err(error)) => return Err(failed.end(error, !running.is_empty())),
                            Some(reply) => return reply,
                            // It is still under way.
                            None => failed.maybe = true,
                        }
                    }
                }
            }
            let rest = if may_lose && copies >= MAX_COPIES {
                if running.is_empty() {
                    return Err(failed.into_error());
                }
                self.deadline.saturating_duration_since(Instant::now())
            } else if failed.maybe || !running.is_empty() {
                until_next_second(self.core.options.wall_clock.now())
            } else {
                let error = of_this_round.unwrap_or_else(session::nobody_connected);
                let pause = pauses.pause();
                if !(self.wait && can_wait(&error)) || Instant::now() + pause >= self.deadline {
                    return Err(failed.end_with(error));
                }
                failed.add(error);
                pause
            };
            let resume = Instant::now() + rest;
            // Attempts under way may still be answered; at the deadline the session ends them all.
            loop {
                let time = resume.min(self.deadline).saturating_duration_since(Instant::now());
                let ended = if running.is_empty() {
                    let pause = self.core.unless_closing(self.core.runtime.sleep(time)).await;
                    pause.err().map(Err)
                } else {
                    // When the client closes, the sessions end the attempts.
                    self.next_of(&mut running, time).await
                };
                match ended {
                    Some(Err(error)) if can_retry(&error) => failed.add(error),
                    Some(Err(error)) => return Err(failed.end(error, !running.is_empty())),
                    Some(reply) => return reply,
                    None => break,
                }
            }
            if Instant::now() >= self.deadline {
                let error = failed.error.take().unwrap_or_else(|| self.unanswered(time_for_one));
                return Err(failed.end(error, !running.is_empty()));
            }
        }
    }

    /// Waits until the node doesn't lose the message, while earlier attempts go on.
    async fn begin<F>(
        &self,
        candidate: &Candidate,
        running: &mut FuturesUnordered<F>,
        failed: &mut Failed,
    ) -> Begin<'_>
    where
        F: Future<Output = Result<Reply>>,
    {
        let mut hold = pin!(self.hold(candidate));
        loop {
            let held = if running.is_empty() {
                hold.as_mut().await
            } else {
                match select(hold.as_mut(), running.next()).await {
                    Either::Left((held, _)) => held,
                    Either::Right((Some(Err(error)), _)) if can_retry(&error) => {
                        failed.add(error);
                        continue;
                    }
                    Either::Right((Some(Err(error)), _)) => {
                        return Begin::Ended(Err(failed.end(error, !running.is_empty())));
                    }
                    Either::Right((Some(reply), _)) => return Begin::Ended(reply),
                    Either::Right((None, _)) => continue,
                }
            };
            return match held {
                Ok(turn) => Begin::Now(turn),
                Err(error) if can_retry(&error) => Begin::Refused(error),
                Err(error) => Begin::Ended(Err(failed.end(error, !running.is_empty()))),
            };
        }
    }

    /// Makes an attempt, and notes how long it took if it was answered.
    async fn timed_attempt(
        &self,
        candidate: Candidate,
        number: u64,
        turn: Option<Turn<'_>>,
    ) -> Result<Reply> {
        let began = Instant::now();
        let outcome = self.try_on(&candidate.link, number, turn).await;
        if outcome.is_ok() {
            self.core.topic_times.add(&self.topic, began.elapsed());
        }
        outcome
    }

    /// Returns how long an attempt may be silent before the next begins, after so many copies, or `None` if no time of
    /// the topic is known.
    fn silence(&self, copies: u32) -> Option<Duration> {
        self.core.topic_times.usual(&self.topic).map(|usual| unusual_silence(usual, copies))
    }

    fn unanswered(&self, time: Duration) -> Error {
        let text =
            format!("no answer to the unicast on {:?} by any node within {} each", self.topic, span(time));
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
