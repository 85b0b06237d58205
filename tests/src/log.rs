//! The log records of a test, as text.

use std::sync::{Arc, Mutex};

use tracing::subscriber::{DefaultGuard, NoSubscriber, set_default};
use tracing_subscriber::fmt::MakeWriter;

/// The records that a thread has logged.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

/// Collects records until it is dropped.
pub struct Collecting {
    _default: DefaultGuard,
    _other: tracing::Dispatch,
}

impl Log {
    /// Collects the records of this thread, on which the test, its nodes and its clients have to run. `filter` is that of
    /// `RUST_LOG`.
    pub fn collect(filter: &str) -> (Log, Collecting) {
        let log = Log::default();
        let subscriber =
            tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).with_env_filter(filter);
        // With a single subscriber in the process, tracing would ask the threads of other tests, which have none, whether a
        // message is enabled, and remember the answer.
        let _other = tracing::Dispatch::new(NoSubscriber::default());
        let _default = set_default(subscriber.finish());
        (log, Collecting { _default, _other })
    }

    /// Returns all records.
    ///
    /// # Panics
    /// When they are not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8(self.lock().clone()).expect("records are UTF-8")
    }

    /// Forgets all records.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}
