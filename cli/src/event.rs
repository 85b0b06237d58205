//! What happens to a client's connections and lanes, as records.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use amop::{Client, Event, Events};
use serde::Serialize;

use crate::output::{BAD, ErrorRecord, GOOD, ODD, Output, Record};

/// An event of a client.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum EventRecord {
    /// A node is connected that wasn't at first.
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

/// A client's events, as far as they are worth telling.
pub(crate) struct EventRecords {
    events: Events,
    /// Endpoints that could not be connected to at the last try: told once, not every few seconds.
    failing: HashSet<Arc<str>>,
}

impl EventRecords {
    pub(crate) fn of(client: &Client) -> EventRecords {
        EventRecords { events: client.events(), failing: HashSet::new() }
    }

    /// The next one; never returns after the last. Safe to cancel.
    pub(crate) async fn next(&mut self) -> EventRecord {
        while let Some(event) = self.events.next().await {
            if let Some(record) = self.worth_telling(event) {
                return record;
            }
        }
        std::future::pending().await
    }

    fn worth_telling(&mut self, event: Event) -> Option<EventRecord> {
        let reason = |error: &amop::Error| ErrorRecord::new(error).explanation();
        match event {
            // The verb's first line says so of those that were connected from the start.
            Event::Connected { endpoint, node_version, protocol } => {
                self.failing.remove(&endpoint).then(|| EventRecord::Connected {
                    endpoint: endpoint.to_string(),
                    node_version: node_version.to_string(),
                    protocol,
                })
            }
            Event::Lost { endpoint, error } => {
                Some(EventRecord::ConnectionLost { endpoint: endpoint.to_string(), reason: reason(&error) })
            }
            Event::ConnectFailed { endpoint, error } => self.failing.insert(endpoint.clone()).then(|| {
                EventRecord::ConnectFailed { endpoint: endpoint.to_string(), reason: reason(&error) }
            }),
            Event::Reconnected { endpoint, node_version, protocol } => {
                self.failing.remove(&endpoint);
                Some(EventRecord::Reconnected {
                    endpoint: endpoint.to_string(),
                    node_version: node_version.to_string(),
                    protocol,
                })
            }
            Event::SlowConsumer { topic } => Some(EventRecord::SlowConsumer { topic: topic.to_string() }),
            // The end is told by the summary; handlers of this program don't panic; further events are news to it.
            Event::HandlerFailed { .. } | Event::Closed | _ => None,
        }
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
