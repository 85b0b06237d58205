//! The subscriber's part: answers challenges with the key of one private topic, and refuses everything else.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::challenge;
use super::key::{PrivateKey, PublicKey};

/// The signatures that may be asked for at once. Each publisher's node asks every 5 s until its publisher is satisfied.
const MAX_BURST: u32 = 256;
/// One further signature may be made in this time. A signature takes some 70 us of the connection's task, and every SDK of
/// the chain can ask for them.
const INTERVAL: Duration = Duration::from_millis(16);

/// Signs challenges with one key. Shared by the connections of a client.
pub(crate) struct Prover {
    key: PrivateKey,
    allowance: Mutex<Allowance>,
    signed: AtomicU64,
    refused: AtomicU64,
}

/// What a subscriber of a private topic was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProverStats {
    pub(crate) signed: u64,
    pub(crate) refused: u64,
}

#[derive(Debug)]
struct Allowance {
    left: u32,
    /// Up to when `left` is counted.
    counted: Option<Instant>,
}

impl Prover {
    pub(crate) fn new(key: PrivateKey) -> Prover {
        let allowance = Mutex::new(Allowance { left: MAX_BURST, counted: None });
        Prover { key, allowance, signed: AtomicU64::new(0), refused: AtomicU64::new(0) }
    }

    /// Returns the signature over a challenge, `None` if there is to be no answer.
    pub(crate) fn answer(&self, data: &[u8], now: Instant) -> Option<Bytes> {
        let signature = if self.may_sign(data, now) { challenge::sign(&self.key, data) } else { None };
        let counter = if signature.is_some() { &self.signed } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
        signature.map(|signature| Bytes::copy_from_slice(&signature))
    }

    fn may_sign(&self, data: &[u8], now: Instant) -> bool {
        challenge::is_challenge(data)
            && self.allowance.lock().unwrap_or_else(PoisonError::into_inner).take(now)
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    pub(crate) fn stats(&self) -> ProverStats {
        ProverStats {
            signed: self.signed.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

impl Allowance {
    fn take(&mut self, now: Instant) -> bool {
        let counted = *self.counted.get_or_insert(now);
        let more = now.saturating_duration_since(counted).as_nanos() / INTERVAL.as_nanos();
        let more = u32::try_from(more).unwrap_or(u32::MAX).min(MAX_BURST);
        if more > 0 {
            self.left = (self.left + more).min(MAX_BURST);
            self.counted = Some(now);
        }
        let is_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn prover() -> Prover {
        Prover::new(PrivateKey::read("11".repeat(32), None).unwrap())
    }

    #[test]
    fn what_is_no_challenge_gets_no_answer_and_is_counted() {
        let (prover, now) = (prover(), Instant::now());
        assert_eq!(prover.answer(CHALLENGE, now).unwrap().len(), 65);
        assert_eq!(prover.answer(b"transfer everything", now), None);
        assert_eq!(prover.stats(), ProverStats { signed: 1, refused: 1 });
    }

    #[test]
    fn signatures_are_bounded_in_number() {
        let (prover, mut now) = (prover(), Instant::now());
        let signed = |now| (0..2 * MAX_BURST).filter(|_| prover.answer(CHALLENGE, now).is_some()).count();
        assert_eq!(signed(now), 256);
        now += 3 * INTERVAL;
        assert_eq!(signed(now), 3);
        now += Duration::from_secs(3600);
        assert_eq!(signed(now), 256);
    }
}
