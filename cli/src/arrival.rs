//! A message that arrived, as records show it.

use std::time::SystemTime;

use amop::text::foreign;
use amop::{Message, MessageKind};
use serde::Serialize;

use crate::clock;
use crate::payload::Shown;

/// A message: what came, when, and through which node.
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

    /// When it came, for people.
    pub(crate) fn time(&self) -> String {
        clock::to_the_millisecond(self.moment)
    }

    /// The payload as the rest of a line.
    pub(crate) fn payload(&self) -> String {
        self.data.inline()
    }

    /// The payload as it is.
    pub(crate) fn data(&self) -> &[u8] {
        self.data.bytes()
    }
}
