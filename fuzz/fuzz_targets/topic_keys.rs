//! Keys of private topics: hex, PEM, DER and PKCS#12, encrypted ones with the right password of the corpus.
#![no_main]

use amop_tests::invariants;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| invariants::topic_keys(bytes, "123456"));
