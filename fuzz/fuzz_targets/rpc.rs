//! A node's answers about topics, whose texts any SDK of the chain can choose: decoding is bounded and doesn't panic.
#![no_main]

use amop_tests::invariants;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| invariants::node_topics(body));
