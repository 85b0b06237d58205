//! Generation 2.x: length-prefixed frames over TLS, called *channel* by the nodes.
//!
//! One file per conversation, encoder and decoder side by side. Numbers are big-endian. The facts come from
//! FISCO BCOS 2.11.2 (`libchannelserver`) and were pinned with frames that real nodes sent.

pub mod amop;
pub mod frame;
pub mod handshake;
pub mod heartbeat;
pub mod rpc;
pub mod topic_list;
pub mod verify;

pub use frame::{Frame, FrameError, FrameReader, MessageType};
