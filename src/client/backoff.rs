//! Pauses between attempts: each longer than the one before up to a limit, and randomised, so that clients don't retry
//! at the same time.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The pauses of one series of attempts.
#[derive(Debug)]
pub(super) struct Backoff {
    shortest: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Returns pauses that begin with about `shortest` and grow twofold to at most `longest`.
    pub(super) fn new(shortest: Duration, longest: Duration) -> Backoff {
        Backoff { shortest, longest, next: shortest }
    }

    /// Returns the next pause, randomised by 50 % in both directions.
    pub(super) fn pause(&mut self) -> Duration {
        // The random part may add a third of the longest pause.
        let pause = self.next.min(self.longest * 2 / 3);
        self.next = (self.next * 2).min(self.longest);
        jittered(pause)
    }

    /// Resets the pauses if the connection lasted at least as long as the longest pause. A connection that is lost
    /// right after each connect does not reset them.
    pub(super) fn lasted(&mut self, time: Duration) {
        if time >= self.longest {
            self.next = self.shortest;
        }
    }
}

fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().hash_one(0u8) >> 32;
    pause / 2 + pause.mul_f64(random as f64 / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn pauses_grow_to_the_longest_and_vary() {
        for _ in 0..100 {
            let mut backoff = Backoff::new(100 * MS, 1000 * MS);
            for expected in [100, 200, 400, 667, 667, 667] {
                let pause = backoff.pause();
                assert!(pause >= expected / 2 * MS && pause <= 1000 * MS, "{pause:?}");
                assert!(pause <= (expected * 3 / 2 + 1) * MS, "{pause:?} for {expected}");
            }
        }
        let pauses: Vec<_> = (0..100).map(|_| Backoff::new(MS * 100, MS * 1000).pause()).collect();
        assert!(pauses.iter().any(|pause| *pause != pauses[0]));
    }

    #[test]
    fn only_a_long_connection_resets_the_pauses() {
        let mut backoff = Backoff::new(100 * MS, 10_000 * MS);
        (0..5).for_each(|_| _ = backoff.pause());
        backoff.lasted(9_999 * MS);
        assert!(backoff.pause() > 1_000 * MS, "the connection was too short");
        backoff.lasted(10_000 * MS);
        assert!(backoff.pause() <= 150 * MS);
    }

    #[test]
    fn pauses_stay_within_extreme_limits() {
        let mut backoff = Backoff::new(MS, MS);
        assert!((0..10).map(|_| backoff.pause()).all(|pause| pause > Duration::ZERO && pause <= MS));
        let longest = super::super::options::MAX_TIME;
        let mut backoff = Backoff::new(longest, longest);
        assert!((0..10).map(|_| backoff.pause()).all(|pause| pause <= longest));
    }
}
