//! The number of frames in each write, for a given mean.

/// Whole numbers with a given mean and the smallest possible differences: 2.5 gives 2, 3, 2, 3 ...
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bursts {
    mean: f64,
    remainder: f64,
}

impl Bursts {
    /// Returns numbers with this mean, or 1 if it is smaller.
    pub(crate) fn new(mean: f64) -> Bursts {
        Bursts { mean: mean.max(1.0), remainder: 0.0 }
    }
}

impl Iterator for Bursts {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.remainder += self.mean;
        let burst = self.remainder.floor();
        self.remainder -= burst;
        Some(burst as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_keep_the_mean() {
        assert_eq!(Bursts::new(2.5).take(4).collect::<Vec<_>>(), [2, 3, 2, 3]);
        assert_eq!(Bursts::new(0.2).take(2).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(Bursts::new(7.25).take(1000).sum::<u64>(), 7250);
    }
}
