//! Bytes on their way to the node: small frames gathered into few writes, large payloads passed on uncopied.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// Payloads from this size on are not copied into the gathered bytes.
const OWN_SEGMENT_LEN: usize = 4 * 1024;

/// How many pieces one write takes.
pub(crate) const SLICES: usize = 16;

/// What is encoded and not yet written.
#[derive(Default)]
pub(crate) struct Outbox {
    segments: VecDeque<Bytes>,
    tail: BytesMut,
    len: usize,
    written: u64,
}

impl Outbox {
    /// Appends a frame: `head` writes all but the payload.
    pub(crate) fn put(&mut self, head: impl FnOnce(&mut BytesMut), payload: &Bytes) {
        let before = self.tail.len();
        head(&mut self.tail);
        self.len += self.tail.len() - before + payload.len();
        if payload.len() < OWN_SEGMENT_LEN {
            self.tail.extend_from_slice(payload);
        } else {
            self.segments.push_back(self.tail.split().freeze());
            self.segments.push_back(payload.clone());
        }
    }

    /// Bytes not yet written.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes written since the beginning.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Where the next frame will begin, counted like [`Outbox::written`].
    pub(crate) fn position(&self) -> u64 {
        self.written + self.len as u64
    }

    /// The next pieces to write, in order; how many of them are filled.
    pub(crate) fn slices<'a>(&'a mut self, slices: &mut [IoSlice<'a>; SLICES]) -> usize {
        if !self.tail.is_empty() {
            self.segments.push_back(self.tail.split().freeze());
        }
        let mut filled = 0;
        for (slice, segment) in slices.iter_mut().zip(&self.segments) {
            *slice = IoSlice::new(segment);
            filled += 1;
        }
        filled
    }

    /// `count` bytes were written.
    pub(crate) fn advance(&mut self, mut count: usize) {
        self.written += count as u64;
        self.len -= count;
        while count > 0 {
            let Some(first) = self.segments.front_mut() else { break };
            if first.len() > count {
                first.advance(count);
                break;
            }
            count -= first.len();
            self.segments.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_order_in_pieces_of_any_size() {
        let big = Bytes::from(vec![9u8; OWN_SEGMENT_LEN]);
        let mut expected = Vec::new();
        let mut outbox = Outbox::default();
        for n in 0..5u8 {
            outbox.put(|out| out.extend_from_slice(&[n; 3]), &Bytes::from(vec![n; 10]));
            outbox.put(|out| out.extend_from_slice(&[n; 3]), &big);
            expected.extend([n; 13]);
            expected.extend([n; 3]);
            expected.extend_from_slice(&big);
        }
        assert_eq!(outbox.position(), expected.len() as u64);
        let mut seen = Vec::new();
        while !outbox.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = outbox.slices(&mut slices);
            let taken: Vec<u8> =
                slices[..filled].iter().flat_map(|slice| slice.iter().copied()).take(1000).collect();
            outbox.advance(taken.len());
            seen.extend(taken);
        }
        assert_eq!(seen, expected);
        assert_eq!(outbox.written(), expected.len() as u64);
    }

    #[test]
    fn small_frames_are_gathered_and_large_payloads_not_copied() {
        let mut outbox = Outbox::default();
        for _ in 0..100 {
            outbox.put(|out| out.extend_from_slice(b"head"), &Bytes::from_static(b"payload"));
        }
        let big = Bytes::from(vec![1u8; 100_000]);
        outbox.put(|out| out.extend_from_slice(b"head"), &big);
        let mut slices = [IoSlice::new(&[]); SLICES];
        assert_eq!(outbox.slices(&mut slices), 2);
        assert_eq!(slices[1].as_ptr(), big.as_ptr());
    }
}
