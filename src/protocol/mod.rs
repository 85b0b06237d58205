//! The bytes: frames and messages, encoded and decoded without any I/O.
//!
//! [`channel`] is generation 2.x. Public to the embedded node and the command, but no promise: only what the
//! crate root re-exports is stable.

pub mod channel;
pub mod message;
pub mod result;
mod seq;
mod seq_source;
mod topic;

pub use seq::Seq;
pub(crate) use seq_source::SeqSource;
pub use topic::{MAX_TOPIC_BYTES, Topic};
