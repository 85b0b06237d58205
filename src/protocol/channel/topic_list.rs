//! 0x32: the whole list of subscribed topics, a JSON array. A list replaces the former one and has no answer.

use serde_json::Value;

/// The bytes of a list that belong to no topic: the opening bracket. The closing one takes the place of a separator.
pub(crate) const OVERHEAD: usize = 1;

/// Returns the body for these topics.
pub fn encode<'a>(topics: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut out = vec![b'['];
    for (i, topic) in topics.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(Value::from(topic).to_string().as_bytes());
    }
    out.push(b']');
    out
}

/// Returns the list that a node reads from a body, without duplicates and in the same order; `None` if the node ignores
/// the body and keeps the former list.
///
/// Observed on 2.11.2: `null`, a string or a number empties the list; invalid JSON, an object or a nested list changes
/// nothing.
pub fn decode(body: &[u8]) -> Option<Vec<String>> {
    match serde_json::from_slice(body).ok()? {
        Value::Null | Value::String(_) | Value::Number(_) | Value::Bool(_) => Some(Vec::new()),
        Value::Object(_) => None,
        Value::Array(items) => {
            let mut seen = std::collections::HashSet::new();
            let mut topics = Vec::new();
            for item in items {
                let Value::String(topic) = item else { return None };
                if seen.insert(topic.clone()) {
                    topics.push(topic);
                }
            }
            Some(topics)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Topic;
    use crate::protocol::channel::amop::LIMITS;
    use crate::protocol::channel::frame::{HEADER_LEN, MAX_SENT_FRAME_LEN};

    #[test]
    fn list_has_the_documented_bytes() {
        assert_eq!(encode(["demo/topic", "中文"]), "[\"demo/topic\",\"中文\"]".as_bytes());
        assert_eq!(encode([]), b"[]");
        assert_eq!(encode(["a\"b"]), br#"["a\"b"]"#);
    }

    #[test]
    fn length_of_a_list_is_the_sum_over_its_topics() {
        let names = [
            "a",
            "中文/тема",
            "quo\"te",
            "back\\slash",
            "line\nfeed\r",
            "\u{1}\u{8}\u{c}\u{1f}\u{7f}",
            "\u{2028}",
        ];
        let topics = names.map(|name| Topic::new(name).unwrap());
        for count in 1..=topics.len() {
            let listed_len: usize = topics[..count].iter().map(Topic::listed_len).sum();
            let body = encode(topics[..count].iter().map(Topic::as_str));
            assert_eq!(OVERHEAD + listed_len, body.len(), "{count} topics");
        }
    }

    #[test]
    fn longest_list_makes_the_longest_frame() {
        let (topic, mut listed_len, mut count) = (Topic::new("\u{1}".repeat(254)).unwrap(), 0, 0);
        while LIMITS.check_list(listed_len + topic.listed_len()).is_ok() {
            listed_len += topic.listed_len();
            count += 1;
        }
        let rest = LIMITS.list_bytes - listed_len;
        let last = "x".repeat(rest - 3);
        let body = encode(std::iter::repeat_n(topic.as_str(), count).chain([&*last]));
        assert_eq!(HEADER_LEN + body.len(), MAX_SENT_FRAME_LEN);
    }

    #[test]
    fn unusual_bodies_empty_the_list_or_are_ignored() {
        for empties in ["[]", "null", "\"a\"", "7"] {
            assert_eq!(decode(empties.as_bytes()), Some(vec![]), "{empties}");
        }
        for ignored in ["", "[", "{}", "[[\"a\"]]", "nonsense"] {
            assert_eq!(decode(ignored.as_bytes()), None, "{ignored}");
        }
        assert_eq!(decode(br#"["a","b","a"]"#), Some(vec!["a".into(), "b".into()]));
    }
}
