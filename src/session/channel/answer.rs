//! What a frame that answers a call means for it.

use std::fmt::Display;

use bytes::Bytes;

use super::Known;
use super::node_latency::NodeLatency;
use super::refusal::Refused;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::channel::{Frame, MessageType, amop};
use crate::protocol::result;
use crate::session::call::{CallKind, Reply};
use crate::session::calls::{Answered, OwnFrame};

/// A frame that carries one of this client's own ids.
pub(super) struct Own<'a> {
    pub(super) frame: &'a Frame<'a>,
    pub(super) latency: &'a NodeLatency,
}

impl OwnFrame<Known> for Own<'_> {
    fn message(&self) -> Option<(CallKind, &[u8], &[u8])> {
        let kind = match self.frame.kind {
            MessageType::Request => CallKind::Publish,
            MessageType::Broadcast => CallKind::Broadcast,
            _ => return None,
        };
        let (topic, data) = amop::split(self.frame.body).ok()?;
        Some((kind, topic, data))
    }

    fn outcome(&self, call: &Answered<'_, Known>) -> Result<Reply> {
        let frame = self.frame;
        let malformed = |why: &dyn Display| {
            let text = format!(
                "the reply to the {} on {:?} by {} is malformed: {why}; the message may have been delivered",
                call.what(),
                call.topic,
                call.endpoint
            );
            Error::maybe_delivered(ErrorKind::Protocol, text)
        };
        if frame.kind != MessageType::Response {
            return Err(malformed(&format_args!("its type is {:#x}", frame.kind.to_wire())));
        }
        if frame.result != result::OK {
            return Err(self.refusal(call));
        }
        let data = match call.kind {
            // The ack repeats the broadcast, so it holds no data of a subscriber.
            CallKind::Broadcast => Bytes::new(),
            CallKind::Publish => match amop::split(frame.body) {
                Ok((_, data)) => frame.keep(data),
                Err(amop::TopicBodyError::Empty) => Bytes::new(),
                Err(error) => return Err(malformed(&error)),
            },
        };
        Ok(Reply { data, endpoint: call.endpoint.clone() })
    }
}

impl Own<'_> {
    fn refusal(&self, call: &Answered<'_, Known>) -> Error {
        let no_sdk_lists = call.note.as_ref().and_then(|view| view.no_sdk_lists(call.topic));
        let refused = Refused {
            node: call.endpoint,
            topic: call.topic,
            after: call.after,
            no_subscriber_was_known: no_sdk_lists.unwrap_or_else(|| self.latency.is_immediate(call.after)),
        };
        refused.error(self.frame)
    }
}
