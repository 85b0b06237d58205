//! Tests of the engine as a whole: recorded handshakes, both roles against each other, and peers that misbehave.

mod fixed;
mod fixture;
mod loopback;
mod recording;
mod replay;
