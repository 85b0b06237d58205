//! A wall clock on which what a client plans comes true, whatever else the machine does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use amop::Client;
use amop_devnet::WallClock;

/// How often time passes, and how much.
const TICK: Duration = Duration::from_millis(5);

/// A clock for nodes and a publisher that stands still while a call of the publisher is under way. So nodes choose in
/// the second for which the client has planned, as on a machine where a frame takes no time.
#[derive(Clone)]
pub(super) struct PausingClock(Arc<AtomicU64>);

impl PausingClock {
    /// Returns a clock that shows so many milliseconds since 1970.
    pub(super) fn at(ms: u64) -> PausingClock {
        PausingClock(Arc::new(AtomicU64::new(ms)))
    }

    /// Sets the time, in milliseconds since 1970.
    pub(super) fn set(&self, ms: u64) {
        self.0.store(ms, Ordering::Relaxed);
    }

    /// Lets so many milliseconds pass.
    pub(super) fn pass(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }

    pub(super) fn wall_clock(&self) -> WallClock {
        let ms = self.0.clone();
        WallClock::from_fn(move || UNIX_EPOCH + Duration::from_millis(ms.load(Ordering::Relaxed)))
    }

    /// Does `work` while time passes. The client runs on the thread of the test, so that nothing comes between its look
    /// at the clock and the start of a call.
    pub(super) async fn during<T>(&self, client: &Client, work: impl Future<Output = T>) -> T {
        let tick = async {
            loop {
                tokio::time::sleep(TICK).await;
                if client.stats().total().in_flight == 0 {
                    self.0.fetch_add(TICK.as_millis() as u64, Ordering::Relaxed);
                }
            }
        };
        tokio::select! {
            done = work => done,
            () = tick => unreachable!("time passes without end"),
        }
    }
}
