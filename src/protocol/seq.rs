//! The 32 bytes that tie an answer to its request.

use std::fmt;

/// A message's sequence id: 32 bytes, by custom a UUID in hex without dashes.
///
/// Other clients' ids come as they are: nodes pass any 32 bytes, NULs and non-ASCII too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seq([u8; Seq::LEN]);

impl Seq {
    /// Its size on the wire.
    pub const LEN: usize = 32;

    /// From the bytes on the wire.
    pub const fn new(bytes: [u8; Seq::LEN]) -> Seq {
        Seq(bytes)
    }

    /// Two numbers as 16 lower-case hex digits each.
    pub fn from_halves(high: u64, low: u64) -> Seq {
        let mut bytes = [0; Seq::LEN];
        let value = (u128::from(high) << 64) | u128::from(low);
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = DIGITS[(value >> (124 - 4 * i)) as usize & 15];
        }
        Seq(bytes)
    }

    /// The two numbers, if it was written the way [`Seq::from_halves`] does.
    pub fn halves(&self) -> Option<(u64, u64)> {
        let (high, low) = self.0.split_at(Seq::LEN / 2);
        Some((number(high)?, number(low)?))
    }

    /// The bytes on the wire.
    pub const fn as_bytes(&self) -> &[u8; Seq::LEN] {
        &self.0
    }
}

/// What each byte is worth as a lower-case hex digit; [`NO_DIGIT`] for the others.
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
/// Above the value of any digit, in bits that none has.
const NO_DIGIT: u8 = 0xf0;

/// The number that 16 hex digits write. Each reply is looked up by one: without a branch for each digit.
fn number(digits: &[u8]) -> Option<u64> {
    let (value, all) = digits.iter().fold((0, 0), |(value, all), digit| {
        let digit = DIGIT_VALUES[usize::from(*digit)];
        (value << 4 | u64::from(digit), all | digit)
    });
    (all & NO_DIGIT == 0).then_some(value)
}

impl fmt::Display for Seq {
    /// ASCII as it is, other bytes as `\xNN`.
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
    fn halves_come_back() {
        let seq = Seq::from_halves(0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210);
        assert_eq!(seq.as_bytes(), b"0123456789abcdeffedcba9876543210");
        assert_eq!(seq.halves(), Some((0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210)));
    }

    #[test]
    fn foreign_bytes_are_no_halves_and_print() {
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
