//! One question to the node: at most one is in flight, and a node that can't answer is left alone for a while.

use std::time::{Duration, Instant};

use crate::protocol::Seq;

/// How long to wait for an answer.
pub(super) const QUERY_TIMEOUT: Duration = Duration::from_secs(2);
/// After so many timeouts in a row the node counts as one that can't be asked.
pub(super) const MAX_TIMEOUTS: u32 = 3;
/// How long a node that can't be asked is left alone at first. Doubles with each further failure up to [`MAX_BLOCK`].
pub(super) const FIRST_BLOCK: Duration = Duration::from_secs(1);
/// The longest time that a node is left alone: its topic lists may become shorter, its rights may change.
pub(super) const MAX_BLOCK: Duration = Duration::from_secs(60);

/// Why a node can't be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The node refused, or its answer was malformed or too long.
    Refused,
    /// The node didn't answer in time.
    Silent,
}

/// Where a question stands.
#[derive(Debug)]
enum State {
    Idle,
    Asked {
        seq: Seq,
        until: Instant,
    },
    /// The answer has arrived and is read elsewhere, which always ends.
    Reading {
        seq: Seq,
    },
}

/// The state of one question.
#[derive(Debug)]
pub(super) struct Question {
    state: State,
    timeouts: u32,
    /// Failures since the last answer.
    failures: u32,
    blocked: Option<(Instant, Failure)>,
}

impl Question {
    pub(super) fn new() -> Question {
        Question { state: State::Idle, timeouts: 0, failures: 0, blocked: None }
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Returns why the node is not to be asked now, if so.
    pub(super) fn blocked(&self, now: Instant) -> Option<Failure> {
        self.blocked.filter(|(until, _)| now < *until).map(|(_, failure)| failure)
    }

    /// Returns whether this is the first failure since the last answer: worth a warning.
    pub(super) fn has_just_failed(&self) -> bool {
        self.failures == 1
    }

    /// Notes that the question is sent.
    pub(super) fn asked(&mut self, seq: Seq, now: Instant) {
        self.state = State::Asked { seq, until: now + QUERY_TIMEOUT };
    }

    /// Returns whether an answer with this seq is expected.
    pub(super) fn expects(&self, seq: &Seq) -> bool {
        matches!(&self.state, State::Asked { seq: asked, .. } if asked == seq)
    }

    /// Notes that the answer has arrived and is being read elsewhere.
    pub(super) fn reading(&mut self, seq: Seq) {
        self.state = State::Reading { seq };
    }

    /// Returns whether the answer with this seq is being read.
    pub(super) fn is_reading(&self, seq: &Seq) -> bool {
        matches!(&self.state, State::Reading { seq: read } if read == seq)
    }

    /// Notes that the node has answered.
    pub(super) fn answered(&mut self) {
        *self = Question::new();
    }

    /// Notes that the node can't be asked.
    pub(super) fn refused(&mut self, now: Instant) {
        self.timeouts = 0;
        self.fail(Failure::Refused, now);
    }

    /// Checks the time. Returns whether the question has just timed out.
    pub(super) fn on_timer(&mut self, now: Instant) -> bool {
        let State::Asked { until, .. } = self.state else { return false };
        if now < until {
            return false;
        }
        self.state = State::Idle;
        self.timeouts += 1;
        if self.timeouts >= MAX_TIMEOUTS {
            self.fail(Failure::Silent, now);
        }
        true
    }

    /// Returns when to check the time next.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match self.state {
            State::Asked { until, .. } => Some(until),
            State::Idle | State::Reading { .. } => None,
        }
    }

    fn fail(&mut self, failure: Failure, now: Instant) {
        self.state = State::Idle;
        let pause = FIRST_BLOCK.saturating_mul(1 << self.failures.min(16)).min(MAX_BLOCK);
        self.failures += 1;
        self.blocked = Some((now + pause, failure));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq(n: u64) -> Seq {
        Seq::from_halves(0, n)
    }

    #[test]
    fn refusals_block_twice_as_long_each_time() {
        let (mut question, mut now) = (Question::new(), Instant::now());
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            question.asked(seq(1), now);
            question.refused(now);
            assert_eq!(question.has_just_failed(), expected == 1);
            now += Duration::from_secs(expected) - Duration::from_millis(1);
            assert_eq!(question.blocked(now), Some(Failure::Refused));
            now += Duration::from_millis(1);
            assert_eq!(question.blocked(now), None);
        }
        question.asked(seq(2), now);
        question.answered();
        question.refused(now);
        assert_eq!(question.blocked(now + FIRST_BLOCK), None, "an answer starts it anew");
    }

    #[test]
    fn three_timeouts_block_and_then_each_further_one() {
        let (mut question, mut now) = (Question::new(), Instant::now());
        for timeout in 1..=5 {
            question.asked(seq(timeout), now);
            assert!(!question.on_timer(now + QUERY_TIMEOUT - Duration::from_millis(1)));
            now = question.next_deadline().unwrap();
            assert!(question.on_timer(now) && !question.on_timer(now));
            let blocked = (timeout >= 3).then_some(Failure::Silent);
            assert_eq!(question.blocked(now), blocked, "timeout {timeout}");
            now += MAX_BLOCK;
        }
    }

    #[test]
    fn an_answer_that_is_being_read_does_not_time_out() {
        let (mut question, now) = (Question::new(), Instant::now());
        question.asked(seq(1), now);
        assert!(question.expects(&seq(1)) && !question.expects(&seq(2)));
        question.reading(seq(1));
        assert!(!question.is_idle() && !question.expects(&seq(1)), "it is taken once");
        assert!(!question.on_timer(now + 10 * QUERY_TIMEOUT));
        assert!(question.is_reading(&seq(1)) && !question.is_reading(&seq(2)));
        assert_eq!(question.next_deadline(), None);
    }
}
