//! Comparisons without branches, whose results are masks: 0xff for true, 0 for false.

/// Returns whether `a` is less than `b`. Both are lengths, far below half of the numbers.
pub(super) fn less(a: usize, b: usize) -> u8 {
    ((a.wrapping_sub(b) as isize) >> (isize::BITS - 1)) as u8
}

/// Returns whether `a` and `b` are equal.
pub(super) fn equal(a: usize, b: usize) -> u8 {
    let different = a ^ b;
    // Only 0 borrows into the highest bit without having it itself.
    ((different.wrapping_sub(1) & !different) as isize >> (isize::BITS - 1)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_match_comparisons() {
        let numbers = [0, 1, 2, 15, 16, 127, 128, 254, 255, 256, 257, 16384, 18432];
        for a in numbers {
            for b in numbers {
                assert_eq!(less(a, b) == 0xff, a < b, "{a} {b}");
                assert_eq!(equal(a, b) == 0xff, a == b, "{a} {b}");
                assert!([less(a, b), equal(a, b)].iter().all(|mask| [0, 0xff].contains(mask)));
            }
        }
    }
}
