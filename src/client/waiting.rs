//! Calls that are in flight nowhere, because they wait for a better moment: bounded like those that are.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, ErrorKind, Result};

/// How many there are, and how many bytes they hold.
#[derive(Debug)]
pub(crate) struct Waiting {
    max_calls: usize,
    max_bytes: usize,
    calls: AtomicUsize,
    bytes: AtomicUsize,
}

/// A place among them; given back when dropped.
pub(crate) struct Place<'a> {
    waiting: &'a Waiting,
    bytes: usize,
}

impl Waiting {
    pub(crate) fn new(max_calls: usize, max_bytes: usize) -> Waiting {
        Waiting { max_calls, max_bytes, calls: AtomicUsize::new(0), bytes: AtomicUsize::new(0) }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// OVERLOADED: too many wait already.
    pub(crate) fn enter(&self, bytes: usize) -> Result<Place<'_>> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        let held = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let place = Place { waiting: self, bytes };
        // A message of any size may wait alone.
        if calls >= self.max_calls || (calls > 0 && held + bytes > self.max_bytes) {
            drop(place);
            let text = format!(
                "{calls} calls with {held} bytes wait already (max_in_flight, max_send_bytes): wait for some to end, or \
                 raise the bounds"
            );
            return Err(Error::undelivered(ErrorKind::Overloaded, text));
        }
        Ok(place)
    }

    /// How many wait now.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiting.calls.fetch_sub(1, Ordering::Relaxed);
        self.waiting.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bounds_are_kept_and_places_given_back() {
        let waiting = Waiting::new(2, 10);
        let large = waiting.enter(50).unwrap();
        assert_eq!(waiting.enter(1).err().unwrap().kind(), ErrorKind::Overloaded, "bytes");
        drop(large);
        let places = [waiting.enter(5).unwrap(), waiting.enter(5).unwrap()];
        assert_eq!(waiting.enter(0).err().unwrap().kind(), ErrorKind::Overloaded, "calls");
        assert_eq!(waiting.calls(), 2);
        drop(places);
        assert_eq!((waiting.calls(), waiting.bytes.load(Ordering::Relaxed)), (0, 0));
    }
}
