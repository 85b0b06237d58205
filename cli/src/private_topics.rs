//! Private topics in the topic lists of nodes.

use std::collections::BTreeMap;

use amop::protocol::channel::verify::{NEED_VERIFY_PREFIX, PUSH_CHANNEL_PREFIX, VERIFY_CHANNEL_PREFIX};
use amop::text::foreign;
use serde::Serialize;

/// A private topic in the list of one node.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PrivateTopic {
    topic: String,
    state: State,
}

/// Where a private topic stands at one node, as far as the node's lists show. [`amop::VerificationState`] is another thing:
/// what a client that publishes on the topic knows of the subscribers at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Programs at the node publish on it.
    Published,
    /// Programs at the node subscribe to it, which are not verified: messages are not passed on to them.
    NotVerified,
    /// Programs at the node itself subscribe to it. Whether they are verified is for other nodes to know.
    Subscribed,
    /// Programs at the node subscribe to it and are verified.
    Verified,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Published => "published",
            State::NotVerified => "not verified",
            State::Subscribed => "subscribed",
            State::Verified => "verified",
        }
    }
}

/// Returns the private topics of a list. The list of a peer has a topic itself only after its verification.
pub(crate) fn private_topics(topics: &[String], is_peer: bool) -> Vec<PrivateTopic> {
    let mut found = BTreeMap::new();
    for topic in topics {
        let (topic, state) = if let Some(name) = topic.strip_prefix(NEED_VERIFY_PREFIX) {
            (name, if is_peer { State::Verified } else { State::Subscribed })
        } else if let Some(name) = name_after(topic, PUSH_CHANNEL_PREFIX) {
            (name, State::Published)
        } else if let Some((name, _)) =
            name_after(topic, VERIFY_CHANNEL_PREFIX).and_then(|name| name.rsplit_once('_'))
        {
            (name, if is_peer { State::NotVerified } else { State::Subscribed })
        } else {
            continue;
        };
        let known: &mut State = found.entry(topic.to_owned()).or_insert(state);
        *known = (*known).max(state);
    }
    found.into_iter().map(|(topic, state)| PrivateTopic { topic, state }).collect()
}

fn name_after<'a>(topic: &'a str, prefix: &str) -> Option<&'a str> {
    topic.strip_prefix(prefix)?.strip_prefix(NEED_VERIFY_PREFIX)
}

/// Returns the topics of a list that are not private.
pub(crate) fn public_topics(topics: &[String]) -> impl Iterator<Item = &String> {
    let prefixes = [NEED_VERIFY_PREFIX, PUSH_CHANNEL_PREFIX, VERIFY_CHANNEL_PREFIX];
    topics.iter().filter(move |topic| !prefixes.iter().any(|prefix| topic.starts_with(prefix)))
}

impl std::fmt::Display for PrivateTopic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (private, {})", foreign(&self.topic), self.state.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(topics: &[&str], is_peer: bool) -> Vec<String> {
        let topics: Vec<_> = topics.iter().map(|&topic| topic.to_owned()).collect();
        private_topics(&topics, is_peer).iter().map(PrivateTopic::to_string).collect()
    }

    #[test]
    fn lists_show_where_private_topics_stand() {
        let channel = "#!$VerifyChannel_#!$TopicNeedVerify_a_b_0123456789abcdef0123456789abcdef";
        let push = "#!$PushChannel_#!$TopicNeedVerify_c";
        assert_eq!(
            shown(&["x", channel, push], true),
            ["a_b (private, not verified)", "c (private, published)"]
        );
        assert_eq!(shown(&[channel, "#!$TopicNeedVerify_a_b"], true), ["a_b (private, verified)"]);
        assert_eq!(shown(&["#!$TopicNeedVerify_a_b", channel], false), ["a_b (private, subscribed)"]);
        let topics = ["x".to_owned(), push.to_owned()];
        assert_eq!(public_topics(&topics).collect::<Vec<_>>(), ["x"]);
    }
}
