//! The HTTP heads of the upgrade to WebSocket, of both sides.
#![no_main]

use amop_tests::websocket_invariants;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| websocket_invariants::upgrade(bytes));
