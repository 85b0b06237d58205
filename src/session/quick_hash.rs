//! A fast hash for values where collisions gain a peer nothing.

use std::hash::Hasher;

/// The golden ratio's bits, which spread a number over the whole word.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Hashes a word at a time, without a key.
#[derive(Default)]
pub(super) struct QuickHasher(u64);

impl Hasher for QuickHasher {
    fn write(&mut self, bytes: &[u8]) {
        for word in bytes.chunks(8) {
            let mut padded = [0; 8];
            padded[..word.len()].copy_from_slice(word);
            self.write_u64(u64::from_le_bytes(padded));
        }
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(SPREAD);
    }

    fn finish(&self) -> u64 {
        // Tables look at both ends of the result.
        self.0 ^ (self.0 >> 32)
    }
}
