//! 0x110: topics to subscribe to, `{"topics":["a"]}`. There is no answer.
//!
//! A list only adds to the earlier ones: a topic that is left out stays subscribed until the connection ends.

use std::fmt::Write;

use serde_json::Value;

/// The bytes of a list that belong to no topic.
pub(crate) const OVERHEAD: usize = "{\"topics\":[]}\n".len();

/// Returns the payload for these topics. Characters beyond ASCII are escaped, as the official client does.
pub fn encode<'a>(topics: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut out = String::from("{\"topics\":[");
    for (i, topic) in topics.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        let quoted = Value::from(topic).to_string();
        for c in quoted.chars() {
            if c.is_ascii() {
                out.push(c);
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a string doesn't fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out.push_str("]}\n");
    out.into_bytes()
}

/// Returns the topics that a node reads from a payload; `None` if the node ignores it.
///
/// Observed on 3.16: numbers and booleans are read as their text, also `null` as the empty topic. Anything else in the
/// list makes the node ignore all of it. A payload without `topics`, or with another value there, adds nothing.
pub fn decode(payload: &[u8]) -> Option<Vec<String>> {
    let Value::Object(mut fields) = serde_json::from_slice(payload).ok()? else { return None };
    let Some(Value::Array(items)) = fields.remove("topics") else { return None };
    let text = |item| match item {
        Value::String(topic) => Some(topic),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    };
    items.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Topic;
    use crate::protocol::websocket::amop::{LIMITS, MAX_SENT_MESSAGE_LEN};
    use crate::protocol::websocket::message::{Message, MessageType};

    #[test]
    fn list_has_the_documented_bytes() {
        assert_eq!(encode(["topic_a"]), b"{\"topics\":[\"topic_a\"]}\n");
        assert_eq!(encode([]), b"{\"topics\":[]}\n");
        assert_eq!(
            encode(["主题", "a\"\u{1f600}"]),
            br#"{"topics":["\u4e3b\u9898","a\"\ud83d\ude00"]}
"#
        );
    }

    #[test]
    fn list_comes_back() {
        let topics =
            ["a", "中文/тема", "quo\"te", "back\\slash", "line\nfeed", "\u{1}\u{7f}\u{2028}", "\u{1f600}"];
        assert_eq!(decode(&encode(topics)), Some(topics.map(str::to_owned).to_vec()));
    }

    #[test]
    fn unusual_lists_are_read_as_nodes_do() {
        assert_eq!(decode(br#"{"topics":[17,true,""]}"#), Some(vec!["17".into(), "true".into(), "".into()]));
        for ignored in [
            "",
            "hello",
            "[\"a\"]",
            "{\"x\":1}",
            "{\"topics\":\"a\"}",
            "{\"topics\":[{}]}",
            "{\"topics\":[\"a\",[]]}",
        ] {
            assert_eq!(decode(ignored.as_bytes()), None, "{ignored}");
        }
    }

    #[test]
    fn list_within_its_limit_fits_one_message() {
        for letter in ["x", "é", "中", "\u{1f600}", "\u{1}", "\""] {
            let topic = Topic::new(letter.repeat(1000)).unwrap();
            let topics = vec![topic.as_str(); LIMITS.list_bytes / topic.listed_len()];
            let payload = encode(topics.iter().copied());
            let message = Message::new(MessageType::TopicList, 0, &[b'0'; 32], &payload);
            assert!(message.to_bytes().len() <= MAX_SENT_MESSAGE_LEN, "{letter:?}");
        }
    }
}
