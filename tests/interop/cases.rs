//! The messages that a publisher and a subscriber have to exchange: thirteen kinds, each on a topic of its own.

use crate::party::{Abilities, Answer, Publisher, Result, Subscriber};

/// How a message is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// To one subscriber, who answers.
    Unicast(Answer),
    /// To all.
    Multicast,
}

/// One kind of message.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) data: Vec<u8>,
    pub(crate) private: bool,
    topic: Shape,
}

/// What a topic looks like beside its name.
#[derive(Debug, PartialEq, Eq)]
enum Shape {
    Plain,
    /// As long as one may be.
    Longest,
    /// Two and three bytes a letter.
    Utf8,
    /// Four bytes a letter.
    LongLetters,
}

/// The bytes that a topic may have.
const LONGEST_TOPIC: usize = 254;

const MIB: usize = 1024 * 1024;

/// A subscriber's key on secp256k1: 32 bytes of 0x11, and its public key. Fixed, since java-sdk misreads one public key
/// in 256, those whose first coordinate begins with 04.
pub(crate) const PRIVATE_KEY: &str = "1111111111111111111111111111111111111111111111111111111111111111";
pub(crate) const PUBLIC_KEY: &str = "044f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa\
                                     385b6b1b8ead809ca67454d9683fcf2ba03456d6fe2c4abe2b07f0fbdbb2f1c1";

/// The topic that nodes are asked for by the name of a private one.
const PRIVATE_PREFIX: &str = "#!$TopicNeedVerify_";

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    let unicast = |name, data: &[u8], answer| Case::new(name, Kind::Unicast(answer), data.to_vec());
    let pong = || Answer::Data(b"pong".to_vec());
    let mib: Vec<u8> = (0..MIB).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect();
    let every_byte: Vec<u8> = (0..=255).collect();
    vec![
        unicast("unicast with reply", b"ping", pong()),
        unicast("empty data", b"", pong()),
        unicast("empty reply", b"ping", Answer::Data(vec![])),
        unicast("binary", &every_byte, Answer::Echo),
        unicast("1 MiB", &mib, pong()),
        unicast("1 MiB echoed", &mib, Answer::Echo),
        Case::new("multicast", Kind::Multicast, b"news".to_vec()),
        Case::new("multicast 1 MiB", Kind::Multicast, mib),
        Case { private: true, ..unicast("private unicast", b"ping", pong()) },
        Case { private: true, ..Case::new("private multicast", Kind::Multicast, b"news".to_vec()) },
        Case { topic: Shape::Longest, ..unicast("254-byte topic", b"ping", pong()) },
        Case { topic: Shape::Utf8, ..unicast("UTF-8 topic", b"ping", pong()) },
        Case { topic: Shape::LongLetters, ..unicast("4-byte letters", b"ping", pong()) },
    ]
}

impl Case {
    fn new(name: &'static str, kind: Kind, data: Vec<u8>) -> Case {
        Case { name, kind, data, private: false, topic: Shape::Plain }
    }

    /// Returns whether a publisher and a subscriber with these abilities have what it needs.
    pub(crate) fn is_possible(&self, from: Abilities, to: Abilities) -> bool {
        let replies_empty = self.kind == Kind::Unicast(Answer::Data(vec![]));
        (!self.private || from.private && to.private)
            && (!self.data.is_empty() || from.empty)
            && (!replies_empty || to.empty)
            && (self.topic != Shape::LongLetters || from.long_letters && to.long_letters)
    }

    fn topic(&self, name: &str) -> String {
        match self.topic {
            Shape::Plain => name.to_owned(),
            Shape::Longest => format!("{name:x<LONGEST_TOPIC$}"),
            Shape::Utf8 => format!("{name}/größe/群组消息"),
            Shape::LongLetters => format!("{name}/📨"),
        }
    }

    /// Has one message go from the publisher to the subscriber, and the answer back. `name` begins a topic that nobody
    /// has used; `known` returns when the publisher's node knows of its subscriber.
    pub(crate) fn play(
        &self,
        name: &str,
        publisher: &mut dyn Publisher,
        subscriber: &mut dyn Subscriber,
        known: impl FnOnce(&str),
    ) -> Result<()> {
        let topic = self.topic(name);
        let answer = match &self.kind {
            Kind::Unicast(answer) => answer.clone(),
            Kind::Multicast => Answer::Data(vec![]),
        };
        if self.private {
            subscriber.subscribe_private(&topic, &answer, PRIVATE_KEY)?;
            publisher.announce_private(&topic, &[PUBLIC_KEY])?;
            known(&format!("{PRIVATE_PREFIX}{topic}"));
        } else {
            subscriber.subscribe(&topic, &answer)?;
            known(&topic);
        }
        match &self.kind {
            Kind::Unicast(answer) => {
                let reply = publisher.publish(self.private, &topic, &self.data)?;
                let expected = match answer {
                    Answer::Data(data) => data,
                    Answer::Echo => &self.data,
                };
                same("the reply", expected, &reply)?;
            }
            Kind::Multicast => publisher.multicast(self.private, &topic, &self.data)?,
        }
        let (received_on, data) = subscriber.received()?;
        if received_on != topic {
            return Err(format!("a message came on {received_on:?} instead of {topic:?}"));
        }
        same("the message", &self.data, &data)
    }
}

/// Tells where bytes differ, without a mebibyte of them.
fn same(what: &str, expected: &[u8], got: &[u8]) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    let at = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    Err(format!(
        "{what} has {} bytes instead of {}, and differs from byte {at} on",
        got.len(),
        expected.len()
    ))
}
