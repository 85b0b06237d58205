//! What happens to a client's connections and lanes, as records.

use std::io;

use amop::Event;
use serde::Serialize;

use crate::output::{BAD, ErrorRecord, GOOD, ODD, Output, Record};

/// An event of a client.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum EventRecord {
    /// A further node is connected.
    Connected { endpoint: String, node_version: String, protocol: u32 },
    /// A connection is lost.
    ConnectionLost { endpoint: String, reason: String },
    /// A try to connect again failed.
    ConnectFailed { endpoint: String, reason: String },
    /// A node is connected again, and knows the topics.
    Reconnected { endpoint: String, node_version: String, protocol: u32 },
    /// Messages are being refused or dropped.
    SlowConsumer { topic: String },
}

impl EventRecord {
    /// `None` for what isn't worth telling.
    pub(crate) fn new(event: Event) -> Option<EventRecord> {
        let reason = |error: &amop::Error| ErrorRecord::new(error).explanation();
        Some(match event {
            Event::Connected { endpoint, node_version, protocol } => EventRecord::Connected {
                endpoint: endpoint.to_string(),
                node_version: node_version.to_string(),
                protocol,
            },
            Event::Lost { endpoint, error } => {
                EventRecord::ConnectionLost { endpoint: endpoint.to_string(), reason: reason(&error) }
            }
            Event::ConnectFailed { endpoint, error } => {
                EventRecord::ConnectFailed { endpoint: endpoint.to_string(), reason: reason(&error) }
            }
            Event::Reconnected { endpoint, node_version, protocol } => EventRecord::Reconnected {
                endpoint: endpoint.to_string(),
                node_version: node_version.to_string(),
                protocol,
            },
            Event::SlowConsumer { topic } => EventRecord::SlowConsumer { topic: topic.to_string() },
            // The end is told by the summary; handlers of this program don't panic; further events are news to it.
            Event::HandlerFailed { .. } | Event::Closed | _ => return None,
        })
    }
}

impl Record for EventRecord {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        output.notice(&match self {
            EventRecord::Connected { endpoint, node_version, .. } => {
                format!("{GOOD}connected{GOOD:#} to {endpoint}, node version {node_version}")
            }
            EventRecord::ConnectionLost { reason, .. } => {
                format!("{BAD}connection lost:{BAD:#} {reason}; connecting again")
            }
            EventRecord::ConnectFailed { reason, .. } => format!("{BAD}not connected:{BAD:#} {reason}"),
            EventRecord::Reconnected { endpoint, .. } => {
                format!("{GOOD}connected again{GOOD:#} to {endpoint}, subscriptions restored")
            }
            EventRecord::SlowConsumer { topic } => format!(
                "{ODD}messages are lost:{ODD:#} those on {topic} come faster than they can be written"
            ),
        })
    }
}
