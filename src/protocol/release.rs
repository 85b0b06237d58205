//! The release that a node says it has, `2.11.2` or `3.16.4`.

use serde::{Deserialize, Deserializer};

use crate::text;

/// The longest release text that is kept of a node, in bytes before escaping.
pub const MAX_NODE_VERSION: usize = 64;

/// Shortens a release and makes it printable: it is shown in events, logs and terminals.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let version = String::deserialize(deserializer)?;
    let mut end = version.len().min(MAX_NODE_VERSION);
    while !version.is_char_boundary(end) {
        end -= 1;
    }
    Ok(text::printable(&version[..end]).to_string())
}
