//! The topic body of 0x30, 0x31, 0x35 and 0x1001: `u8` = topic length + 1, the topic, the data.
//!
//! A length byte of 0 crashes a real node, also in a reply (a late 0x31 is read as a new frame), and 1 stands for an empty
//! topic. This module writes neither.

use std::time::Duration;

use bytes::BufMut;

use super::frame::{HEADER_LEN, MAX_SENT_FRAME_LEN};
use crate::protocol::Seq;
use crate::protocol::message::{FailureCodes, Limits};
use crate::protocol::result;

/// The longest topic in bytes: its length byte holds the length plus one.
pub const MAX_TOPIC_LEN: usize = 254;

/// Returns the number of bytes that a topic body adds to its data.
pub fn overhead(topic: &[u8]) -> usize {
    1 + topic.len()
}

/// What a link to a 2.x node can carry.
pub const LIMITS: Limits = Limits {
    topic_bytes: MAX_TOPIC_LEN,
    frame_bytes: MAX_SENT_FRAME_LEN,
    frame_overhead: HEADER_LEN + 1,
    list_bytes: MAX_SENT_FRAME_LEN - HEADER_LEN - super::topic_list::OVERHEAD,
    answer_time: Duration::from_secs(5),
    failure_codes: FailureCodes {
        range: (i32::MIN, i32::MAX),
        of_nodes: &[(result::NO_SUBSCRIBER, result::SUBSCRIBER_UNREACHABLE)],
    },
    knows_subscribers: true,
    has_broadcast_ids: true,
    has_private_topics: true,
};

/// Writes all of a frame except its data: the caller appends exactly `data_len` bytes.
///
/// `topic` is the bytes of a [`Topic`](crate::protocol::Topic) within [`LIMITS`], or what [`split`] returned for a request that is answered.
pub fn put_head(
    out: &mut impl BufMut,
    kind: super::MessageType,
    seq: Seq,
    result: i32,
    topic: &[u8],
    data_len: usize,
) {
    super::frame::put_header(out, kind, seq, result, overhead(topic) + data_len);
    put_topic(out, topic);
}

/// Writes the length byte and the topic.
///
/// # Panics
/// Panics if the topic doesn't have 1 to 254 bytes, because its length byte would crash a node. A
/// [`Topic`](crate::protocol::Topic) within [`LIMITS`] and what [`split`] returns always have.
pub fn put_topic(out: &mut impl BufMut, topic: &[u8]) {
    assert!((1..=MAX_TOPIC_LEN).contains(&topic.len()), "a topic of {} bytes", topic.len());
    out.put_u8((topic.len() + 1) as u8);
    out.put_slice(topic);
}

/// Why a body holds no topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicBodyError {
    /// The body is empty, which only a 0x31 may be.
    #[error("the body is empty, a topic was expected")]
    Empty,
    /// The length byte is 0 or 1.
    #[error("the topic's length byte is {0}, it must be 2 to 255")]
    LengthByte(u8),
    /// The topic runs past the end.
    #[error("the topic should have {topic} bytes, the body has {rest} left")]
    Truncated {
        /// What the length byte says.
        topic: usize,
        /// What there is.
        rest: usize,
    },
}

/// Splits a body into topic bytes (not checked to be UTF-8) and data.
///
/// # Errors
/// Returns a [`TopicBodyError`] if the body holds no topic.
pub fn split(body: &[u8]) -> Result<(&[u8], &[u8]), TopicBodyError> {
    let (&length_byte, rest) = body.split_first().ok_or(TopicBodyError::Empty)?;
    if length_byte < 2 {
        return Err(TopicBodyError::LengthByte(length_byte));
    }
    let topic = usize::from(length_byte) - 1;
    rest.split_at_checked(topic).ok_or(TopicBodyError::Truncated { topic, rest: rest.len() })
}

#[cfg(test)]
mod tests {
    use super::super::MessageType;
    use super::*;
    use crate::error::ErrorKind;
    use crate::protocol::Topic;

    #[test]
    fn unicast_has_the_documented_bytes() {
        let mut out = Vec::new();
        let topic = Topic::new("demo/topic").unwrap();
        put_head(&mut out, MessageType::Request, Seq::new([b'0'; 32]), 0, topic.as_bytes(), 4);
        out.extend_from_slice(b"ping");
        let mut expected = vec![0, 0, 0, 57, 0, 0x30];
        expected.extend_from_slice(&[b'0'; 32]);
        expected.extend_from_slice(&[0, 0, 0, 0, 11]);
        expected.extend_from_slice(b"demo/topicping");
        assert_eq!(out, expected);
        assert_eq!(split(&out[42..]), Ok((&b"demo/topic"[..], &b"ping"[..])));
    }

    #[test]
    fn length_byte_is_never_0_or_1() {
        for length in 1..=254 {
            let mut out = Vec::new();
            put_topic(&mut out, "t".repeat(length).as_bytes());
            assert_eq!(usize::from(out[0]), length + 1);
        }
    }

    #[test]
    fn bodies_without_a_topic_are_refused() {
        assert_eq!(split(b""), Err(TopicBodyError::Empty));
        assert_eq!(split(b"\x00abc"), Err(TopicBodyError::LengthByte(0)));
        assert_eq!(split(b"\x01abc"), Err(TopicBodyError::LengthByte(1)));
        assert_eq!(split(b"\x05abc"), Err(TopicBodyError::Truncated { topic: 4, rest: 3 }));
        assert_eq!(split(b"\x04abc"), Ok((&b"abc"[..], &b""[..])));
    }

    #[test]
    fn largest_message_makes_the_largest_frame() {
        let topic = Topic::new("t").unwrap();
        let most = 100 * 1024 * 1024 - 64 * 1024 - 42 - 2;
        assert!(LIMITS.check(&topic, most).is_ok());
        let error = LIMITS.check(&topic, most + 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert!(error.message().contains(&most.to_string()));
    }
}
