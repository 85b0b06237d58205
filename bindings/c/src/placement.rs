//! Placement. At how many nodes a client lists a topic.

use amop::{Placement, Result};

use crate::argument::invalid_argument;

/// At how many of the connected nodes a topic is listed.
#[repr(i32)]
pub enum amop_placement {
    /// AMOP_PLACEMENT_ALL for a subscription, AMOP_PLACEMENT_ONE for a service.
    AMOP_PLACEMENT_DEFAULT = 0,
    /// At all connected nodes: the loss of a node loses no messages, and every broadcast is received.
    AMOP_PLACEMENT_ALL = 1,
    /// At one node; the topic moves to another node when that one is lost.
    AMOP_PLACEMENT_ONE = 2,
}

/// Converts a number from C. `None` stands for the default.
pub(crate) fn placement_of(number: i32) -> Result<Option<Placement>> {
    const DEFAULT: i32 = amop_placement::AMOP_PLACEMENT_DEFAULT as i32;
    const ALL: i32 = amop_placement::AMOP_PLACEMENT_ALL as i32;
    const ONE: i32 = amop_placement::AMOP_PLACEMENT_ONE as i32;
    match number {
        DEFAULT => Ok(None),
        ALL => Ok(Some(Placement::All)),
        ONE => Ok(Some(Placement::One)),
        _ => Err(invalid_argument(format!("{number} is not an AMOP_PLACEMENT_*"))),
    }
}
