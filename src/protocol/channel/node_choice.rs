//! How a node chooses between candidates for a unicast: by the second of its wall clock.
//!
//! The publisher's node chooses between nodes: the peers that list the topic, in the order of its own table, then itself
//! if one of its own sessions lists the topic. The chosen node chooses between its sessions in the same way. All
//! unicasts of one second therefore have the same index, and whoever knows the number of candidates and the node's
//! clock can compute it. Releases 2.8.0 to 2.11.2 lose a unicast for which a node chooses itself.
//!
//! A choice is the first number of `boost::uniform_int(0, count - 1)` over a `mt19937` that is seeded with the Unix
//! second (`libp2p/Service.cpp`, `libchannelserver`).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand_mt::Mt;

/// Returns the index that a node chooses in the Unix second `second` of its clock, of `count` candidates, or `None` if
/// there are none.
///
/// With more than one candidate this seeds a generator of 624 words. Callers with many messages per second keep the
/// result for the second.
pub fn index_at(second: i64, count: usize) -> Option<usize> {
    let candidates = u32::try_from(count).unwrap_or(u32::MAX);
    if candidates < 2 {
        return (candidates == 1).then_some(0);
    }
    // Nodes pass the second as an unsigned number of 32 bits.
    let mut generator = Mt::new(second as u32);
    let bucket = bucket(candidates);
    loop {
        let index = generator.next_u32() / bucket;
        if index < candidates {
            return Some(index as usize);
        }
    }
}

/// Returns how many consecutive outputs of the generator belong to one candidate.
fn bucket(candidates: u32) -> u32 {
    let exact = u32::MAX % candidates == candidates - 1;
    u32::MAX / candidates + u32::from(exact)
}

/// Returns the Unix second of a clock that differs from `now` by `offset_ms` milliseconds, also before 1970.
pub fn second_at(now: SystemTime, offset_ms: i64) -> i64 {
    let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let since_1970 = match now.duration_since(UNIX_EPOCH) {
        Ok(since) => ms(since),
        // Rounded away from 1970, as the whole milliseconds after it are rounded towards it.
        Err(before) => -ms(before.duration() + Duration::from_nanos(999_999)),
    };
    since_1970.saturating_add(offset_ms).div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the index of two candidates in each second.
    fn indices(seconds: std::ops::RangeInclusive<i64>) -> Vec<usize> {
        seconds.filter_map(|second| index_at(second, 2)).collect()
    }

    #[test]
    fn generator_has_the_first_outputs_of_real_nodes() {
        for (seed, output) in
            [(1_700_000_000, 1_001_043_830), (1_700_000_006, 2_066_262_812), (1_700_000_008, 2_784_821_703)]
        {
            assert_eq!(Mt::new(seed).next_u32(), output, "seed {seed}");
        }
    }

    #[test]
    fn index_of_two_and_three_is_that_of_real_nodes() {
        let of = |count| [1_700_000_000, 1_700_000_006, 1_700_000_008].map(|second| index_at(second, count));
        assert_eq!(of(2), [Some(0), Some(0), Some(1)]);
        assert_eq!(of(3), [Some(0), Some(1), Some(1)]);
    }

    #[test]
    fn index_of_each_second_is_the_one_seen_at_real_nodes() {
        let seen = [0, 0, 0, 1, 1, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(indices(1_795_973_427..=1_795_973_445), seen);
    }

    #[test]
    fn second_is_truncated_to_32_bits() {
        let near = indices(0..=63);
        assert_eq!(indices((1 << 32)..=(1 << 32) + 63), near);
        assert_eq!(indices(-(1 << 32)..=-(1 << 32) + 63), near);
    }

    #[test]
    fn one_candidate_is_chosen_and_none_is_not() {
        assert_eq!((index_at(1, 1), index_at(1, 0)), (Some(0), None));
    }

    #[test]
    fn bucket_divides_all_outputs() {
        assert_eq!([2, 3, 4, 5, u32::MAX].map(bucket), [1 << 31, 0x5555_5555, 1 << 30, 0x3333_3333, 1]);
    }

    #[test]
    fn output_beyond_the_last_bucket_is_drawn_again() {
        // Three buckets leave one output of 2^32. Few candidates hardly ever leave one, so these are many.
        let count = (1 << 31) + 1;
        for second in 0..64 {
            let mut generator = Mt::new(second);
            let outputs: Vec<u32> = (0..64).map(|_| generator.next_u32()).collect();
            let expected = outputs.into_iter().find(|output| *output < count).unwrap();
            assert_eq!(index_at(second.into(), count as usize), Some(expected as usize));
        }
    }

    #[test]
    fn second_follows_the_offset_on_both_sides_of_1970() {
        let at = |ms: u64| UNIX_EPOCH + Duration::from_millis(ms);
        assert_eq!((second_at(at(5999), 0), second_at(at(5999), 1)), (5, 6));
        assert_eq!((second_at(at(5000), -1), second_at(at(0), -1)), (4, -1));
        assert_eq!(second_at(UNIX_EPOCH - Duration::from_nanos(1), 0), -1);
        assert_eq!(second_at(at(5000), i64::MIN).signum(), -1);
    }
}
