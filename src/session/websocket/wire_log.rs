//! The log of the wire: one line for each message, target `amop::wire`, level debug. Payloads stay out of it.

use tracing::Level;

use crate::protocol::websocket::{Message, MessageType, amop};
use crate::text::foreign;

const TARGET: &str = "amop::wire";

/// A message came from the node.
pub(super) fn received(endpoint: &str, message: &Message<'_>) {
    if !tracing::enabled!(target: TARGET, Level::DEBUG) {
        return;
    }
    let topic = match message.kind {
        MessageType::Request | MessageType::Broadcast => {
            amop::split(message.payload).ok().map(|(topic, _)| topic)
        }
        MessageType::Error
        | MessageType::Handshake
        | MessageType::BlockNotify
        | MessageType::Rpc
        | MessageType::GroupNotify
        | MessageType::TopicList
        | MessageType::Response
        | MessageType::Other(_) => None,
    };
    log("received", endpoint, message, topic, message.payload.len());
}

/// A message is queued to be sent.
pub(super) fn sent(endpoint: &str, message: &Message<'_>, topic: Option<&[u8]>, payload_len: usize) {
    if tracing::enabled!(target: TARGET, Level::DEBUG) {
        log("sent", endpoint, message, topic, payload_len);
    }
}

fn log(what: &str, endpoint: &str, message: &Message<'_>, topic: Option<&[u8]>, payload_len: usize) {
    let topic = foreign(topic.unwrap_or_default());
    let (kind, number, seq, status) =
        (message.kind, message.kind.to_wire(), foreign(message.seq), message.status);
    tracing::debug!(
        target: TARGET,
        "{what} {kind:?} ({number:#x}) endpoint={endpoint} seq={seq} status={status} topic={topic:?} \
         payload={payload_len} bytes"
    );
}
