//! Generation 2.x: length-prefixed frames over TLS, called *channel* by the nodes.
//!
//! One file per conversation, with encoder and decoder. Numbers are big-endian. The behaviour described is that of
//! FISCO BCOS 2.11.2 (`libchannelserver`). Tests compare with frames that real nodes sent.

pub mod amop;
pub mod frame;
pub mod handshake;
pub mod heartbeat;
pub mod node_choice;
pub mod rpc;
pub mod topic_list;
pub mod verify;

pub use frame::{Frame, FrameError, FrameReader, MessageType};
