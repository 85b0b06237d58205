//! The wall clock, which tests replace.
//!
//! Nodes choose by the second of their wall clock. A test that has to know their choices gives the nodes and the client
//! a clock of its own. Public for the embedded node, but not stable.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// A source of wall-clock time: the system's, or a function.
#[derive(Clone, Default)]
pub struct WallClock(Option<Arc<dyn Fn() -> SystemTime + Send + Sync>>);

impl WallClock {
    /// Returns a clock that calls `now` whenever it is read.
    pub fn from_fn(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> WallClock {
        WallClock(Some(Arc::new(now)))
    }

    /// Returns the current time.
    pub fn now(&self) -> SystemTime {
        self.0.as_ref().map_or_else(SystemTime::now, |now| now())
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "WallClock(function)" } else { "WallClock(system)" })
    }
}
