//! How many frames go into each write, so that their mean is a given one.

/// Whole numbers whose mean is the given one, as even as can be: 2.5 is 2, 3, 2, 3 ...
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bursts {
    mean: f64,
    owed: f64,
}

impl Bursts {
    /// At least one frame goes into a write.
    pub(crate) fn new(mean: f64) -> Bursts {
        Bursts { mean: mean.max(1.0), owed: 0.0 }
    }
}

impl Iterator for Bursts {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.owed += self.mean;
        let burst = self.owed.floor();
        self.owed -= burst;
        Some(burst as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_kept() {
        assert_eq!(Bursts::new(2.5).take(4).collect::<Vec<_>>(), [2, 3, 2, 3]);
        assert_eq!(Bursts::new(0.2).take(2).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(Bursts::new(7.25).take(1000).sum::<u64>(), 7250);
    }
}
