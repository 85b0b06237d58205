//! Listing topics at the node, and the probe that follows each list.

use super::{LIMITS, Session};
use crate::protocol::Topic;
use crate::protocol::websocket::{MessageType, amop, topic_list};
use crate::session::effect::{Callers, Effect};

impl<K: Callers> Session<K> {
    pub(super) fn on_route(&mut self, topic: Topic, wanted: bool, caller: Option<K::Listed>) {
        if !wanted {
            // There is no message for it: the router drops and counts what the node goes on sending.
            self.wanted.remove(&topic);
            return;
        }
        if let Err(error) = LIMITS.check_topic(&topic) {
            let refused = caller.map(|caller| Effect::Listed { caller, outcome: Err(error) });
            self.out.effects.extend(refused);
            return;
        }
        self.wanted.insert(topic.clone());
        self.calls.set_lists_topics(true);
        if !self.listed.contains(&topic) && !self.unlisted.contains(&topic) {
            self.unlisted.push(topic);
        }
        self.waiting.extend(caller);
    }

    /// Lists topics that the node doesn't list yet. A probe follows each list, and callers wait for its answer: the node
    /// doesn't confirm a list. Only one is under way at a time; further topics are gathered meanwhile.
    pub(super) fn list_topics(&mut self) {
        if !self.is_ready() || self.probes.is_waiting() {
            return;
        }
        if self.has_listed && self.unlisted.is_empty() {
            let confirmed = self.waiting.drain(..).map(|caller| Effect::Listed { caller, outcome: Ok(()) });
            self.out.effects.extend(confirmed);
            return;
        }
        let topics = std::mem::take(&mut self.unlisted);
        // The first list is sent even if it is empty, as the official client does.
        let payload = topic_list::encode(topics.iter().map(Topic::as_str));
        let seq = self.ids.next();
        self.put(MessageType::TopicList, seq, &payload);
        self.out.counts.topic_lists_sent += 1;
        self.listed.extend(topics);
        let is_first = !std::mem::replace(&mut self.has_listed, true);
        let callers = std::mem::take(&mut self.waiting);
        self.send_probe(is_first, callers);
    }

    /// Sends a unicast to a topic that nobody has, so that the node answers it itself at once.
    pub(super) fn send_probe(&mut self, restores: bool, callers: Vec<K::Listed>) {
        let number = self.ids.next_number();
        let seq = self.ids.seq(number);
        let mut payload = Vec::new();
        amop::put_head(&mut payload, format!("amop/probe/{}", self.ids.next()).as_bytes());
        self.put(MessageType::Request, seq, &payload);
        self.probes.sent(number, self.outgoing.outbox.position(), restores, callers);
    }
}
