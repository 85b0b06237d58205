//! The command `amop` as a process, on embedded nodes: output for people and for scripts, exit codes, signals.

mod acknowledgements;
mod amop;
mod broadcast;
mod config;
mod connection;
mod demo;
mod devnet;
mod doctor;
mod exit;
mod foreign_text;
mod help;
mod keys;
mod limits;
mod password;
mod pipe;
mod publish;
mod serve;
mod signals;
mod stats;
mod streams;
mod subscribe;
mod terminal;
mod texts;
mod wire_log;
