//! The body of unicasts, their answers, broadcasts and block numbers.
#![no_main]

use amop_tests::invariants;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| invariants::topic_body(body));
