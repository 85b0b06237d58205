//! The masks of a client's frames.

use siphasher::sip::SipHasher13;

/// Makes the masks of one connection: a keyed hash of its number and a counter, so that nobody without the key can foresee them.
#[derive(Debug)]
pub struct Masks {
    key: SipHasher13,
    connection: u64,
    count: u64,
}

impl Masks {
    /// Returns the masks of a connection, by a key that nobody else knows. Connections of different numbers get different
    /// masks.
    pub(crate) fn new(key: SipHasher13, connection: u64) -> Masks {
        Masks { key, connection, count: 0 }
    }

    /// Returns the mask of the next frame.
    pub fn next_mask(&mut self) -> [u8; 4] {
        self.count += 1;
        let mut input = [0; 16];
        input[..8].copy_from_slice(&self.connection.to_le_bytes());
        input[8..].copy_from_slice(&self.count.to_le_bytes());
        let [mask @ .., _, _, _, _] = self.key.hash(&input).to_le_bytes();
        mask
    }
}

/// Masks or unmasks bytes in place. `mask` is that of the first of them, see [`from`].
pub fn apply(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    rest.iter_mut().zip(mask.into_iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
}

/// Returns the mask of the bytes that follow the first `offset` ones of a frame.
pub fn from(mut mask: [u8; 4], offset: usize) -> [u8; 4] {
    mask.rotate_left(offset % 4);
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_masked_by_its_place() {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        for len in 0..70 {
            let plain: Vec<u8> = (0..len).collect();
            let expected: Vec<u8> = plain.iter().zip(mask.iter().cycle()).map(|(byte, m)| byte ^ m).collect();
            for cut in 0..=plain.len() {
                let mut bytes = plain.clone();
                let (first, second) = bytes.split_at_mut(cut);
                apply(first, mask);
                apply(second, from(mask, cut));
                assert_eq!(bytes, expected, "{len} bytes, cut at {cut}");
            }
        }
    }

    #[test]
    fn masks_differ_between_frames_and_connections() {
        let key = SipHasher13::new_with_key(&[7; 16]);
        let of = |connection| {
            let mut masks = Masks::new(key, connection);
            [(); 100].map(|()| masks.next_mask())
        };
        let mut all = [of(1), of(2)].concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 200);
        assert_eq!(of(1), of(1));
    }
}
