//! Listing topics at the node, and asking it about those of others; [`topics`](super::topics) decides when.

use std::time::Instant;

use super::topics::Action;
use super::{LIMITS, Session};
use crate::protocol::Topic;
use crate::protocol::channel::{MessageType, rpc, topic_list};
use crate::session::effect::{Callers, Effect, Notice};
use crate::session::topic_query::Method;

impl<K: Callers> Session<K> {
    pub(super) fn on_route(&mut self, topic: Topic, wanted: bool, caller: Option<K::Listed>) {
        if wanted && let Err(error) = LIMITS.check_topic(&topic) {
            if let Some(caller) = caller {
                self.out.effects.push(Effect::Listed { caller, outcome: Err(error) });
            }
            return;
        }
        if wanted && self.withdraws {
            return;
        }
        let changed = match wanted {
            true => self.wanted.insert(topic.clone()),
            false => self.wanted.remove(&topic),
        };
        self.calls.set_lists_topics(!self.wanted.is_empty());
        // Before the handshake is done there is nothing to change: it is followed by a list of all.
        if self.is_ready() {
            self.topics.route(topic, changed, caller);
        }
    }

    /// Does what the conversation about topics has to do.
    pub(super) fn converse_about_topics(&mut self, now: Instant) {
        if !self.is_ready() {
            return;
        }
        while let Some(action) = self.topics.next_action(now) {
            let effect = match action {
                Action::SendList => {
                    self.send_list(now);
                    continue;
                }
                Action::Ask(method) => {
                    let seq = self.ids.next();
                    let body = match method {
                        Method::NodeInfo => rpc::get_node_info(),
                        Method::Peers => rpc::get_peers(self.options.group),
                    };
                    self.put(MessageType::Rpc, seq, body);
                    self.topics.asked(method, seq, now);
                    continue;
                }
                Action::SetView(view) => {
                    self.view = Some(view.clone());
                    Effect::View(view)
                }
                Action::Read(job) => Effect::Read(job),
                Action::Confirmed(caller) => Effect::Listed { caller, outcome: Ok(()) },
                Action::Surveyed(caller) => Effect::Surveyed(caller),
                Action::Restored => Effect::Notice(Notice::TopicsRestored),
            };
            self.out.effects.push(effect);
        }
    }

    pub(super) fn send_list(&mut self, now: Instant) {
        let topics: Vec<Topic> = self.wanted.iter().cloned().collect();
        let body = topic_list::encode(topics.iter().map(Topic::as_str));
        self.put(MessageType::TopicList, self.ids.next(), body);
        self.out.counts.topic_lists_sent += 1;
        self.topics.list_sent(topics, now);
    }
}
