//! Events of a client, as records.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use amop::text::foreign;
use amop::{Client, Event, Events, VerificationState, WeakClient};
use jiff::Timestamp;
use serde::Serialize;
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;

use crate::exit::Exit;
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
    /// A certificate in use ends soon; the time is in seconds since 1970.
    CertificateExpiring { certificate: String, expires: u64 },
    /// A subscriber of a private topic could not be verified.
    Rejected {
        topic: String,
        endpoint: String,
        node_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        reason: String,
    },
    /// The credentials were loaded again, and all connections made anew.
    CredentialsReloaded,
    /// The credentials could not be loaded again, or a node not be connected with them.
    ReloadFailed { reason: String },
}

/// The events of a client that have records.
pub(crate) struct EventRecords {
    events: Events,
    /// Endpoints whose last attempt failed. Only the first failure in a row is reported, not one every few seconds.
    failing: HashSet<Arc<str>>,
    /// The outcomes of reloads.
    reloads: mpsc::UnboundedReceiver<EventRecord>,
}

impl EventRecords {
    /// Returns the events of `client`, which loads its credentials again at each `reload`.
    pub(crate) fn of(client: &Client, reload: Option<Signal>) -> EventRecords {
        let (sender, reloads) = mpsc::unbounded_channel();
        if let Some(signal) = reload {
            tokio::spawn(reload_at_each(signal, client.downgrade(), sender));
        }
        EventRecords { events: client.events(), failing: HashSet::new(), reloads }
    }

    /// Returns the next record. Never returns after the last event.
    ///
    /// # Cancel safety
    /// No event is lost if this is cancelled.
    pub(crate) async fn next(&mut self) -> EventRecord {
        loop {
            tokio::select! {
                event = self.events.next() => match event {
                    Some(event) => {
                        if let Some(record) = self.record_of(event) {
                            return record;
                        }
                    }
                    None => std::future::pending().await,
                },
                Some(record) = self.reloads.recv() => return record,
            }
        }
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
            Event::CertificateExpiring { certificate, expires, .. } => {
                Some(EventRecord::CertificateExpiring {
                    certificate: certificate.to_string(),
                    expires: expires.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
                })
            }
            // The summary reports the end, and the handlers of this program don't fail. Ignore kinds of later versions.
            Event::HandlerFailed { .. } | Event::Closed | _ => None,
        }
    }
}

/// Shows which subscribers of private topics were not verified, if messages were not delivered.
pub(crate) fn show_rejected(client: &Client, exit: Exit, output: &mut Output) -> io::Result<()> {
    if exit != Exit::NoSubscriber {
        return Ok(());
    }
    for topic in client.stats().private_topics {
        for verification in topic.verifications {
            if verification.state == VerificationState::Rejected {
                output.emit_now(&EventRecord::Rejected {
                    topic: topic.topic.to_string(),
                    endpoint: verification.endpoint.to_string(),
                    node_id: verification.node_id.to_string(),
                    key: verification.key.map(|key| key.to_hex()),
                    reason: verification.reason.to_string(),
                })?;
            }
        }
    }
    Ok(())
}

/// Loads the client's credentials again at each signal, until the client ends.
async fn reload_at_each(
    mut signal: Signal,
    client: WeakClient,
    outcomes: mpsc::UnboundedSender<EventRecord>,
) {
    while signal.recv().await.is_some() {
        let Some(client) = client.upgrade() else { return };
        let outcome = match client.reload_credentials().await {
            Ok(()) => EventRecord::CredentialsReloaded,
            Err(error) => EventRecord::ReloadFailed { reason: ErrorRecord::new(&error).explanation() },
        };
        if outcomes.send(outcome).is_err() {
            return;
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
            EventRecord::CertificateExpiring { certificate, expires } => format!(
                "{ODD}certificate ends soon:{ODD:#} {certificate}, on {}",
                Timestamp::from_second(i64::try_from(*expires).unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX)
            ),
            EventRecord::Rejected { topic, node_id, key, reason, .. } => {
                let key = key.as_ref().map_or_else(String::new, |key| format!(" with key {key}"));
                let node: String = foreign(node_id).to_string().chars().take(8).collect();
                format!(
                    "{ODD}not verified:{ODD:#} the subscriber of {} at node {node}{key}: {reason}",
                    foreign(topic)
                )
            }
            EventRecord::CredentialsReloaded => {
                format!("{GOOD}credentials loaded again{GOOD:#}, all connections made anew")
            }
            EventRecord::ReloadFailed { reason } => {
                format!("{BAD}credentials not loaded again:{BAD:#} {reason}")
            }
        })
    }
}
