//! Unicasts that are to be delivered at least once: attempts overlap, and the first answer ends the call.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::stream::FuturesUnordered;

use super::outcome::{Failed, can_retry, can_wait, more_informative};
use super::outgoing::Outgoing;
use crate::client::choice::Candidate;
use crate::error::{Error, ErrorKind, Result};
use crate::session::{self, Reply};
use crate::text::span;

impl Outgoing {
    /// Makes rounds through all nodes until the deadline. The next node is tried with the same id when the attempt
    /// before has failed or has used its share of the time. The next round has a fresh id and begins in another second,
    /// because the random choice of a node stays the same within one, and because a node doesn't answer an id twice
    /// that is in flight there.
    pub(super) async fn at_least_once(&self) -> Result<Reply> {
        let time_for_one = self.time_for_one();
        let mut running = FuturesUnordered::new();
        let mut failed = Failed::default();
        let mut pauses = Outgoing::pauses();
        let mut first = true;
        loop {
            let number = self.core.delivery.seqs.next_number();
            let mut of_this_round = None;
            match self.candidates().await {
                Err(error) if error.kind() == ErrorKind::Closed => {
                    return Err(failed.end(error, !running.is_empty()));
                }
                Err(error) => of_this_round = Some(error),
                Ok(candidates) => {
                    for Candidate { link, .. } in candidates {
                        if !std::mem::take(&mut first) {
                            self.count_retry();
                        }
                        running.push(async move { self.try_on(&link, number).await });
                        match self.next_of(&mut running, time_for_one).await {
                            Some(Err(error)) if can_retry(&error) => {
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
            let rest = if failed.maybe || !running.is_empty() {
                until_next_second(SystemTime::now())
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

    fn unanswered(&self, time: Duration) -> Error {
        let text =
            format!("no answer to the unicast on {:?} by any node within {} each", self.topic, span(time));
        Error::maybe_delivered(ErrorKind::Timeout, text)
    }
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
