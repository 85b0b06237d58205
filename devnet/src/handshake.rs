//! Handshakes (0x14): the protocol version of a session.

use amop::protocol::channel::handshake::{Choice, MAX_PROTOCOL, MIN_PROTOCOL, Offer};
use amop::protocol::channel::{Frame, MessageType};

use crate::net::Net;
use crate::outbox::End;
use crate::table::Key;

/// The `clientType` of the Go SDK. It decodes one frame per TLS read, so that a second frame in the same record is
/// delayed until the next read.
const ONE_FRAME_PER_READ: &str = "Go-SDK";

impl Net {
    /// Answers with the highest common protocol version, or closes the session without an answer if there is none.
    /// Ignores a body that is not an offer. A later handshake changes the version again.
    pub(crate) fn on_handshake(&mut self, from: Key, frame: &Frame<'_>) {
        let Some(offer) = Offer::decode(frame.body) else { return };
        let Some(session) = self.sessions.get_mut(from) else { return };
        let Some(protocol) = agree(&offer) else {
            return self.sessions.end(from, End::Close);
        };
        session.protocol = protocol;
        // Real nodes write each frame by itself, which matters where Nagle's algorithm delays the second one.
        let coalesce = !self.options.nagle && offer.client_type != ONE_FRAME_PER_READ;
        session.outbox.coalesce(coalesce);
        let choice = Choice { node_version: self.options.node_version().into(), protocol };
        self.sessions.answer(from, MessageType::Handshake, frame.seq, frame.result, choice.encode());
    }
}

/// Chooses a protocol version as real nodes do. They read both bounds as unsigned numbers, so that a negative minimum
/// is a huge one, and do not check their order: 3 to 1 gives 1.
fn agree(offer: &Offer) -> Option<u32> {
    let bound = |number: i64| number as u32;
    let (minimum, maximum) = (bound(offer.minimum_support), bound(offer.maximum_support));
    (minimum <= MAX_PROTOCOL && maximum >= MIN_PROTOCOL).then(|| maximum.min(MAX_PROTOCOL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agree_chooses_the_version_of_real_nodes() {
        let cases = [
            ((1, 1), Some(1)),
            ((1, 2), Some(2)),
            ((1, 3), Some(3)),
            ((0, 3), Some(3)),
            ((1, 99), Some(3)),
            ((3, 1), Some(1)),
            ((4, 9), None),
            ((0, 0), None),
            ((-1, 3), None),
        ];
        for ((minimum_support, maximum_support), expected) in cases {
            let offer = Offer { minimum_support, maximum_support, client_type: String::new() };
            assert_eq!(agree(&offer), expected, "{minimum_support}..{maximum_support}");
        }
    }
}
