//! A stream of WebSocket frames of either side, in pieces of any sizes.
#![no_main]

use amop_tests::websocket_invariants;
use libfuzzer_sys::fuzz_target;

/// The input's last bytes say how large the pieces are.
const SIZES: usize = 3;

fuzz_target!(|input: &[u8]| {
    let (stream, sizes) = input.split_at(input.len().saturating_sub(SIZES));
    let sizes: Vec<usize> = sizes.iter().map(|&size| usize::from(size)).collect();
    websocket_invariants::frames(stream, &sizes);
});
