//! The client against embedded nodes: real sockets, real TLS.

mod both;
mod calls;
mod channels;
mod closing;
mod confirming;
mod copies;
mod fixture;
mod foreign_text;
mod garbage;
mod hostile;
mod leaving;
mod listening;
mod names;
mod nodes;
mod overload;
mod own_node;
mod panics;
mod reconnecting;
mod renewing;
mod serving;
mod stats;
mod subscribing;
mod topic_answers;
mod topics;
mod tracing;
mod websocket;
