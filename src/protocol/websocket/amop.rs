//! The payload of 0x111 and 0x112: `u32` version 0, `u16` topic length, the topic, the data.
//!
//! A payload of 2 to 5 bytes, or one whose topic runs past the end, stops all message handling of a node, and of the
//! official client, for good. This module doesn't write such a payload, and refuses it when it is read.

use std::time::Duration;

use bytes::BufMut;

use super::frame::{MAX_HEADER_LEN, MAX_MESSAGE_LEN};
use super::message::MIN_LEN;
use super::status;
use crate::protocol::Seq;
use crate::protocol::message::{FailureCodes, Limits};
use crate::protocol::topic::MAX_TOPIC_BYTES;

/// The bytes before the topic.
pub const HEAD_LEN: usize = 6;

/// The longest message that a client sends. The official client no longer reads after one of exactly the limit.
pub const MAX_SENT_MESSAGE_LEN: usize = MAX_MESSAGE_LEN - 1;

/// The bytes that a message adds to its topic and data, inside of its frame.
pub const OVERHEAD: usize = MIN_LEN + Seq::LEN + HEAD_LEN;

/// How long a subscriber has to answer before its node delivers the unicast a second time or reports a time-out.
pub const ANSWER_TIME: Duration = Duration::from_secs(30);

/// What a link to a 3.x node can carry. The header of the frame is counted in its longest form.
pub const LIMITS: Limits = Limits {
    topic_bytes: MAX_TOPIC_BYTES,
    frame_bytes: MAX_SENT_MESSAGE_LEN + MAX_HEADER_LEN,
    frame_overhead: OVERHEAD + MAX_HEADER_LEN,
    // The escapes of a list take at most three times the bytes of its topics' UTF-8.
    list_bytes: (MAX_SENT_MESSAGE_LEN - MIN_LEN - Seq::LEN - super::topic_list::OVERHEAD) / 3,
    answer_time: ANSWER_TIME,
    failure_codes: FailureCodes { range: (i16::MIN as i32, i16::MAX as i32), of_nodes: &status::OF_NODES },
    knows_subscribers: false,
    has_broadcast_ids: false,
    has_private_topics: false,
};

/// Why a payload holds no topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmopError {
    /// It ends before the topic. A node reads 0 or 1 byte as the empty topic.
    #[error("the payload has {0} bytes, fewer than the {HEAD_LEN} before a topic")]
    TooShort(usize),
    /// The topic runs past the end.
    #[error("the topic should have {topic} bytes, the payload has {rest} left")]
    TopicPastEnd {
        /// What the length says.
        topic: usize,
        /// What there is.
        rest: usize,
    },
}

/// Writes all of a payload except its data.
///
/// # Panics
/// Panics if the topic has more than 65,535 bytes, because its length would be wrong. A
/// [`Topic`](crate::protocol::Topic) and what [`split`] returned never have.
pub fn put_head(out: &mut impl BufMut, topic: &[u8]) {
    let topic_len = u16::try_from(topic.len()).expect("a topic of at most 65,535 bytes");
    out.put_u32(0);
    out.put_u16(topic_len);
    out.put_slice(topic);
}

/// Splits a payload into topic bytes (not checked to be UTF-8) and data. The version is ignored, as nodes do.
///
/// # Errors
/// Returns an [`AmopError`] if the payload holds no topic.
pub fn split(payload: &[u8]) -> Result<(&[u8], &[u8]), AmopError> {
    let (&[_, _, _, _, high, low], rest) =
        payload.split_first_chunk::<HEAD_LEN>().ok_or(AmopError::TooShort(payload.len()))?;
    let topic = usize::from(u16::from_be_bytes([high, low]));
    rest.split_at_checked(topic).ok_or(AmopError::TopicPastEnd { topic, rest: rest.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::protocol::Topic;

    #[test]
    fn payload_has_the_documented_bytes() {
        let mut out = Vec::new();
        put_head(&mut out, b"topic_a");
        out.extend_from_slice(b"hello");
        assert_eq!(out, b"\0\0\0\0\0\x07topic_ahello");
        assert_eq!(split(&out), Ok((&b"topic_a"[..], &b"hello"[..])));
    }

    #[test]
    fn payloads_without_a_topic_are_refused() {
        for len in 0..HEAD_LEN {
            assert_eq!(split(&vec![0; len]), Err(AmopError::TooShort(len)));
        }
        assert_eq!(split(b"\0\0\0\0\0\x64abc"), Err(AmopError::TopicPastEnd { topic: 100, rest: 3 }));
        assert_eq!(split(b"\0\0\0\0\0\0"), Ok((&b""[..], &b""[..])));
    }

    #[test]
    fn largest_data_makes_the_largest_message() {
        let topic = Topic::new("topic").unwrap();
        let most = 33_554_383 - 5;
        assert_eq!(OVERHEAD + 5 + most, 33_554_431);
        assert!(LIMITS.check(&topic, most).is_ok());
        let error = LIMITS.check(&topic, most + 1).unwrap_err();
        assert!(
            error.kind() == ErrorKind::TooLarge && error.message().contains("at most 33554378"),
            "{error}"
        );
        assert!(LIMITS.check_topic(&Topic::new("x".repeat(65_535)).unwrap()).is_ok());
    }
}
