//! Beans of web3sdk, and what stands behind a good one.
#![no_main]

use amop_tests::invariants;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    invariants::config("<", data, "");
    invariants::config("<beans><bean class=\"GroupChannelConnectionsConfig\"/>", data, "</beans>");
});
