//! Who takes part, and what a publisher and a subscriber can do, whoever plays them.

use std::cell::RefCell;

/// Failures are told in words: they go into the table of results.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// Somebody who takes part, in both roles.
pub(crate) struct Party {
    pub(crate) name: &'static str,
    pub(crate) can: Abilities,
    pub(crate) publisher: RefCell<Box<dyn Publisher>>,
    pub(crate) subscriber: RefCell<Box<dyn Subscriber>>,
}

/// What a party can do, beside what all can.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Abilities {
    /// Has private topics.
    pub(crate) private: bool,
    /// Can send many messages at once.
    pub(crate) bursts: bool,
    /// Can send messages and replies without data.
    pub(crate) empty: bool,
    /// Can name topics with letters of four bytes in UTF-8.
    pub(crate) long_letters: bool,
}

impl Abilities {
    /// All of them.
    pub(crate) const ALL: Abilities =
        Abilities { private: true, bursts: true, empty: true, long_letters: true };
}

/// How a subscriber answers each unicast on a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Always with the same.
    Data(Vec<u8>),
    /// With the message.
    Echo,
}

/// Somebody connected to the first node.
pub(crate) trait Publisher {
    /// Says who may subscribe to a private topic: who has the key to this public one.
    fn announce_private(&mut self, topic: &str, public_key: &str) -> Result<()>;

    /// Sends a message to one subscriber and gives the reply.
    fn publish(&mut self, private: bool, topic: &str, data: &[u8]) -> Result<Vec<u8>>;

    /// Sends a message to all subscribers.
    fn multicast(&mut self, private: bool, topic: &str, data: &[u8]) -> Result<()>;

    /// Sends `count` messages at once to a subscriber that echoes, and checks each reply.
    fn burst(&mut self, topic: &str, count: usize) -> Result<()>;

    /// Ends it in order.
    fn end(self: Box<Self>) -> Result<()>;
}

/// Somebody connected to the second node.
pub(crate) trait Subscriber {
    /// Subscribes; the node needn't know yet when this returns.
    fn subscribe(&mut self, topic: &str, answer: &Answer) -> Result<()>;

    /// Subscribes to a private topic with a private key.
    fn subscribe_private(&mut self, topic: &str, answer: &Answer, private_key: &str) -> Result<()>;

    /// The next message, with its topic. Each arrives here once, whatever its kind.
    fn received(&mut self) -> Result<(String, Vec<u8>)>;

    /// Ends it in order; a message that nobody has asked for is an error.
    fn end(self: Box<Self>) -> Result<()>;
}
