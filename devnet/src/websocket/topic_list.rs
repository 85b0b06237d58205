//! Topics that sessions subscribe to (0x110).

use amop::protocol::websocket::topic_list;

use super::OwnedMessage;
use crate::net::Net;
use crate::node::TopicName;
use crate::table::Key;

impl Net {
    /// Adds topics to those of a session; it keeps the earlier ones until it ends. Ignores a list that real nodes cannot
    /// read.
    pub(super) fn on_added_topics(&mut self, from: Key, message: &OwnedMessage) {
        let Some(list) = topic_list::decode(&message.payload) else { return };
        let Some(session) = self.sessions.get(from) else { return };
        let mut topics = session.topics.clone();
        topics.extend(list.iter().map(|topic| TopicName::from(topic.as_bytes())));
        self.set_topics(from, topics);
    }
}
