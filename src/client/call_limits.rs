//! Limits the calls that a client has accepted and not completed yet, and the bytes of those that it keeps.
//!
//! A call takes one permit when it is accepted and holds it for all its attempts. Bytes that are queued at a
//! connection are limited by that connection.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::error::{Error, ErrorKind, Result};

/// The number of accepted calls and the bytes that they keep, with their limits.
#[derive(Debug)]
pub(crate) struct CallLimits {
    max_calls: usize,
    max_bytes: usize,
    calls: AtomicUsize,
    waiting: AtomicUsize,
    waiting_bytes: AtomicUsize,
    refused: AtomicU64,
}

/// The permit of one accepted call, released when dropped.
#[derive(Debug)]
pub(crate) struct CallPermit<'a> {
    limits: &'a CallLimits,
    /// The bytes of the message while the client itself keeps them.
    waiting: Option<usize>,
}

impl CallLimits {
    pub(crate) fn new(max_calls: usize, max_bytes: usize) -> CallLimits {
        CallLimits {
            max_calls,
            max_bytes,
            calls: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            waiting_bytes: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Accepts a call whose message goes to a connection at once.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Overloaded`] if `max_in_flight` calls are under way.
    pub(crate) fn accept(&self) -> Result<CallPermit<'_>> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        // Dropping it takes the call out again.
        let permit = CallPermit { limits: self, waiting: None };
        if calls >= self.max_calls {
            drop(permit);
            return Err(self.refuse(format!(
                "{calls} calls of this client are under way (max_in_flight): wait for some to complete, or raise the \
                 limit"
            )));
        }
        Ok(permit)
    }

    /// Accepts a call whose message of `bytes` the client keeps until [`CallPermit::release_bytes`].
    ///
    /// # Errors
    /// Returns [`ErrorKind::Overloaded`] if `max_in_flight` calls are under way, or if the messages that the client
    /// keeps would exceed `max_send_bytes`. A message of any size is accepted while the client keeps no other.
    pub(crate) fn accept_waiting(&self, bytes: usize) -> Result<CallPermit<'_>> {
        let mut permit = self.accept()?;
        let held = permit.keep_bytes(bytes);
        if held > 0 && held + bytes > self.max_bytes {
            drop(permit);
            return Err(self.refuse(format!(
                "calls of this client that are not sent yet, or may be retried, keep {held} bytes (max_send_bytes): \
                 wait for some to complete, or raise the limit"
            )));
        }
        Ok(permit)
    }

    fn refuse(&self, text: String) -> Error {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Error::undelivered(ErrorKind::Overloaded, text)
    }

    /// Returns how many calls keep their messages in the client now.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Returns how many calls were refused so far.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl CallPermit<'_> {
    /// Counts the bytes of the message, because the client keeps them for a further attempt. They count in the limit for
    /// other calls; the call itself was accepted. Returns how many bytes the client kept before.
    pub(crate) fn keep_bytes(&mut self, bytes: usize) -> usize {
        if self.waiting.replace(bytes).is_some() {
            return self.limits.waiting_bytes.load(Ordering::Relaxed);
        }
        self.limits.waiting.fetch_add(1, Ordering::Relaxed);
        self.limits.waiting_bytes.fetch_add(bytes, Ordering::Relaxed)
    }

    /// Stops counting the bytes of the message, because a connection counts them from now on.
    pub(crate) fn release_bytes(&mut self) {
        if let Some(bytes) = self.waiting.take() {
            self.limits.waiting.fetch_sub(1, Ordering::Relaxed);
            self.limits.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

impl Drop for CallPermit<'_> {
    fn drop(&mut self) {
        self.release_bytes();
        self.limits.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_beyond_the_limit_are_refused_whatever_their_state() {
        let limits = CallLimits::new(2, 10);
        let first = limits.accept().unwrap();
        let _second = limits.accept_waiting(1).unwrap();
        assert_eq!(limits.accept().unwrap_err().kind(), ErrorKind::Overloaded);
        assert_eq!(limits.accept_waiting(1).unwrap_err().kind(), ErrorKind::Overloaded);
        assert_eq!((limits.waiting(), limits.refused()), (1, 2));
        drop(first);
        limits.accept().unwrap();
    }

    #[test]
    fn bytes_count_until_they_are_released_or_the_call_ends() {
        let limits = CallLimits::new(10, 10);
        let mut large = limits.accept_waiting(50).expect("a message of any size is accepted alone");
        assert!(limits.accept_waiting(1).unwrap_err().message().contains("max_send_bytes"));
        large.release_bytes();
        large.release_bytes();
        (0..2).for_each(|_| _ = large.keep_bytes(50));
        let error = limits.accept_waiting(1).unwrap_err();
        assert!(error.message().contains("keep 50 bytes"), "those of a further attempt count, once: {error}");
        large.release_bytes();
        let both = [limits.accept_waiting(5).unwrap(), limits.accept_waiting(5).unwrap()];
        assert_eq!(limits.accept_waiting(1).unwrap_err().kind(), ErrorKind::Overloaded);
        drop((both, large));
        let left = [&limits.calls, &limits.waiting, &limits.waiting_bytes];
        assert_eq!(left.map(|count| count.load(Ordering::Relaxed)), [0; 3]);
    }
}
