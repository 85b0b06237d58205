//! Events of a client, as records.

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
    /// A node is connected that was not connected at the start.
    Connected { endpoint: String, node_version: String, protocol: u32 },
    /// A connection is lost.
    ConnectionLost { endpoint: String, reason: String },
    /// An attempt to connect failed.
    ConnectFailed { endpoint: String, reason: String },
    /// A node is connected again and lists the topics.
    Reconnected { endpoint: String, node_version: String, protocol: u32 },
    /// Messages are refused or dropped, because they are read too slowly.
    SlowConsumer { topic: String },
}

/// The events of a client that have records.
pub(crate) struct EventRecords {
    events: Events,
    /// Endpoints whose last attempt failed. Only the first failure in a row is reported, not one every few seconds.
    failing: HashSet<Arc<str>>,
}

impl EventRecords {
    pub(crate) fn of(client: &Client) -> EventRecords {
        EventRecords { events: client.events(), failing: HashSet::new() }
    }

    /// Returns the next record. Never returns after the last event.
    ///
    /// # Cancel safety
    /// No event is lost if this is cancelled.
    pub(crate) async fn next(&mut self) -> EventRecord {
        while let Some(event) = self.events.next().await {
            if let Some(record) = self.record_of(event) {
                return record;
            }
        }
        std::future::pending().await
    }

    fn record_of(&mut self, event: Event) -> Option<EventRecord> {
        let reason = |error: &amop::Error| ErrorRecord::new(error).explanation();
        match event {
            // The first line of the verb names the nodes that were connected from the start.
            Event::Connected { endpoint, node_version, protocol, .. } => {
                self.failing.remove(&endpoint).then(|| EventRecord::Connected {
                    endpoint: endpoint.to_string(),
                    node_version: node_version.to_string(),
                    protocol,
                })
            }
            Event::Lost { endpoint, error, .. } => {
                Some(EventRecord::ConnectionLost { endpoint: endpoint.to_string(), reason: reason(&error) })
            }
            Event::ConnectFailed { endpoint, error, .. } => {
                self.failing.insert(endpoint.clone()).then(|| EventRecord::ConnectFailed {
                    endpoint: endpoint.to_string(),
                    reason: reason(&error),
                })
            }
            Event::Reconnected { endpoint, node_version, protocol, .. } => {
                self.failing.remove(&endpoint);
                Some(EventRecord::Reconnected {
                    endpoint: endpoint.to_string(),
                    node_version: node_version.to_string(),
                    protocol,
                })
            }
            Event::SlowConsumer { topic, .. } => Some(EventRecord::SlowConsumer { topic: topic.to_string() }),
            // The summary reports the end, and the handlers of this program don't fail. Ignore kinds of later versions.
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
                format!("{BAD}connection lost:{BAD:#} {reason}; reconnecting")
            }
            EventRecord::ConnectFailed { reason, .. } => format!("{BAD}no connection yet:{BAD:#} {reason}"),
            EventRecord::Reconnected { endpoint, .. } => {
                format!("{GOOD}reconnected{GOOD:#} to {endpoint}, subscriptions restored")
            }
            EventRecord::SlowConsumer { topic } => format!(
                "{ODD}messages are lost:{ODD:#} messages on {topic} arrive faster than they can be written"
            ),
        })
    }
}
