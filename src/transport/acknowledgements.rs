//! When received bytes are to be acknowledged at once.
//!
//! Nodes have no TCP_NODELAY: while bytes of theirs are unacknowledged they hold back the next short segment. Systems
//! acknowledge a short segment only with the next write, or after some 40 ms. So the second of two answers would take that
//! long.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// The bytes from which on the system acknowledges by itself, because they fill several segments.
const MANY_BYTES: usize = 16 * 1024;

/// The shortest time between two acknowledgements: each takes a system call and a packet, which under load would be one
/// for nearly every message.
const PAUSE: Duration = Duration::from_millis(1);

/// The bytes of one connection that have arrived and were not acknowledged by a write since.
#[derive(Debug, Default)]
pub(super) struct Acknowledgements {
    bytes: usize,
    /// When the next acknowledgement may be sent; `None` before the first.
    next: Option<Instant>,
    /// Wakes the reader at that time.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Acknowledgements {
    /// Notes that bytes have arrived.
    pub(super) fn received(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Notes that bytes were written, and an acknowledgement with them.
    pub(super) fn written(&mut self) {
        self.bytes = 0;
    }

    /// Returns whether to acknowledge now that there is nothing more to read. If it is too early, the task is woken to
    /// ask again.
    pub(super) fn is_due(&mut self, cx: &mut Context<'_>) -> bool {
        if !(1..MANY_BYTES).contains(&self.bytes) {
            self.bytes = 0;
            return false;
        }
        let now = Instant::now();
        if let Some(next) = self.next.filter(|next| now < *next) {
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(next)));
            if timer.deadline() != next {
                timer.as_mut().reset(next);
            }
            if timer.as_mut().poll(cx) == Poll::Pending {
                return false;
            }
        }
        self.bytes = 0;
        self.next = Some(now + PAUSE);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Waker;

    use super::*;

    fn is_due(acks: &mut Acknowledgements) -> bool {
        acks.is_due(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test(start_paused = true)]
    async fn few_bytes_that_no_write_follows_are_acknowledged_once() {
        let mut acks = Acknowledgements::default();
        assert!(!is_due(&mut acks), "nothing has arrived");
        acks.received(100);
        assert!(is_due(&mut acks));
        tokio::time::advance(PAUSE).await;
        assert!(!is_due(&mut acks));
        acks.received(100);
        acks.written();
        assert!(!is_due(&mut acks), "the write has acknowledged them");
        acks.received(MANY_BYTES - 1);
        acks.received(1);
        assert!(!is_due(&mut acks), "the system acknowledges full segments");
        acks.received(100);
        assert!(is_due(&mut acks));
    }

    #[tokio::test(start_paused = true)]
    async fn acknowledgement_that_is_too_early_wakes_the_reader() {
        let mut acks = Acknowledgements::default();
        for _ in 0..3 {
            acks.received(100);
            let before = Instant::now();
            let polled = poll_fn(|cx| if acks.is_due(cx) { Poll::Ready(()) } else { Poll::Pending });
            polled.await;
            assert!(before.elapsed() <= 2 * PAUSE);
        }
        acks.received(100);
        assert!(!is_due(&mut acks));
        acks.written();
        tokio::time::advance(PAUSE).await;
        assert!(!is_due(&mut acks), "the write came first");
    }

    #[tokio::test(start_paused = true)]
    async fn load_costs_few_acknowledgements_per_message() {
        let mut acks = Acknowledgements::default();
        let (mut messages, mut sent) = (0, 0);
        let began = Instant::now();
        // Each message arrives alone, and nothing is written.
        while began.elapsed() < Duration::from_secs(1) {
            acks.received(100);
            messages += 1;
            sent += u32::from(is_due(&mut acks));
            tokio::time::advance(Duration::from_micros(20)).await;
        }
        assert!(messages >= 50_000 && (400..=1001).contains(&sent), "{sent} for {messages} messages");
    }
}
