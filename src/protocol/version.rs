//! The check of the protocol version that a node has chosen.

use std::ops::RangeInclusive;

/// A node has chosen a version that this client doesn't support.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it chose protocol version {chosen}, this client supports {} to {}", .supported.start(), .supported.end())]
pub struct UnsupportedVersion {
    /// The node's choice.
    pub chosen: u32,
    /// The versions of the generation that this client supports.
    pub supported: RangeInclusive<u32>,
}

/// Returns an error unless `chosen` is supported.
pub(super) fn check(chosen: u32, supported: RangeInclusive<u32>) -> Result<(), UnsupportedVersion> {
    match supported.contains(&chosen) {
        true => Ok(()),
        false => Err(UnsupportedVersion { chosen, supported }),
    }
}
