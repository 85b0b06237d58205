//! Confirmation. Whether making a subscription or service waits until a node has confirmed that it lists the topic. If the
//! confirmation fails, the subscription or service is removed.

use amop::{Confirm, Result};

use crate::argument::invalid_argument;

/// When making a subscription or service waits for a node.
#[repr(i32)]
pub enum amop_confirm {
    /// While a node is connected. Without one the function returns at once, and the subscription becomes active with the
    /// first node; only for a topic that a node may refuse as too long does it wait for that node. The default.
    AMOP_CONFIRM_AUTO = 0,
    /// Always, up to the timeout, also for the first node to be connected.
    AMOP_CONFIRM_ALWAYS = 1,
    /// Never. Whether a node lists the topic is not reported.
    AMOP_CONFIRM_NEVER = 2,
}

/// Converts a number from C.
pub(crate) fn confirm_of(number: i32) -> Result<Confirm> {
    const AUTO: i32 = amop_confirm::AMOP_CONFIRM_AUTO as i32;
    const ALWAYS: i32 = amop_confirm::AMOP_CONFIRM_ALWAYS as i32;
    const NEVER: i32 = amop_confirm::AMOP_CONFIRM_NEVER as i32;
    match number {
        AUTO => Ok(Confirm::Auto),
        ALWAYS => Ok(Confirm::Always),
        NEVER => Ok(Confirm::Never),
        _ => Err(invalid_argument(format!("{number} is not an AMOP_CONFIRM_*"))),
    }
}
