//! Assignments of python-sdk's `client_config.py`.
#![no_main]

use amop_tests::invariants;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    invariants::config("class client_config:\n    channel_host = \"a\"\n", data, "");
});
