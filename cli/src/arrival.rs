//! A received message, as records show it.

use std::time::SystemTime;

use amop::text::foreign;
use amop::{Message, MessageKind};
use serde::Serialize;

use crate::clock;
use crate::payload::Shown;

/// A message: its payload, the time, and the node that delivered it.
#[derive(Serialize)]
pub(crate) struct Arrival {
    kind: &'static str,
    topic: String,
    seq: String,
    endpoint: String,
    received_at: String,
    #[serde(flatten)]
    data: Shown,
    #[serde(skip)]
    moment: SystemTime,
}

impl Arrival {
    pub(crate) fn new(message: &Message) -> Arrival {
        Arrival {
            kind: match message.kind() {
                MessageKind::Unicast => "unicast",
                MessageKind::Broadcast => "broadcast",
            },
            topic: message.topic().to_owned(),
            seq: foreign(message.seq()).to_string(),
            endpoint: message.endpoint().to_owned(),
            received_at: clock::rfc3339(message.received_at()),
            data: Shown::new(message.data()),
            moment: message.received_at(),
        }
    }

    /// `unicast` or `broadcast`.
    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }

    /// Returns the time of arrival, for people.
    pub(crate) fn time(&self) -> String {
        clock::to_the_millisecond(self.moment)
    }

    /// Returns the payload as the rest of a line, at most `limit` bytes of it.
    pub(crate) fn payload(&self, limit: usize) -> String {
        self.data.inline(limit)
    }

    /// Returns the payload unchanged.
    pub(crate) fn data(&self) -> &[u8] {
        self.data.bytes()
    }
}
