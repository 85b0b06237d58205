//! The buffer behind the readers of both generations: bytes of the connection go in, whole frames are lent from it.

use bytes::{Buf, Bytes, BytesMut};

/// The size of the buffer. A longer frame gets a buffer of its own size, into which nothing else is read.
pub const READ_CHUNK: usize = 64 * 1024;

/// The size from which a frame keeps the buffer that it was read into. Smaller ones are copied when kept, so that a kept
/// message never pins a buffer much larger than itself.
pub(crate) const OWN_BUFFER_LEN: usize = READ_CHUNK / 2;

/// Bytes that have arrived, and the frame that was taken last.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer {
    buffer: BytesMut,
    /// Bytes of the frame taken last, still in front of the buffer.
    used: usize,
    /// The frame taken last, if it is large.
    large: Bytes,
}

impl ReadBuffer {
    /// Releases the frame taken last and returns the buffer for the next bytes. It always has spare capacity.
    ///
    /// `length` is that of the frame at the start of the unread bytes, 0 if it is not known.
    pub(crate) fn for_next(&mut self, length: usize) -> &mut BytesMut {
        self.release();
        let begun = self.buffer.len();
        let whole = match length.max(READ_CHUNK) {
            whole if whole > begun => whole,
            _ => begun + READ_CHUNK,
        };
        // The rest of the frame, and no tiny reads.
        let least = length.saturating_sub(begun).max(READ_CHUNK / 4).min(whole - begun);
        let spare = self.buffer.capacity() - begun;
        if spare < least && !(whole == READ_CHUNK && self.buffer.try_reclaim(whole - begun)) {
            let mut fresh = BytesMut::with_capacity(whole);
            fresh.extend_from_slice(&self.buffer);
            self.buffer = fresh;
        }
        &mut self.buffer
    }

    /// Returns the bytes that have arrived after the frame taken last.
    pub(crate) fn unread(&self) -> &[u8] {
        self.buffer.get(self.used..).unwrap_or_default()
    }

    /// As [`ReadBuffer::unread`], to change them in place.
    pub(crate) fn unread_mut(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.used..).unwrap_or_default()
    }

    /// Releases the frame taken last, and takes the next `length` bytes, which have arrived.
    pub(crate) fn take(&mut self, length: usize) {
        self.release();
        if length < OWN_BUFFER_LEN {
            self.used = length;
            return;
        }
        self.large = self.buffer.split_to(length).freeze();
        if length > READ_CHUNK {
            // Once nothing shares this frame, the buffer would take its memory back, and short frames would pin that.
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
    }

    /// Returns the frame taken last, empty if it was released, and the buffer that holds nothing else if it is large.
    pub(crate) fn taken(&self) -> (&[u8], Option<&Bytes>) {
        match self.large.is_empty() {
            true => (self.buffer.get(..self.used).unwrap_or_default(), None),
            false => (&self.large, Some(&self.large)),
        }
    }

    /// Releases the frame taken last.
    pub(crate) fn release(&mut self) {
        self.buffer.advance(std::mem::take(&mut self.used));
        if !self.large.is_empty() {
            self.large = Bytes::new();
        }
    }

    /// Discards up to `count` of the unread bytes, of which no frame may be taken, and returns how many there were.
    pub(crate) fn discard(&mut self, count: usize) -> usize {
        let arrived = count.min(self.buffer.len());
        self.buffer.advance(arrived);
        arrived
    }
}
