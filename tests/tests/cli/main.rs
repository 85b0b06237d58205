//! The command `amop` as a process, on embedded nodes: what it prints for people and for scripts, how it ends.

mod amop;
mod demo;
mod devnet;
