//! Messages as every generation of the protocol carries them: ids, incoming messages, and what a link can carry.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use bytes::Bytes;

use super::Topic;
use crate::error::{Error, ErrorKind, Result};

/// How a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// To one subscriber that the node chose.
    Unicast,
    /// To all subscribers.
    Broadcast,
}

/// The id that a publisher gave a message: bytes of any length, none if its generation carries no id.
#[derive(Clone)]
pub struct MessageId(Repr);

/// Ids of usual length are stored without an allocation.
#[derive(Clone)]
enum Repr {
    Inline { len: u8, bytes: [u8; MessageId::INLINE] },
    Long(Bytes),
}

impl MessageId {
    const INLINE: usize = 32;

    /// Returns an id of these bytes.
    pub fn new(id: &[u8]) -> MessageId {
        let mut bytes = [0; Self::INLINE];
        match bytes.get_mut(..id.len()) {
            Some(start) => {
                start.copy_from_slice(id);
                MessageId(Repr::Inline { len: id.len() as u8, bytes })
            }
            None => MessageId(Repr::Long(Bytes::copy_from_slice(id))),
        }
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Long(bytes) => bytes,
        }
    }

    /// Returns the bytes of memory that the id takes beside the value itself.
    pub(crate) fn held_bytes(&self) -> usize {
        match &self.0 {
            Repr::Inline { .. } => 0,
            Repr::Long(bytes) => bytes.len(),
        }
    }

    /// Returns whether the message carries no id.
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

impl PartialEq for MessageId {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for MessageId {}

impl Hash for MessageId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for MessageId {
    /// Shows ASCII as it is and other bytes as `\xNN`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({})", self.as_bytes().escape_ascii())
    }
}

/// Part of a received frame, which is only copied if it is kept.
#[derive(Clone, Copy)]
pub struct Payload<'a> {
    bytes: &'a [u8],
    /// What to share instead of copying: a buffer that holds little else.
    backing: Option<&'a Bytes>,
}

impl<'a> Payload<'a> {
    /// Returns a payload that lies in `backing`, if there is one.
    pub fn new(bytes: &'a [u8], backing: Option<&'a Bytes>) -> Payload<'a> {
        Payload { bytes, backing }
    }

    /// Returns the number of bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns the bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns a part of these bytes.
    pub fn part(&self, bytes: &'a [u8]) -> Payload<'a> {
        Payload { bytes, backing: self.backing }
    }

    /// Returns the bytes to keep.
    pub fn keep(&self) -> Bytes {
        match self.backing {
            Some(backing) => backing.slice_ref(self.bytes),
            None => Bytes::copy_from_slice(self.bytes),
        }
    }
}

impl fmt::Debug for Payload<'_> {
    /// Shows the number of bytes, never the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// A message that has arrived, borrowed from the connection.
#[derive(Clone, Debug)]
pub struct Incoming<'a> {
    /// How it was sent.
    pub kind: MessageKind,
    /// The publisher's id, possibly empty. A message without one can't be recognised as a duplicate.
    pub id: MessageId,
    /// The topic as it arrived: any bytes.
    pub topic: &'a [u8],
    /// The payload.
    pub data: Payload<'a>,
    /// Whether this client sent it.
    pub is_own: bool,
}

/// What a link can carry, as its generation of the protocol decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest topic in bytes, as it goes over the connection.
    pub topic_bytes: usize,
    /// The longest frame in bytes.
    pub frame_bytes: usize,
    /// The bytes that a frame adds to its topic and data.
    pub frame_overhead: usize,
    /// The bytes of all topics in the longest list, each counted with its quotes, escapes and separator.
    pub list_bytes: usize,
    /// How long a subscriber has to answer a unicast before its node tries another subscriber.
    pub answer_time: Duration,
    /// The codes that a subscriber may report a failure with.
    pub failure_codes: FailureCodes,
    /// Whether a node can be asked who subscribes to a topic.
    pub knows_subscribers: bool,
    /// Whether each copy of a broadcast carries its id, so that copies over several connections are recognised.
    pub has_broadcast_ids: bool,
    /// Whether nodes have private topics.
    pub has_private_topics: bool,
}

/// The codes that a subscriber may report a failure with, beside those that this library reserves everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureCodes {
    /// The lowest and the highest that a frame carries.
    pub range: (i32, i32),
    /// Those that nodes send themselves: the first and the last of each group.
    pub of_nodes: &'static [(i32, i32)],
}

impl FailureCodes {
    /// Checks a code.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`] if a frame doesn't carry it, or a publisher would take it for a node's.
    pub fn check(&self, code: i32) -> Result<()> {
        let FailureCodes { range: (lowest, highest), of_nodes } = *self;
        let is_of_node = of_nodes.iter().any(|(first, last)| (*first..=*last).contains(&code));
        if (lowest..=highest).contains(&code) && !is_of_node {
            return Ok(());
        }
        let groups: Vec<_> = of_nodes
            .iter()
            .map(|(first, last)| if first == last { first.to_string() } else { format!("{first} to {last}") })
            .collect();
        let text = format!(
            "{code} can't be a failure's code over this connection: take one between {lowest} and {highest} that nodes \
             don't send themselves ({})",
            groups.join(", ")
        );
        Err(Error::undelivered(ErrorKind::InvalidArgument, text))
    }
}

impl Limits {
    /// Returns the bytes of a message's frame.
    pub fn frame_len(&self, topic_len: usize, data_len: usize) -> usize {
        self.frame_overhead + topic_len + data_len
    }

    /// Checks that a link can list topics that take so many bytes in all.
    ///
    /// # Errors
    /// Returns [`ErrorKind::TooLarge`] if they don't fit one frame.
    pub fn check_list(&self, listed_len: usize) -> Result<()> {
        if listed_len <= self.list_bytes {
            return Ok(());
        }
        Err(Error::undelivered(
            ErrorKind::TooLarge,
            format!(
                "the list of this client's topics would have {listed_len} bytes, of at most {}: subscribe to fewer \
                 topics, or use a further client",
                self.list_bytes
            ),
        ))
    }

    /// Checks that a link can carry messages on a topic.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidTopic`] if the topic is too long, [`ErrorKind::Unsupported`] if it is private and the
    /// nodes have no private topics.
    pub fn check_topic(&self, topic: &Topic) -> Result<()> {
        if !self.has_private_topics && topic.needs_verification() {
            return Err(Error::undelivered(
                ErrorKind::Unsupported,
                "nodes of generation 3 have no private topics: use nodes of generation 2, or a topic without a key",
            ));
        }
        if topic.len() <= self.topic_bytes {
            return Ok(());
        }
        let text = format!(
            "the topic has {} bytes, the connection can carry at most {}: shorten it",
            topic.len(),
            self.topic_bytes
        );
        Err(Error::undelivered(ErrorKind::InvalidTopic, text))
    }

    /// Checks that a link can carry a message.
    ///
    /// # Errors
    /// Returns [`ErrorKind::TooLarge`] if the message doesn't fit one frame, and as [`Limits::check_topic`].
    pub fn check(&self, topic: &Topic, data_len: usize) -> Result<()> {
        self.check_topic(topic)?;
        let most = self.frame_bytes.saturating_sub(self.frame_len(topic.len(), 0));
        if data_len <= most {
            return Ok(());
        }
        Err(Error::undelivered(
            ErrorKind::TooLarge,
            format!(
                "the message has {data_len} bytes; with this topic at most {most} fit one frame: split it"
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_any_length_compare_by_their_bytes() {
        for len in [0, 1, 31, 32, 33, 300] {
            let id = MessageId::new(&vec![7; len]);
            assert_eq!((id.as_bytes().len(), id.is_empty()), (len, len == 0));
            assert_eq!(id, id.clone());
            assert_ne!(id, MessageId::new(&vec![7; len + 1]));
        }
        assert_eq!(format!("{:?}", MessageId::new(b"a\xff")), "MessageId(a\\xff)");
    }

    #[test]
    fn payload_shares_a_buffer_of_its_own_and_copies_others() {
        let backing = Bytes::from(vec![1; 100]);
        let shared = Payload::new(&backing[10..], Some(&backing)).keep();
        assert_eq!((shared.as_ptr(), shared.len()), (backing[10..].as_ptr(), 90));
        let copied = Payload::new(&backing[10..], None).keep();
        assert!(copied.as_ptr() != shared.as_ptr() && copied == shared);
    }

    #[test]
    fn limits_bound_topic_and_frame() {
        let limits = Limits {
            topic_bytes: 3,
            frame_bytes: 20,
            frame_overhead: 10,
            list_bytes: 30,
            answer_time: Duration::from_secs(1),
            failure_codes: FailureCodes { range: (-10, 10), of_nodes: &[(3, 3), (5, 7)] },
            knows_subscribers: true,
            has_broadcast_ids: true,
            has_private_topics: false,
        };
        assert!([-10, 4, 8, 10].iter().all(|code| limits.failure_codes.check(*code).is_ok()));
        for code in [-11, 3, 5, 7, 11] {
            let error = limits.failure_codes.check(code).unwrap_err();
            assert!(
                error.message().contains("-10 and 10") && error.message().contains("(3, 5 to 7)"),
                "{error}"
            );
        }
        let topic = |name| Topic::new(name).unwrap();
        assert!(limits.check(&topic("abc"), 7).is_ok());
        let error = limits.check(&topic("abc"), 8).unwrap_err();
        assert!(error.kind() == ErrorKind::TooLarge && error.message().contains("at most 7"), "{error}");
        let error = limits.check(&topic("abcd"), 0).unwrap_err();
        assert!(error.kind() == ErrorKind::InvalidTopic && error.message().contains("4 bytes"), "{error}");
        assert!(error.message().contains("at most 3") && limits.check_topic(&topic("abc")).is_ok());
        let private = topic("p").private().unwrap();
        let limits = Limits { topic_bytes: 254, ..limits };
        assert_eq!(limits.check_topic(&private).unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(limits.check(&private, 0).unwrap_err().kind(), ErrorKind::Unsupported);
        assert!(Limits { has_private_topics: true, ..limits }.check_topic(&private).is_ok());
        assert!(limits.check_list(30).is_ok());
        let error = limits.check_list(31).unwrap_err();
        assert!(error.kind() == ErrorKind::TooLarge && error.message().contains("31 bytes, of at most 30"));
    }
}
