//! The list of topics that a node is sent.
#![no_main]

use amop_tests::invariants;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| invariants::topics(body));
