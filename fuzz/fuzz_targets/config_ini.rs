//! INI files of the C SDK.
#![no_main]

use amop_tests::invariants;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    invariants::config("[peers]\nnode.0 = a:1\n", data, "");
});
