//! Whether a node delivers to SDKs of its own, which depends on its release.

use std::sync::atomic::{AtomicU8, Ordering};

/// The releases that lose messages to SDKs of their own: the first and the last.
const LOSING: ([u32; 3], [u32; 3]) = ([2, 8, 0], [2, 11, 2]);

const DELIVERS: u8 = 0;
const LOSES: u8 = 1;
const UNKNOWN: u8 = 2;

/// Whether a node delivers to SDKs of its own. One whose version is unknown counts as delivering until it has lost a
/// message.
#[derive(Debug)]
pub(super) struct SameNode(AtomicU8);

impl Default for SameNode {
    fn default() -> SameNode {
        SameNode(AtomicU8::new(UNKNOWN))
    }
}

impl SameNode {
    /// Takes the version that the node has reported.
    pub(super) fn set_version(&self, version: &str) {
        let same_node = match parse(version) {
            Some(version) if (LOSING.0..=LOSING.1).contains(&version) => LOSES,
            Some(_) => DELIVERS,
            None => UNKNOWN,
        };
        self.0.store(same_node, Ordering::Relaxed);
    }

    /// Notes that a message on a topic that the node lists itself was lost.
    pub(super) fn lost(&self) {
        // Only what is unknown is learned.
        let _ = self.0.compare_exchange(UNKNOWN, LOSES, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Returns whether the node loses messages to SDKs of its own.
    pub(super) fn loses(&self) -> bool {
        self.0.load(Ordering::Relaxed) == LOSES
    }
}

/// Reads three numbers, such as `2.11.2`. What follows after a space or a hyphen is ignored.
fn parse(version: &str) -> Option<[u32; 3]> {
    let version = version.trim().trim_start_matches(['v', 'V']);
    let numbers = version.split([' ', '-', '+']).next()?;
    let mut parts = numbers.split('.').map(|part| part.parse().ok());
    let version = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_2_8_0_to_2_11_2_lose_messages_to_their_own_sdks() {
        for (version, loses) in [
            ("2.7.2", false),
            ("2.8.0", true),
            ("2.9.1 gm", true),
            ("v2.11.2", true),
            ("2.11.3", false),
            ("2.12.0", false),
            ("3.0.0", false),
            ("2.9", false),
            ("", false),
        ] {
            let same_node = SameNode::default();
            same_node.set_version(version);
            assert_eq!(same_node.loses(), loses, "{version:?}");
        }
    }

    #[test]
    fn node_of_unknown_version_delivers_until_it_has_lost_a_message() {
        let unknown = SameNode::default();
        unknown.set_version("unknown");
        assert!(!unknown.loses());
        unknown.lost();
        assert!(unknown.loses());
        let delivering = SameNode::default();
        delivering.set_version("2.7.2");
        delivering.lost();
        assert!(!delivering.loses(), "its version is known");
    }
}
