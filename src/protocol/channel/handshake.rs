//! 0x14: the two sides agree on a protocol version, 1 to 3.
//!
//! A session without a handshake is at version 1. A node answers with the highest version that both sides support, and
//! closes the connection without an answer if there is none.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

pub use crate::protocol::release::MAX_NODE_VERSION;
use crate::protocol::{UnsupportedVersion, release, version};

/// The lowest supported version.
pub const MIN_PROTOCOL: u32 = 1;
/// The highest supported version.
pub const MAX_PROTOCOL: u32 = 3;
/// All supported versions.
pub const SUPPORTED: RangeInclusive<u32> = MIN_PROTOCOL..=MAX_PROTOCOL;

/// What the SDK offers. Signed, because nodes compare signed numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// Lowest version that the SDK supports.
    pub minimum_support: i64,
    /// Highest version that the SDK supports.
    pub maximum_support: i64,
    /// Free text that names the SDK.
    #[serde(default)]
    pub client_type: String,
}

/// What the node chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// The node's release, `2.11.2`. As decoded it is printable and has at most [`MAX_NODE_VERSION`] characters, more
    /// only where some were escaped.
    #[serde(default, deserialize_with = "release::deserialize")]
    pub node_version: String,
    /// The version from now on.
    pub protocol: u32,
}

impl Offer {
    /// Returns the body on the wire.
    pub fn encode(&self) -> Vec<u8> {
        format!(
            r#"{{"minimumSupport":{},"maximumSupport":{},"clientType":{}}}"#,
            self.minimum_support,
            self.maximum_support,
            serde_json::Value::from(self.client_type.as_str())
        )
        .into_bytes()
    }

    /// Decodes the body on the wire; `None` if it is no such JSON object.
    pub fn decode(body: &[u8]) -> Option<Offer> {
        serde_json::from_slice(body).ok()
    }
}

impl Choice {
    /// Returns the body on the wire; nodes end their JSON with a newline.
    pub fn encode(&self) -> Vec<u8> {
        let version = serde_json::Value::from(self.node_version.as_str());
        format!("{{\"nodeVersion\":{version},\"protocol\":{}}}\n", self.protocol).into_bytes()
    }

    /// Decodes the body on the wire; `None` if it is no such JSON object.
    pub fn decode(body: &[u8]) -> Option<Choice> {
        serde_json::from_slice(body).ok()
    }

    /// Returns the choice.
    ///
    /// # Errors
    /// Returns an error if the version is not in [`SUPPORTED`].
    pub fn supported(self) -> Result<Choice, UnsupportedVersion> {
        version::check(self.protocol, SUPPORTED).map(|()| self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_documented_bytes() {
        let offer = Offer { minimum_support: 1, maximum_support: 3, client_type: "amop".into() };
        let body = br#"{"minimumSupport":1,"maximumSupport":3,"clientType":"amop"}"#;
        assert_eq!(offer.encode(), body);
        assert_eq!(Offer::decode(body), Some(offer));
        let choice = Choice { node_version: "2.11.2".into(), protocol: 3 };
        let body = b"{\"nodeVersion\":\"2.11.2\",\"protocol\":3}\n";
        assert_eq!(choice.encode(), body);
        assert_eq!(Choice::decode(body), Some(choice));
    }

    #[test]
    fn node_version_is_shortened_and_escaped() {
        let version = |text: &str| {
            let body = serde_json::json!({ "nodeVersion": text, "protocol": 3 }).to_string();
            Choice::decode(body.as_bytes()).unwrap().node_version
        };
        assert_eq!(version("2.11.2"), "2.11.2");
        assert_eq!(version("2\u{1b}[31m\n\u{202e}"), "2\\u{1b}[31m\\n\\u{202e}");
        assert_eq!(version(&"é".repeat(1_000_000)), "é".repeat(MAX_NODE_VERSION / 2));
    }

    #[test]
    fn key_order_and_missing_texts_do_not_matter() {
        assert_eq!(Choice::decode(br#"{"protocol":2}"#).unwrap().protocol, 2);
        assert_eq!(Choice::decode(b"[]"), None);
        assert_eq!(Choice::decode(b""), None);
    }
}
