//! What an SDK offers and what a node chooses.
#![no_main]

use amop_tests::invariants;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| invariants::handshake(body));
