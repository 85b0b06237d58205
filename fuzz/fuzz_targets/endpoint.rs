//! Endpoints as users write them.
#![no_main]

use amop_tests::invariants;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| invariants::endpoint(text));
