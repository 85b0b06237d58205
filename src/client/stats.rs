//! A client's figures at one moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::core::ClientCore;

/// What a client has done so far, and holds now.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Per endpoint, in the order given.
    pub endpoints: Vec<EndpointStats>,
    /// Further tries of calls, after the first.
    pub retries: u64,
    /// Payload bytes held in subscriptions now.
    pub held_bytes: usize,
    /// How often a blocking handler had to wait for a thread.
    pub dispatcher_waits: u64,
}

/// The same of one endpoint.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EndpointStats {
    /// The endpoint as given.
    pub endpoint: Arc<str>,
    /// Whether a session is up.
    pub connected: bool,
    /// Sessions so far.
    pub connects: u64,
    /// Frames written, of all kinds.
    pub frames_sent: u64,
    /// Frames read, of all kinds.
    pub frames_received: u64,
    /// Bytes written, before encryption.
    pub bytes_sent: u64,
    /// Bytes read, after decryption.
    pub bytes_received: u64,
    /// Writes to the connection.
    pub writes: u64,
    /// Calls in flight now.
    pub in_flight: usize,
    /// Bytes queued to send now.
    pub queued_bytes: usize,
    /// Topic lists sent.
    pub topic_lists_sent: u64,
    /// Answers to nothing in flight: late, doubled or foreign.
    pub stray_replies: u64,
    /// Frames of types that a client has nothing to do with.
    pub ignored_frames: u64,
    /// Requests answered TOO_SLOW for a handler.
    pub too_slow: u64,
    /// Unicasts refused because every lane for them was full.
    pub busy: u64,
}

impl Stats {
    pub(crate) fn of(core: &ClientCore) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let endpoints = core.links.all();
        let endpoints = endpoints.iter().map(|link| {
            let counters = &link.port.counters;
            EndpointStats {
                endpoint: link.endpoint.clone(),
                connected: link.port.is_connected(),
                connects: read(&counters.connects),
                frames_sent: read(&counters.frames_sent),
                frames_received: read(&counters.frames_received),
                bytes_sent: read(&counters.bytes_sent),
                bytes_received: read(&counters.bytes_received),
                writes: read(&counters.writes),
                in_flight: link.port.in_flight(),
                queued_bytes: link.port.queued_bytes(),
                topic_lists_sent: read(&counters.topic_lists_sent),
                stray_replies: read(&counters.stray_replies),
                ignored_frames: read(&counters.ignored_frames),
                too_slow: read(&counters.too_slow),
                busy: read(&counters.busy),
            }
        });
        Stats {
            endpoints: endpoints.collect(),
            retries: read(&core.retries),
            held_bytes: core.delivery.budget.held(),
            dispatcher_waits: core.dispatcher.waits(),
        }
    }
}
