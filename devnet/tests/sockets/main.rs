//! Nodes on real sockets with real TLS: who gets in, how records are cut, and that nothing is left over.

mod channels;
mod connecting;
mod crowd;
mod fixture;
mod life;
mod records;
mod replay;
mod resumption;
