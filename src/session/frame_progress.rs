//! Whether the frame that is arriving still gains bytes.
//!
//! Any byte is a sign of life for the heartbeat, so a peer could keep a connection up with one frame that never ends, and
//! nothing behind it would arrive. A large frame over a slow line is left alone as long as it gains a little.

use std::time::{Duration, Instant};

use crate::text::span;

/// The bytes that a frame has to gain within [`GAIN_TIME`].
const MIN_GAIN: u64 = 1024;
/// How long a frame may take for [`MIN_GAIN`] bytes.
const GAIN_TIME: Duration = Duration::from_secs(20);
/// A timer that is checked later than this shows that the process was suspended, and with it the reading.
const SUSPENDED_AFTER: Duration = Duration::from_secs(1);

/// The progress of the frame that has begun on one connection.
#[derive(Default)]
pub(super) struct FrameProgress {
    /// Bytes received in all.
    received: u64,
    /// When the frame began or last gained [`MIN_GAIN`] bytes, and `received` at that time; `None` between frames.
    mark: Option<(Instant, u64)>,
}

impl FrameProgress {
    /// Notes that bytes have arrived.
    pub(super) fn received(&mut self, bytes: usize) {
        self.received += bytes as u64;
    }

    /// Notes that a frame is complete. The next one may have begun.
    pub(super) fn frame_ended(&mut self) {
        self.mark = None;
    }

    /// Notes whether an incomplete frame is left once all complete ones are dealt with.
    pub(super) fn note(&mut self, is_mid_frame: bool, now: Instant) {
        let received = self.received;
        self.mark = match self.mark {
            _ if !is_mid_frame => None,
            Some((at, before)) if received - before < MIN_GAIN => Some((at, before)),
            _ => Some((now, received)),
        };
    }

    /// Notes that this client doesn't read at present: the frame is not to blame.
    pub(super) fn paused(&mut self, now: Instant) {
        if let Some((at, _)) = &mut self.mark {
            *at = now;
        }
    }

    /// Returns when the frame has to have gained bytes.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.mark.map(|(at, _)| at + GAIN_TIME)
    }

    /// Checks the time.
    ///
    /// # Errors
    /// Returns what to say about a frame that has gained too little.
    pub(super) fn on_timer(&mut self, now: Instant) -> Result<(), String> {
        let Some(deadline) = self.next_deadline().filter(|deadline| *deadline <= now) else { return Ok(()) };
        if now - deadline > SUSPENDED_AFTER {
            self.paused(now);
            return Ok(());
        }
        let time = span(GAIN_TIME);
        Err(format!("the frame that it sends gained less than {MIN_GAIN} bytes in {time}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    /// Returns the progress of a frame that has begun with some bytes.
    fn begun(start: Instant) -> FrameProgress {
        let mut progress = FrameProgress::default();
        progress.received(100);
        progress.note(true, start);
        progress
    }

    #[test]
    fn frame_has_to_gain_a_kibibyte_in_20_seconds() {
        let start = Instant::now();
        for (gain, lives) in [(1023, false), (1024, true)] {
            let mut progress = begun(start);
            progress.received(gain);
            progress.note(true, start + 19 * S);
            assert_eq!(progress.on_timer(start + 20 * S).is_ok(), lives, "{gain}");
        }
        let mut progress = begun(start);
        progress.note(false, start + S);
        assert_eq!(progress.next_deadline(), None, "between frames");
        progress.note(true, start + 2 * S);
        assert_eq!(progress.next_deadline(), Some(start + 22 * S), "the next frame has its own time");
        progress.frame_ended();
        progress.note(true, start + 3 * S);
        assert_eq!(progress.next_deadline(), Some(start + 23 * S));
    }

    #[test]
    fn time_without_reading_does_not_count() {
        let start = Instant::now();
        let mut progress = begun(start);
        progress.paused(start + 15 * S);
        assert!(progress.on_timer(start + 34 * S).is_ok());
        assert!(progress.on_timer(start + 35 * S).is_err());
        let mut progress = begun(start);
        assert!(progress.on_timer(start + 1000 * S).is_ok(), "the process was suspended");
        assert_eq!(progress.next_deadline(), Some(start + 1020 * S));
        assert!(progress.on_timer(start + 1020 * S).is_err());
    }
}
