//! Retries. When the library repeats a failed call.

use amop::{Result, Retry};

use crate::argument::invalid_argument;

/// When a failed publish or broadcast is retried automatically.
#[repr(i32)]
pub enum amop_retry {
    /// As set in the options of the client; in those: AMOP_RETRY_DEFINITE.
    AMOP_RETRY_DEFAULT = 0,
    /// Never.
    AMOP_RETRY_NEVER = 1,
    /// On another node, if the error states that the message was not delivered.
    AMOP_RETRY_DEFINITE = 2,
    /// Also if the message may have been delivered. Subscribers that use this library discard the duplicate; others
    /// may handle the message more than once.
    AMOP_RETRY_AT_LEAST_ONCE = 3,
}

/// Converts a number from C. `None` stands for the default.
pub(crate) fn retry_of(number: i32) -> Result<Option<Retry>> {
    const DEFAULT: i32 = amop_retry::AMOP_RETRY_DEFAULT as i32;
    const NEVER: i32 = amop_retry::AMOP_RETRY_NEVER as i32;
    const DEFINITE: i32 = amop_retry::AMOP_RETRY_DEFINITE as i32;
    const AT_LEAST_ONCE: i32 = amop_retry::AMOP_RETRY_AT_LEAST_ONCE as i32;
    match number {
        DEFAULT => Ok(None),
        NEVER => Ok(Some(Retry::Never)),
        DEFINITE => Ok(Some(Retry::Definite)),
        AT_LEAST_ONCE => Ok(Some(Retry::AtLeastOnce)),
        _ => Err(invalid_argument(format!("{number} is not an AMOP_RETRY_*"))),
    }
}
