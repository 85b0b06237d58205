//! 0x32: the whole set of subscribed topics, a JSON array; it replaces the former one and has no answer.

use serde_json::Value;

/// The body for a set of topics.
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

/// What a node makes of a body: the new set (duplicates collapsed, order kept), or `None` when it ignores it
/// and the former set stays.
///
/// Seen on 2.11.2: `null`, a string or a number empty the set; invalid JSON, an object or a nested list change
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

    #[test]
    fn a_list_byte_by_byte() {
        assert_eq!(encode(["demo/topic", "中文"]), "[\"demo/topic\",\"中文\"]".as_bytes());
        assert_eq!(encode([]), b"[]");
        assert_eq!(encode(["a\"b"]), br#"["a\"b"]"#);
    }

    #[test]
    fn what_a_node_makes_of_odd_bodies() {
        for empties in ["[]", "null", "\"a\"", "7"] {
            assert_eq!(decode(empties.as_bytes()), Some(vec![]), "{empties}");
        }
        for ignored in ["", "[", "{}", "[[\"a\"]]", "nonsense"] {
            assert_eq!(decode(ignored.as_bytes()), None, "{ignored}");
        }
        assert_eq!(decode(br#"["a","b","a"]"#), Some(vec!["a".into(), "b".into()]));
    }
}
