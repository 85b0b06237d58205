//! The name of a topic, checked when it is created.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::channel::verify::{NEED_VERIFY_PREFIX, PUSH_CHANNEL_PREFIX, VERIFY_CHANNEL_PREFIX};
use crate::error::{Error, ErrorKind, Result};
use crate::text::foreign;

/// The prefixes of private topics, and of the topics by which they are verified.
const WIRE_PREFIXES: [&str; 3] = [NEED_VERIFY_PREFIX, VERIFY_CHANNEL_PREFIX, PUSH_CHANNEL_PREFIX];

/// The longest topic in bytes, whatever the generation of the node.
pub const MAX_TOPIC_BYTES: usize = 65_535;

/// The longest name of a private topic in bytes: the longest name that is derived from it has 254.
pub const MAX_PRIVATE_TOPIC_BYTES: usize = 185;

/// The hex digits at the end of a topic on which a subscriber is challenged.
const VERIFY_ID_LEN: usize = 32;

// 254 bytes are the longest topic that 2.x nodes route to.
const _: () = assert!(
    VERIFY_CHANNEL_PREFIX.len() + NEED_VERIFY_PREFIX.len() + MAX_PRIVATE_TOPIC_BYTES + 1 + VERIFY_ID_LEN
        == 254
);

/// Returns the private topic whose subscriber is challenged on `channel`, if that is such a channel.
pub(crate) fn private_topic_of(channel: &str) -> Option<&str> {
    let (topic, id) = channel.strip_prefix(VERIFY_CHANNEL_PREFIX)?.rsplit_once('_')?;
    let is_id = id.len() == VERIFY_ID_LEN && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_id && topic.len() > NEED_VERIFY_PREFIX.len() && topic.starts_with(NEED_VERIFY_PREFIX))
        .then_some(topic)
}

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

    /// Checks that this is not a name that private topics have on the wire. A subscription to such a name would receive
    /// nothing, because nodes don't route to it without a verification.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidTopic`] if it is.
    pub(crate) fn check_is_public(&self) -> Result<()> {
        let Some(prefix) = WIRE_PREFIXES.into_iter().find(|prefix| self.0.starts_with(prefix)) else {
            return Ok(());
        };
        let rest = &self.0[prefix.len()..];
        let name = rest.strip_prefix(NEED_VERIFY_PREFIX).unwrap_or(rest);
        Err(Error::undelivered(
            ErrorKind::InvalidTopic,
            format!(
                "{:?} begins with {prefix}, as names of private topics do between SDK and node: use the plain name{}, \
                 with `key` to subscribe or serve, and with `private_topic` and `allow` to publish",
                foreign(self.as_str()),
                match prefix {
                    NEED_VERIFY_PREFIX if !name.is_empty() => format!(" {:?}", foreign(name)),
                    _ => String::new(),
                }
            ),
        ))
    }

    /// Returns the private topic of this name: the topic on which its messages travel.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidTopic`] if the name has more than [`MAX_PRIVATE_TOPIC_BYTES`], or as
    /// [`Topic::check_is_public`].
    pub(crate) fn private(&self) -> Result<Topic> {
        self.check_is_public()?;
        if self.len() > MAX_PRIVATE_TOPIC_BYTES {
            let text = format!(
                "the private topic has {} bytes, of at most {MAX_PRIVATE_TOPIC_BYTES}: shorten it (publishers with go-sdk \
                 can verify at most 168)",
                self.len()
            );
            return Err(Error::undelivered(ErrorKind::InvalidTopic, text));
        }
        Ok(Topic(format!("{NEED_VERIFY_PREFIX}{}", self.0).into()))
    }

    /// Returns whether this is a private topic.
    pub(crate) fn is_private(&self) -> bool {
        self.0.starts_with(NEED_VERIFY_PREFIX)
    }

    /// Returns whether only nodes that verify private topics know what this topic is for.
    pub(crate) fn needs_verification(&self) -> bool {
        self.0.starts_with('#') && WIRE_PREFIXES.iter().any(|prefix| self.0.starts_with(prefix))
    }

    /// Returns the name that users give the topic: without the prefix of a private one.
    pub(crate) fn name(&self) -> &str {
        self.0.strip_prefix(NEED_VERIFY_PREFIX).unwrap_or(&self.0)
    }

    /// Returns the topic that publishers of this private topic list, so that their node asks them to verify subscribers.
    pub(crate) fn push_channel(&self) -> Topic {
        Topic(format!("{PUSH_CHANNEL_PREFIX}{}", self.0).into())
    }

    /// Returns the private topic whose publishers list this one.
    pub(crate) fn pushed_topic(&self) -> Option<Topic> {
        let topic = self.0.strip_prefix(PUSH_CHANNEL_PREFIX)?;
        topic.starts_with(NEED_VERIFY_PREFIX).then(|| Topic(topic.into()))
    }

    /// Returns what its subscribers are called in texts.
    pub(crate) fn subscriber(&self) -> &'static str {
        if self.is_private() { "verified subscriber" } else { "subscriber" }
    }

    /// Returns the topic on which a subscriber of this private topic is challenged.
    pub(crate) fn verify_channel(&self, id: u128) -> Topic {
        Topic(format!("{VERIFY_CHANNEL_PREFIX}{}_{id:032x}", self.0).into())
    }

    /// Returns the bytes that [`Topic::verify_channel`] takes in a list.
    pub(crate) fn verify_channel_listed_len(&self) -> usize {
        self.listed_len() + VERIFY_CHANNEL_PREFIX.len() + 1 + VERIFY_ID_LEN
    }

    /// Returns `channel` if a subscriber of exactly this private topic is challenged on it, and not one of a topic that
    /// only begins with the same name: nodes confuse the two.
    pub(crate) fn own_verify_channel(&self, channel: &str) -> Option<Topic> {
        (private_topic_of(channel) == Some(self)).then(|| Topic(channel.into()))
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
    /// Writes the name. That of a private topic is written as users give it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Topic {
    /// Shows a long topic in part, and a private one by its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&foreign(self.name()), f)?;
        if self.is_private() { f.write_str(" (private)") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_names_are_refused_with_the_right_call() {
        for name in ["#!$TopicNeedVerify_orders", "#!$VerifyChannel_x", "#!$PushChannel_x"] {
            let topic = Topic::new(name).unwrap();
            for error in [topic.check_is_public().unwrap_err(), topic.private().unwrap_err()] {
                assert_eq!(error.kind(), ErrorKind::InvalidTopic, "{name}");
                assert!(
                    error.message().contains("`key`") && error.message().contains("`private_topic`"),
                    "{error}"
                );
            }
        }
        let error = Topic::new("#!$TopicNeedVerify_orders").unwrap().check_is_public().unwrap_err();
        assert!(error.message().contains("the plain name \"orders\","), "{error}");
        Topic::new("TopicNeedVerify_").unwrap().check_is_public().unwrap();
    }

    #[test]
    fn private_topics_have_the_documented_names() {
        let topic = Topic::new("orders").unwrap().private().unwrap();
        assert_eq!(topic.as_str(), "#!$TopicNeedVerify_orders");
        assert_eq!(topic.push_channel().as_str(), "#!$PushChannel_#!$TopicNeedVerify_orders");
        assert_eq!(topic.push_channel().pushed_topic(), Some(topic.clone()));
        assert_eq!((topic.pushed_topic(), topic.subscriber()), (None, "verified subscriber"));
        let channel = topic.verify_channel(0x5e14_c531_97ad_bcb7_19d9_15fb_9334_2c25);
        assert_eq!(
            channel.as_str(),
            "#!$VerifyChannel_#!$TopicNeedVerify_orders_5e14c53197adbcb719d915fb93342c25"
        );
        assert_eq!(topic.verify_channel(1).len(), channel.len());
        assert_eq!(topic.verify_channel_listed_len(), channel.listed_len());
        assert_eq!(
            (topic.name(), topic.to_string(), format!("{topic:?}")),
            ("orders", "orders".to_owned(), "\"orders\" (private)".to_owned())
        );
        assert!([&topic, &topic.push_channel(), &channel].iter().all(|topic| topic.needs_verification()));
        assert!(!Topic::new("orders").unwrap().needs_verification());
    }

    #[test]
    fn private_topics_have_at_most_185_bytes() {
        let longest = Topic::new("x".repeat(185)).unwrap().private().unwrap();
        assert_eq!(longest.verify_channel(0).len(), 254);
        for long in ["x".repeat(186), "中".repeat(62)] {
            let error = Topic::new(long).unwrap().private().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidTopic);
            assert!(error.message().contains("186 bytes, of at most 185"), "{error}");
        }
    }

    #[test]
    fn go_sdk_can_acknowledge_requests_for_names_of_168_bytes() {
        // go-sdk acknowledges 0x37 with a topic: the prefix once more, and the challenge channel.
        let acknowledged = |len: usize| {
            let topic = Topic::new("x".repeat(len)).unwrap().private().unwrap();
            VERIFY_CHANNEL_PREFIX.len() + topic.verify_channel(1).len()
        };
        assert_eq!(
            (acknowledged(168), acknowledged(169)),
            (254, 255),
            "a topic has at most 254 bytes on the wire"
        );
    }

    #[test]
    fn channels_of_topics_with_the_same_beginning_are_told_apart() {
        let private = |name| Topic::new(name).unwrap().private().unwrap();
        let (a, longer) = (private("a"), private("aB"));
        let id = "0123456789abcdef0123456789abcdef";
        let with_id = private(&*format!("a_{id}"));
        for (topic, channel) in [(&a, a.verify_channel(1)), (&longer, longer.verify_channel(2))] {
            assert_eq!(topic.own_verify_channel(&channel), Some(channel.clone()));
        }
        assert_eq!(a.own_verify_channel(&longer.verify_channel(2)), None);
        assert_eq!(a.own_verify_channel(&with_id.verify_channel(3)), None);
        let channel = a.verify_channel(1);
        for wrong in [
            format!("{channel}0"),
            channel[..channel.len() - 1].to_owned(),
            channel.replace("000", "00g"),
            format!("#!$VerifyChannel_#!$TopicNeedVerify_{id}"),
            format!("#!$VerifyChannel_#!$TopicNeedVerify__{id}"),
            format!("#!$VerifyChannel_a_{id}"),
            a.to_string(),
            String::new(),
        ] {
            assert_eq!(a.own_verify_channel(&wrong), None, "{wrong}");
        }
    }

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
