//! Reads an answer without building a tree of it.
//!
//! Topics and node texts are read as bytes, because a single topic that isn't UTF-8 must not make the whole answer
//! unreadable. What isn't of interest is skipped by `serde_json` without recursion, so that depth costs no stack.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::text::foreign;

/// The longest node id, agency name or address in an answer, in bytes. A node id has 128 hex digits.
pub const MAX_NODE_TEXT: usize = 512;

/// The most nodes in an answer. Chains have at most some hundreds.
pub const MAX_NODES: usize = 4096;

/// The longest message kept of a refusal, in bytes.
const MAX_REFUSAL_MESSAGE: usize = 256;

/// A text that an answer gives about a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeText {
    /// The node's id, 128 hex digits.
    Id,
    /// The agency that the node belongs to.
    Agency,
    /// Where other nodes reach the node. A node gives its own address or nothing for itself.
    Address,
}

/// Receives what an answer says, in the order of the answer.
///
/// If the answer turns out to be a refusal or malformed, the sink may have received a part of it.
pub trait NodeSink {
    /// A node begins: what follows is about this one.
    fn begin_node(&mut self);
    /// A text about the node, at most [`MAX_NODE_TEXT`] bytes.
    fn text(&mut self, which: NodeText, text: &str);
    /// A topic that SDKs of the node subscribe to. Topics that are not UTF-8 are left out.
    fn topic(&mut self, topic: &str);
}

/// Why an answer can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// JSON-RPC's code, 0 if the answer was no JSON-RPC at all.
    pub code: i64,
    /// The node's message, printable and bounded in length.
    pub message: String,
}

impl Refused {
    /// Returns the refusal of a node that sent this code and message.
    pub fn new(code: i64, message: &str) -> Refused {
        Refused { code, message: foreign(message).limit(MAX_REFUSAL_MESSAGE).to_string() }
    }
}

/// What the result of an answer is.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Node,
    Peers,
}

/// Reads an answer into `sink`.
pub(super) fn read<S: NodeSink>(body: &[u8], shape: Shape, sink: &mut S) -> Result<(), Refused> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let answer = Answer { shape, sink }.deserialize(&mut deserializer);
    match answer.and_then(|answer| deserializer.end().map(|()| answer)) {
        Ok(answer) => answer,
        Err(malformed) => Err(Refused::new(0, &malformed.to_string())),
    }
}

/// The whole answer.
struct Answer<'s, S> {
    shape: Shape,
    sink: &'s mut S,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum AnswerKey {
    Result,
    Error,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct AnswerError {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

impl<'de, S: NodeSink> DeserializeSeed<'de> for Answer<'_, S> {
    type Value = Result<(), Refused>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: NodeSink> Visitor<'de> for Answer<'_, S> {
    type Value = Result<(), Refused>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON-RPC answer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut result = None;
        let mut error = None;
        while let Some(key) = map.next_key()? {
            match key {
                AnswerKey::Result if result.is_some() => return Err(A::Error::duplicate_field("result")),
                AnswerKey::Result => {
                    result = Some(map.next_value_seed(Outcome { shape: self.shape, sink: &mut *self.sink })?);
                }
                AnswerKey::Error if error.is_some() => return Err(A::Error::duplicate_field("error")),
                AnswerKey::Error => error = Some(map.next_value::<Option<AnswerError>>()?),
                AnswerKey::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(match (error.flatten(), result) {
            (Some(error), _) => Err(Refused::new(error.code, &error.message)),
            (None, Some(true)) => Ok(()),
            (None, Some(false) | None) => Err(Refused::new(0, "neither result nor error")),
        })
    }
}

/// The answer's result: whether there is one, or null.
struct Outcome<'s, S> {
    shape: Shape,
    sink: &'s mut S,
}

impl<'de, S: NodeSink> DeserializeSeed<'de> for Outcome<'_, S> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, S: NodeSink> Visitor<'de> for Outcome<'_, S> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a node or a list of nodes")
    }

    fn visit_none<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        match self.shape {
            Shape::Node => Node { sink: self.sink }.deserialize(deserializer)?,
            Shape::Peers => deserializer.deserialize_seq(Nodes { sink: self.sink })?,
        }
        Ok(true)
    }
}

/// A list of nodes.
struct Nodes<'s, S> {
    sink: &'s mut S,
}

impl<'de, S: NodeSink> Visitor<'de> for Nodes<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of nodes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut nodes: A) -> Result<(), A::Error> {
        let mut count = 0;
        while nodes.next_element_seed(Node { sink: &mut *self.sink })?.is_some() {
            count += 1;
            if count > MAX_NODES {
                return Err(A::Error::custom(format!("more than {MAX_NODES} nodes")));
            }
        }
        Ok(())
    }
}

/// One node.
struct Node<'s, S> {
    sink: &'s mut S,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier)]
enum NodeKey {
    #[serde(rename = "NodeID")]
    Id,
    Agency,
    #[serde(rename = "IPAndPort")]
    Address,
    Topic,
    #[serde(other)]
    Other,
}

impl<'de, S: NodeSink> DeserializeSeed<'de> for Node<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: NodeSink> Visitor<'de> for Node<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a node")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.sink.begin_node();
        let mut seen = [false; 4];
        while let Some(key) = map.next_key()? {
            let (place, name, text) = match key {
                NodeKey::Id => (0, "NodeID", Some(NodeText::Id)),
                NodeKey::Agency => (1, "Agency", Some(NodeText::Agency)),
                NodeKey::Address => (2, "IPAndPort", Some(NodeText::Address)),
                NodeKey::Topic => (3, "Topic", None),
                NodeKey::Other => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if std::mem::replace(&mut seen[place], true) {
                return Err(A::Error::duplicate_field(name));
            }
            match text {
                Some(which) => map.next_value_seed(Text { which, sink: &mut *self.sink })?,
                None => map.next_value_seed(Topics { sink: &mut *self.sink })?,
            }
        }
        if seen[3] { Ok(()) } else { Err(A::Error::missing_field("Topic")) }
    }
}

/// A text about a node.
struct Text<'s, S> {
    which: NodeText,
    sink: &'s mut S,
}

impl<'de, S: NodeSink> DeserializeSeed<'de> for Text<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<S: NodeSink> Visitor<'_> for Text<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<(), E> {
        // Replacing what isn't UTF-8 makes a text longer.
        let text = String::from_utf8_lossy(bytes);
        if text.len() > MAX_NODE_TEXT {
            return Err(E::custom(format!("{:?} of {} bytes", self.which, bytes.len())));
        }
        self.sink.text(self.which, &text);
        Ok(())
    }
}

/// The topics of a node.
struct Topics<'s, S> {
    sink: &'s mut S,
}

impl<'de, S: NodeSink> DeserializeSeed<'de> for Topics<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, S: NodeSink> Visitor<'de> for Topics<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of topics")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut topics: A) -> Result<(), A::Error> {
        while topics.next_element_seed(TopicName { sink: &mut *self.sink })?.is_some() {}
        Ok(())
    }
}

/// One topic.
struct TopicName<'s, S> {
    sink: &'s mut S,
}

impl<'de, S: NodeSink> DeserializeSeed<'de> for TopicName<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<S: NodeSink> Visitor<'_> for TopicName<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a topic")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<(), E> {
        if let Ok(topic) = std::str::from_utf8(bytes) {
            self.sink.topic(topic);
        }
        Ok(())
    }
}
