//! A stream of frames in pieces of any sizes.
#![no_main]

use amop_tests::invariants;
use libfuzzer_sys::fuzz_target;

/// The longest frame read: short, so that the limit is met.
const LIMIT: usize = 60_000;

/// The input's last bytes say how large the pieces are: each the root of a size, up to 65,025.
const SIZES: usize = 3;

fuzz_target!(|input: &[u8]| {
    let (stream, sizes) = input.split_at(input.len().saturating_sub(SIZES));
    let sizes: Vec<usize> = sizes.iter().map(|&root| usize::from(root).pow(2)).collect();
    invariants::frames(stream, &sizes, LIMIT);
});
