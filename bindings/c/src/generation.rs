//! Generations. The generations of nodes that a client connects to.

use amop::{Generations, Result};

use crate::argument::invalid_argument;

/// Which generations of nodes a client connects to. All nodes of one client are of one generation.
#[repr(i32)]
pub enum amop_generation {
    /// The client finds out. The kind of certificate decides what is tried first.
    AMOP_GENERATION_AUTO = 0,
    /// 2.x only: the channel protocol.
    AMOP_GENERATION_2 = 2,
    /// 3.x only: WebSocket.
    AMOP_GENERATION_3 = 3,
}

/// Converts a number from C.
pub(crate) fn generations_of(number: i32) -> Result<Generations> {
    const AUTO: i32 = amop_generation::AMOP_GENERATION_AUTO as i32;
    const V2: i32 = amop_generation::AMOP_GENERATION_2 as i32;
    const V3: i32 = amop_generation::AMOP_GENERATION_3 as i32;
    match number {
        AUTO => Ok(Generations::Auto),
        V2 => Ok(Generations::V2),
        V3 => Ok(Generations::V3),
        _ => Err(invalid_argument(format!("{number} is not an AMOP_GENERATION_*"))),
    }
}
