//! JSON files of nodejs-sdk, and what follows in such a file.
#![no_main]

use amop_tests::invariants;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    invariants::config("{", data, "");
    let good =
        "{\"authentication\": {\"ca\": \"a\", \"cert\": \"b\", \"key\": \"c\"}, \"nodes\": [], \"more\": ";
    invariants::config(good, data, "}");
});
