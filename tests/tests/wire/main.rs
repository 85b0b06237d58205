//! The wire formats from outside: frames of real nodes, one frame of each type written out, and properties.

mod properties;
mod vectors;
mod websocket;
mod written_out;
