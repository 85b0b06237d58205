//! Who takes part, and what a publisher and a subscriber can do, whoever plays them.

use std::cell::{RefCell, RefMut};

/// Failures are told in words: they go into the table of results.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// Somebody who takes part, in both roles.
pub(crate) struct Party {
    pub(crate) name: &'static str,
    pub(crate) can: Abilities,
    publisher: RefCell<Option<Box<dyn Publisher>>>,
    subscriber: RefCell<Option<Box<dyn Subscriber>>>,
}

impl Party {
    pub(crate) fn new(
        name: &'static str,
        can: Abilities,
        publisher: Box<dyn Publisher>,
        subscriber: Box<dyn Subscriber>,
    ) -> Party {
        let (publisher, subscriber) = (RefCell::new(Some(publisher)), RefCell::new(Some(subscriber)));
        Party { name, can, publisher, subscriber }
    }

    pub(crate) fn publisher(&self) -> RefMut<'_, Box<dyn Publisher>> {
        RefMut::map(self.publisher.borrow_mut(), |it| it.as_mut().expect("it has not ended"))
    }

    pub(crate) fn subscriber(&self) -> RefMut<'_, Box<dyn Subscriber>> {
        RefMut::map(self.subscriber.borrow_mut(), |it| it.as_mut().expect("it has not ended"))
    }

    /// Ends the publisher unless it has ended already. Returns what went wrong.
    pub(crate) fn end_publisher(&self) -> Option<String> {
        let error = self.publisher.take()?.end().err()?;
        Some(format!("{} as publisher: {error}", self.name))
    }

    /// Ends the subscriber unless it has ended already. Returns what went wrong.
    pub(crate) fn end_subscriber(&self) -> Option<String> {
        let error = self.subscriber.take()?.end().err()?;
        Some(format!("{} as subscriber: {error}", self.name))
    }
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
    /// Connects again when its node has restarted, and goes on as before.
    pub(crate) reconnects: bool,
}

impl Abilities {
    /// All of them.
    pub(crate) const ALL: Abilities =
        Abilities { private: true, bursts: true, empty: true, long_letters: true, reconnects: true };
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
    /// States who may subscribe to a private topic: who has the key to one of these public ones.
    fn announce_private(&mut self, topic: &str, public_keys: &[&str]) -> Result<()>;

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

    /// Unsubscribes from a private topic; the node needn't know yet when this returns.
    fn unsubscribe_private(&mut self, topic: &str) -> Result<()>;

    /// The next message, with its topic. Each arrives here once, whatever its kind.
    fn received(&mut self) -> Result<(String, Vec<u8>)>;

    /// Ends it in order; a message that nobody has asked for is an error.
    fn end(self: Box<Self>) -> Result<()>;
}
