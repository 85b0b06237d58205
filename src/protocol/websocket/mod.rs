//! Generation 3.x: messages in WebSocket frames, over TLS or plain TCP.
//!
//! One file per conversation, with encoder and decoder. Numbers are big-endian. The behaviour described is that of
//! FISCO BCOS 3.16. Tests compare with frames that such nodes and the official client sent.
//!
//! [`upgrade`] is the HTTP exchange before the first frame, [`frame`] the WebSocket frames, [`message`] the message in
//! such a frame; [`amop`], [`handshake`], [`topic_list`] and [`status`] are what messages hold.

pub mod amop;
pub mod frame;
pub mod handshake;
pub mod mask;
pub mod message;
pub mod status;
pub mod topic_list;
pub mod upgrade;

pub use frame::{FrameError, FrameReader, Received, Side};
pub use message::{Message, MessageError, MessageType};
