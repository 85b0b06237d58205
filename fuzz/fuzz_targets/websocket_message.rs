//! A message of 3.x, with what its payload may be: a topic and data, a handshake, a topic list.
#![no_main]

use amop_tests::websocket_invariants;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| websocket_invariants::message(bytes));
