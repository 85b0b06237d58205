//! Records of the TLS engine.
#![no_main]

// The functions are there in builds for fuzzing only.
#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| amop::transport::fuzzing::records(input));
