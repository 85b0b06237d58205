//! Encoders and decoders of frames and messages, without I/O.
//!
//! [`channel`] is generation 2.x, [`websocket`] 3.x. Public for the embedded node and the command, but not stable: only what the crate root
//! re-exports is.

pub mod channel;
pub mod message;
mod read_buffer;
mod release;
pub mod result;
mod seq;
mod seq_source;
mod topic;
mod verification;
mod version;
pub mod websocket;

pub use seq::Seq;
pub(crate) use seq_source::SeqSource;
pub(crate) use topic::private_topic_of;
pub use topic::{MAX_PRIVATE_TOPIC_BYTES, MAX_TOPIC_BYTES, Topic};
pub(crate) use verification::{ToVerify, Verification};
pub use version::UnsupportedVersion;
