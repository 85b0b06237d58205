//! The client against embedded nodes: real sockets, real TLS.

mod calls;
mod closing;
mod fixture;
mod garbage;
mod names;
mod nodes;
mod overload;
mod reconnecting;
mod serving;
mod stats;
mod subscribing;
mod topics;
mod tracing;
