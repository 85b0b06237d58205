//! Figures at one moment, as objects of their own.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::Result;

/// A class with the fields of a struct of the core's: a getter for each, `asdict`, a `repr` that shows them all.
macro_rules! figures {
    (
        $(#[$about:meta])*
        $class:ident($core:ty) { $($(#[$doc:meta])* $field:ident: $type:ty,)* }
        { $($more:item)* }
    ) => {
        $(#[$about])*
        #[pyclass(frozen, module = "amop")]
        pub(crate) struct $class($core);

        impl From<$core> for $class {
            fn from(figures: $core) -> $class {
                $class(figures)
            }
        }

        #[pymethods]
        impl $class {
            $(
                $(#[$doc])*
                #[getter]
                fn $field(&self) -> $type {
                    self.0.$field.clone()
                }
            )*

            /// All plain figures by name.
            fn asdict<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>> {
                let all = PyDict::new(py);
                $(all.set_item(stringify!($field), self.$field())?;)*
                Ok(all)
            }

            fn __repr__(&self, py: Python<'_>) -> Result<String> {
                let mut shown = Vec::new();
                for (name, value) in self.asdict(py)? {
                    shown.push(format!("{name}={}", value.repr()?));
                }
                Ok(format!("amop.{}({})", stringify!($class), shown.join(", ")))
            }

            $($more)*
        }
    };
}

figures! {
    /// What a subscription or service holds, was given and lost so far.
    SubscriptionStats(amop::SubscriptionStats) {
        /// Messages held now.
        held_messages: usize,
        /// Their payload bytes.
        held_bytes: usize,
        /// Messages accepted so far.
        accepted: u64,
        /// Messages refused because it was full.
        refused: u64,
        /// Accepted messages given up: for newer ones, or because it ended before they were read.
        dropped: u64,
    } {}
}

figures! {
    /// What went over the connections to one endpoint, and waits there now.
    EndpointStats(amop::EndpointStats) {
        /// Whether a session is up; of a total: any.
        connected: bool,
        /// Sessions so far; all after the first are reconnects.
        connects: u64,
        /// Sessions that were lost.
        losses: u64,
        /// Tries to connect that failed.
        failed_connects: u64,
        /// Frames written, of all kinds.
        frames_sent: u64,
        /// Frames read, of all kinds.
        frames_received: u64,
        /// Bytes written, before encryption.
        bytes_sent: u64,
        /// Bytes read, after decryption.
        bytes_received: u64,
        /// Writes to the connection.
        writes: u64,
        /// Unicasts and broadcasts sent for callers, each further try too.
        calls: u64,
        /// Unicasts and broadcasts that came, duplicates too.
        messages_received: u64,
        /// Calls in flight now.
        in_flight: usize,
        /// Bytes queued to send now.
        queued_bytes: usize,
        /// Topic lists sent.
        topic_lists_sent: u64,
        /// Answers to nothing in flight: late, duplicate or foreign.
        stray_replies: u64,
        /// Frames of types that a client does not use, and malformed ones of those that other SDKs make.
        ignored_frames: u64,
        /// Requests answered for a handler that was too slow.
        too_slow: u64,
        /// Unicasts refused because every subscription for them was full.
        busy: u64,
    } {
        /// The endpoint as given; of a total: empty.
        #[getter]
        fn endpoint(&self) -> &str {
            &self.0.endpoint
        }

        /// Unicasts that were answered well.
        #[getter]
        fn replies(&self) -> u64 {
            self.0.round_trips.count()
        }

        /// The seconds within which this part of the unicasts that were answered well was answered: 0.5 gives the
        /// median, 0.99 leaves the slowest hundredth out. None without any.
        fn round_trip(&self, part: f64) -> Option<f64> {
            self.0.round_trips.quantile(part).as_ref().map(Duration::as_secs_f64)
        }
    }
}

figures! {
    /// What a client has done so far, and holds now.
    Stats(amop::Stats) {
        /// Further tries of calls, after the first.
        retries: u64,
        /// Payload bytes held in subscriptions and services now.
        held_bytes: usize,
        /// How often a handler had to wait for a thread.
        dispatcher_waits: u64,
        /// Messages not delivered because a subscription or service was full.
        refused: u64,
        /// Messages accepted, and given up: for newer ones, or because their subscription ended before they were read.
        dropped: u64,
        /// Messages that had come before: answered as the first was, not delivered again.
        duplicates: u64,
        /// Messages on topics that nobody here subscribes to, or no longer.
        unwanted: u64,
        /// This client's own broadcasts that came back (without ``echo``).
        own_broadcasts: u64,
        /// Events that a listener lost because it read too slowly, or left unread.
        events_dropped: u64,
    } {
        /// Per endpoint, in the order given.
        #[getter]
        fn endpoints(&self) -> Vec<EndpointStats> {
            self.0.endpoints.iter().cloned().map(EndpointStats).collect()
        }

        /// The figures of all endpoints together.
        fn total(&self) -> EndpointStats {
            EndpointStats(self.0.total())
        }
    }
}
