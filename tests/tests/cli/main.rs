//! The command `amop` as a process, on embedded nodes: what it prints for people and for scripts, how it ends.

mod amop;
mod broadcast;
mod connection;
mod demo;
mod devnet;
mod doctor;
mod exit;
mod help;
mod limits;
mod pipe;
mod publish;
mod serve;
mod stats;
mod subscribe;
mod terminal;
mod wire_log;
