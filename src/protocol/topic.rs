//! The name of a topic, checked when it is created.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::text::foreign;

/// The longest topic in bytes, whatever the generation of the node.
pub const MAX_TOPIC_BYTES: usize = 65_535;

/// A valid topic: 1 to 65,535 bytes of UTF-8 without TAB (nodes join their topic lists with it) and NUL.
///
/// A connection may carry less, see [`Limits::topic_bytes`](super::message::Limits::topic_bytes): 254 bytes at nodes of
/// 2.x. Cheap to clone: one reference count.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(Arc<str>);

impl Topic {
    /// Creates a topic with this name.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidTopic`] if the name is empty, too long, or contains TAB or NUL.
    pub fn new(name: impl AsRef<str>) -> Result<Topic> {
        let name = name.as_ref();
        let wrong = |what: String| Err(Error::undelivered(ErrorKind::InvalidTopic, what));
        if name.is_empty() {
            return wrong("the topic is empty: use at least one byte".into());
        }
        if name.len() > MAX_TOPIC_BYTES {
            return wrong(format!(
                "the topic has {} bytes, of at most {MAX_TOPIC_BYTES}: shorten it",
                name.len()
            ));
        }
        if let Some(at) = name.bytes().position(|b| b == b'\t' || b == 0) {
            let what = if name.as_bytes()[at] == 0 { "a NUL" } else { "a TAB" };
            return wrong(format!(
                "the topic {:?} holds {what} at byte {at}: nodes can't route it, take another separator",
                foreign(name)
            ));
        }
        Ok(Topic(name.into()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the bytes that the topic takes in a list: those of a JSON string and of the separator or bracket after
    /// it.
    pub(crate) fn listed_len(&self) -> usize {
        serde_json::Value::from(self.as_str()).to_string().len() + 1
    }
}

impl Deref for Topic {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Topic {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    /// Shows a long topic in part.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&foreign(self.as_str()), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_the_limits_are_refused() {
        assert!(Topic::new("a").is_ok());
        assert!(Topic::new("x".repeat(65_535)).is_ok());
        assert!(Topic::new("中文 / #!$").is_ok());
        for bad in ["", "a\tb", "a\0", &"x".repeat(65_536), &"中".repeat(21_846)] {
            let error = Topic::new(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidTopic, "{bad:?}");
        }
        assert!(Topic::new("a\tb").unwrap_err().message().contains("TAB at byte 1"));
    }

    #[test]
    fn long_names_are_cut_in_texts() {
        let name = "x".repeat(60_000);
        assert!(format!("{:?}", Topic::new(&name).unwrap()).ends_with("... (60000 bytes)"));
        assert!(Topic::new(name + "\t").unwrap_err().message().len() < 500);
    }
}
