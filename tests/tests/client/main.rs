//! The client against embedded nodes: real sockets, real TLS.

mod calls;
mod closing;
mod copies;
mod fixture;
mod foreign_text;
mod garbage;
mod leaving;
mod names;
mod nodes;
mod overload;
mod reconnecting;
mod renewing;
mod serving;
mod stats;
mod subscribing;
mod topics;
mod tracing;
