//! A node's answers about topics.
#![no_main]

use amop_tests::invariants;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| invariants::node_topics(body));
