//! The sequence id of a message: 32 bytes that match a reply to its request.

use std::fmt;

/// A message's sequence id: 32 bytes, by convention a UUID in hex without dashes.
///
/// The ids of other clients are kept unchanged. Nodes pass any 32 bytes, including NUL and non-ASCII bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seq([u8; Seq::LEN]);

impl Seq {
    /// The size on the wire, in bytes.
    pub const LEN: usize = 32;

    /// Creates an id from the bytes on the wire.
    pub const fn new(bytes: [u8; Seq::LEN]) -> Seq {
        Seq(bytes)
    }

    /// Creates an id from two numbers, written as 16 lower-case hex digits each.
    pub fn from_halves(high: u64, low: u64) -> Seq {
        let mut bytes = [0; Seq::LEN];
        let value = (u128::from(high) << 64) | u128::from(low);
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = DIGITS[(value >> (124 - 4 * i)) as usize & 15];
        }
        Seq(bytes)
    }

    /// Returns the two numbers of an id that has the format of [`Seq::from_halves`].
    pub fn halves(&self) -> Option<(u64, u64)> {
        let (high, low) = self.0.split_at(Seq::LEN / 2);
        Some((number(high)?, number(low)?))
    }

    /// Returns the bytes on the wire.
    pub const fn as_bytes(&self) -> &[u8; Seq::LEN] {
        &self.0
    }
}

/// The value of each byte as a lower-case hex digit, [`NO_DIGIT`] for all other bytes.
const DIGIT_VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < DIGITS.len() {
        values[DIGITS[value] as usize] = value as u8;
        value += 1;
    }
    values
};
const DIGITS: &[u8; 16] = b"0123456789abcdef";
/// Consists of bits that no digit's value has, so that it survives an OR with digits.
const NO_DIGIT: u8 = 0xf0;

/// Returns the number that 16 hex digits represent. Has no branch for each digit, because it runs for each reply.
fn number(digits: &[u8]) -> Option<u64> {
    let (value, all) = digits.iter().fold((0, 0), |(value, all), digit| {
        let digit = DIGIT_VALUES[usize::from(*digit)];
        (value << 4 | u64::from(digit), all | digit)
    });
    (all & NO_DIGIT == 0).then_some(value)
}

impl fmt::Display for Seq {
    /// Writes printable ASCII unchanged and other bytes escaped, as `\xNN`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seq({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_a_made_id_are_returned() {
        let seq = Seq::from_halves(0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210);
        assert_eq!(seq.as_bytes(), b"0123456789abcdeffedcba9876543210");
        assert_eq!(seq.halves(), Some((0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210)));
    }

    #[test]
    fn other_bytes_have_no_halves_and_are_escaped() {
        let mut bytes = *b"0123456789ABCDEF0123456789ABCDEF";
        assert_eq!(Seq::new(bytes).halves(), None);
        for (at, wrong) in [(0, b'g'), (15, b'/'), (16, b':'), (31, b'`'), (31, 0), (0, 0xff)] {
            let mut bytes = [b'0'; Seq::LEN];
            bytes[at] = wrong;
            assert_eq!(Seq::new(bytes).halves(), None, "{wrong:#x} at {at}");
        }
        bytes[0] = 0xff;
        assert!(Seq::new(bytes).to_string().starts_with("\\xff123"));
    }
}
