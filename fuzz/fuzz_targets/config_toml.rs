//! TOML files: ours, and those of java-sdk and go-sdk.
#![no_main]

use amop_tests::invariants;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    invariants::config("", data, "");
});
