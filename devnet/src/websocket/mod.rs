//! Nodes of generation 3.x: messages in WebSocket frames.
//!
//! The nodes share sessions, topics, links, faults and handles with those of 2.x. Here is what differs: reading a
//! connection ([`inbound`], after [`upgrade`]), queueing messages ([`sending`]), and one file for each kind of message.
//! They behave as nodes of release 3.16 were observed to. A message that would stop such a node is ignored instead.

mod answers;
mod block_notify;
mod broadcast;
mod dispatch;
mod handshake;
mod inbound;
mod message;
mod request;
mod rpc;
mod sending;
mod topic_list;
mod unicast;
mod upgrade;

pub(crate) use inbound::WebSocketInbound;
pub(crate) use message::OwnedMessage;
pub(crate) use request::{Request, SessionState};
