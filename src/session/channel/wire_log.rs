//! The log of the wire: one line for each frame, target `amop::wire`, level debug. Payloads stay out of it.

use tracing::Level;

use crate::protocol::Seq;
use crate::protocol::channel::{Frame, MessageType, amop};
use crate::text::foreign;

const TARGET: &str = "amop::wire";

/// A frame came from the node.
pub(super) fn received(endpoint: &str, frame: &Frame<'_>) {
    if !tracing::enabled!(target: TARGET, Level::DEBUG) {
        return;
    }
    let topic = match frame.kind {
        MessageType::Request | MessageType::Response | MessageType::Broadcast | MessageType::BlockNotify => {
            amop::split(frame.body).ok().map(|(topic, _)| topic)
        }
        MessageType::Rpc
        | MessageType::Heartbeat
        | MessageType::Handshake
        | MessageType::RegisterEvent
        | MessageType::TopicList
        | MessageType::RequestVerify
        | MessageType::UpdateTopicStatus
        | MessageType::TransactionNotify
        | MessageType::EventNotify
        | MessageType::Other(_) => None,
    };
    log("received", endpoint, frame.kind, frame.seq, frame.result, topic, frame.body.len());
}

/// A frame is queued to be sent.
pub(super) fn sent(
    endpoint: &str,
    kind: MessageType,
    seq: Seq,
    result: i32,
    topic: Option<&[u8]>,
    body_len: usize,
) {
    if tracing::enabled!(target: TARGET, Level::DEBUG) {
        log("sent", endpoint, kind, seq, result, topic, body_len);
    }
}

fn log(
    what: &str,
    endpoint: &str,
    kind: MessageType,
    seq: Seq,
    result: i32,
    topic: Option<&[u8]>,
    body_len: usize,
) {
    let topic = foreign(topic.unwrap_or_default());
    let number = kind.to_wire();
    tracing::debug!(
        target: TARGET,
        "{what} {kind:?} ({number:#x}) endpoint={endpoint} seq={seq} result={result} topic={topic:?} body={body_len} bytes"
    );
}
