//! Statistics as Python objects.

use std::time::Duration;

use amop::EndpointState;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

use crate::error::{Result, exception};
use crate::message::restoring;
use crate::private_stats;

/// Defines a class with the fields of a struct of the core: a getter for each, `asdict`, and a `repr` with all of
/// them.
macro_rules! statistics {
    (
        $(#[$about:meta])*
        $class:ident($core:ty) { $($(#[$doc:meta])* $field:ident: $type:ty,)* }
        { $($more:item)* }
    ) => {
        $(#[$about])*
        #[pyclass(frozen, module = "amop")]
        pub(crate) struct $class($core);

        impl From<$core> for $class {
            fn from(values: $core) -> $class {
                $class(values)
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

            /// Return all plain values by name.
            fn asdict<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>> {
                let all = PyDict::new(py);
                $(all.set_item(stringify!($field), self.$field())?;)*
                Ok(all)
            }

            /// Statistics are immutable, so that they are their own copy.
            fn __copy__(slf: Py<Self>) -> Py<Self> {
                slf
            }

            fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
                slf
            }

            fn __reduce__<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyTuple>> {
                let values = (stringify!($class), self.asdict(py)?, self.more(py)?);
                (restoring(py, "restore_stats")?, values).into_pyobject(py)
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

        impl $class {
            /// Returns pickled statistics. Those that another version did not have are 0.
            fn restored(values: &Bound<'_, PyDict>) -> Result<$core> {
                let mut all = <$core>::default();
                $(
                    if let Some(value) = values.get_item(stringify!($field))? {
                        all.$field = value.extract()?;
                    }
                )*
                Ok(all)
            }
        }
    };
}

/// The pickled form of the times of round trips: microseconds and their number.
type Times = Vec<(u64, u64)>;

impl SubscriptionStats {
    /// Returns what `asdict` leaves out.
    fn more<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyTuple>> {
        Ok(PyTuple::empty(py))
    }
}

impl EndpointStats {
    fn state_name(&self) -> &'static str {
        match self.0.state {
            EndpointState::Down => "down",
            EndpointState::Connecting => "connecting",
            EndpointState::Connected => "connected",
            _ => "ended",
        }
    }

    /// Returns what `asdict` leaves out: the endpoint, the times of round trips, and the state. A pickled error would be one of
    /// this process, so the last one is left out.
    fn more<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyTuple>> {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let times: Times = self.0.round_trips.buckets().map(|(time, count)| (micros(time), count)).collect();
        (&*self.0.endpoint, times, self.state_name()).into_pyobject(py)
    }
}

impl Stats {
    /// Returns what `asdict` leaves out: the endpoints and the private topics.
    fn more<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyTuple>> {
        (self.endpoints(), self.private_topics(py)?).into_pyobject(py)
    }
}

/// Restores statistics that were pickled.
#[pyfunction]
pub(crate) fn restore_stats<'py>(
    py: Python<'py>,
    class: &str,
    values: &Bound<'py, PyDict>,
    more: &Bound<'py, PyTuple>,
) -> Result<Bound<'py, PyAny>> {
    Ok(match class {
        "SubscriptionStats" => {
            Bound::new(py, SubscriptionStats(SubscriptionStats::restored(values)?))?.into_any()
        }
        "EndpointStats" => {
            let mut stats = EndpointStats::restored(values)?;
            let (endpoint, times, state): (String, Times, String) = more.extract()?;
            stats.state = match state.as_str() {
                "down" => EndpointState::Down,
                "connecting" => EndpointState::Connecting,
                "connected" => EndpointState::Connected,
                _ => EndpointState::Ended,
            };
            stats.endpoint = endpoint.into();
            let times = times.into_iter().map(|(micros, count)| (Duration::from_micros(micros), count));
            stats.round_trips = times.collect();
            Bound::new(py, EndpointStats(stats))?.into_any()
        }
        "Stats" => {
            let mut stats = Stats::restored(values)?;
            let (endpoints, topics): (Vec<Bound<'py, EndpointStats>>, Vec<Bound<'py, PyAny>>) =
                more.extract()?;
            stats.endpoints = endpoints.iter().map(|endpoint| endpoint.get().0.clone()).collect();
            stats.private_topics = topics.iter().map(private_stats::restored).collect::<Result<_>>()?;
            Bound::new(py, Stats(stats))?.into_any()
        }
        _ => return Err(PyValueError::new_err(format!("there are no statistics named {class:?}"))),
    })
}

statistics! {
    /// Statistics of a subscription or service.
    SubscriptionStats(amop::SubscriptionStats) {
        /// Messages queued now.
        held_messages: usize,
        /// Payload bytes queued now.
        held_bytes: usize,
        /// Messages accepted.
        accepted: u64,
        /// Messages refused because the queue was full.
        refused: u64,
        /// Messages discarded after they were accepted: in favour of newer ones, or because the subscription ended
        /// unread.
        dropped: u64,
    } {}
}

statistics! {
    /// Statistics of the connections to one endpoint.
    EndpointStats(amop::EndpointStats) {
        /// Whether a session is established; in a total: whether any is.
        connected: bool,
        /// Sessions established; all after the first are reconnects.
        connects: u64,
        /// Sessions lost.
        losses: u64,
        /// Failed attempts to connect.
        failed_connects: u64,
        /// Frames written, of all types.
        frames_sent: u64,
        /// Frames read, of all types.
        frames_received: u64,
        /// Bytes written, before encryption.
        bytes_sent: u64,
        /// Bytes read, after decryption.
        bytes_received: u64,
        /// Write operations on the connection.
        writes: u64,
        /// Unicasts and broadcasts sent for callers, retries included.
        calls: u64,
        /// Unicasts and broadcasts received, duplicates included.
        messages_received: u64,
        /// Calls in flight now.
        in_flight: usize,
        /// Bytes queued for sending now.
        queued_bytes: usize,
        /// Topic lists sent.
        topic_lists_sent: u64,
        /// Replies that match no call in flight: late, duplicate or of unknown origin.
        stray_replies: u64,
        /// Frames of types that a client does not use, and malformed ones of types that other SDKs create.
        ignored_frames: u64,
        /// Calls and replies refused because of a limit: the bytes queued at this connection; in a total: also the calls
        /// under way.
        overloaded: u64,
        /// Requests that the library answered TOO_SLOW on behalf of a service.
        too_slow: u64,
        /// Unicasts refused because every subscription or service of the topic was full.
        busy: u64,
    } {
        /// The endpoint, as it was added; empty in a total.
        #[getter]
        fn endpoint(&self) -> &str {
            &self.0.endpoint
        }

        /// The state of the endpoint, an :class:`EndpointState`; in a total: the best of all.
        #[getter]
        fn state<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
            static STATES: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
            STATES.import(py, "amop._words", "EndpointState")?.call1((self.state_name(),))
        }

        /// Why the session was lost, or why the last attempt to connect failed. None while a session is established, in a
        /// total, and in a pickled copy.
        #[getter]
        fn last_error<'py>(&self, py: Python<'py>) -> Result<Option<Bound<'py, PyAny>>> {
            self.0.last_error.as_ref().map(|error| exception(py, error)).transpose()
        }

        /// The kind of TLS by which the endpoint was reached the last time, such as `static-rsa`; None before, and in a
        /// total.
        #[getter]
        fn tls(&self) -> Option<&'static str> {
            self.0.tls.map(amop::Tls::name)
        }

        /// Unicasts that received a reply.
        #[getter]
        fn replies(&self) -> u64 {
            self.0.round_trips.count()
        }

        /// Return a quantile of the round trip times of unicasts that received a reply, in seconds: 0.5 gives the
        /// median, 0.99 the time that the slowest hundredth exceeded. None if there were none.
        fn round_trip(&self, part: f64) -> Option<f64> {
            self.0.round_trips.quantile(part).as_ref().map(Duration::as_secs_f64)
        }
    }
}

statistics! {
    /// Statistics of a client.
    Stats(amop::Stats) {
        /// Retries of calls.
        retries: u64,
        /// Payload bytes queued now in all subscriptions and services.
        held_bytes: usize,
        /// How often a handler had to wait for a thread.
        dispatcher_waits: u64,
        /// Calls whose messages the client keeps now: they wait for a node or a subscriber, or may be retried.
        calls_waiting: usize,
        /// Broadcasts that were acknowledged by at least one node, but by too few to reach all subscribers.
        partial_broadcasts: u64,
        /// Messages refused because a subscription or service was full.
        refused: u64,
        /// Messages discarded after they were accepted: in favour of newer ones, or because their subscription ended
        /// unread.
        dropped: u64,
        /// Messages that had been received before: answered as the first one was, and not delivered again.
        duplicates: u64,
        /// Messages on topics that the client is not, or no longer, subscribed to.
        unwanted: u64,
        /// The client's own broadcasts that were received and discarded (without ``echo``).
        own_broadcasts: u64,
        /// Events that were discarded because a listener read too slowly, or was dropped before it had read them.
        events_dropped: u64,
    } {
        /// The statistics of each endpoint, in the order in which they were added.
        #[getter]
        fn endpoints(&self) -> Vec<EndpointStats> {
            self.0.endpoints.iter().cloned().map(EndpointStats).collect()
        }

        /// The private topics that the client subscribes to, serves or publishes on, ordered by name.
        #[getter]
        fn private_topics<'py>(&self, py: Python<'py>) -> Result<Vec<Bound<'py, PyAny>>> {
            self.0.private_topics.iter().map(|topic| private_stats::object(py, topic)).collect()
        }

        /// Return the totals of all endpoints.
        fn total(&self) -> EndpointStats {
            EndpointStats(self.0.total())
        }
    }
}
