//! Tests of the engine as a whole: recorded handshakes, both roles against each other, and peers that misbehave.

mod certificates;
mod fixed;
mod fixture;
mod hostile_client;
mod hostile_server;
mod loopback;
mod misuse;
mod mutation;
mod recording;
mod records;
mod replay;
mod streams;
mod tongsuo;
mod wire;
