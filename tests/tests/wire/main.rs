//! The 2.x wire format from outside: frames of real nodes, one frame of each type written out, and properties.

mod properties;
mod vectors;
mod written_out;
