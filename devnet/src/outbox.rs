//! The bounded queue of frames for one session. Any task may append frames; the session's own task writes them, in as
//! few TLS records as its client can read.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use amop::protocol::Seq;
use amop::protocol::channel::MessageType;
use amop::protocol::channel::frame::{HEADER_LEN, put_header};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::task::AtomicWaker;

/// Bodies from this size on are shared between those they go to, smaller ones are copied.
pub(crate) const SHARED_LEN: usize = 32 * 1024;

/// The capacity that is reserved for small frames at a time: one TLS record.
const TAIL_LEN: usize = 16 * 1024;

/// The header fields of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: MessageType,
    pub(crate) seq: Seq,
    pub(crate) result: i32,
}

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The queued frames are written, then the connection is closed with a `close_notify`.
    Close,
    /// The queued frames are written, then the connection is closed without a `close_notify`.
    CutWhenWritten,
    /// The connection is closed immediately. Queued frames are dropped.
    Cut,
    /// The connection is closed immediately with a TCP reset.
    Reset,
}

/// The orders to a session's task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    pub(crate) end: Option<End>,
    /// Whether the session's node is frozen.
    pub(crate) frozen: bool,
    /// Whether the session is stalled: neither read nor written.
    pub(crate) stalled: bool,
}

/// The error of a queue without capacity for a frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// The queue of one session.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    waker: AtomicWaker,
    limit: usize,
}

#[derive(Debug)]
struct Queue {
    /// In order, before `tail`.
    chunks: VecDeque<Bytes>,
    /// The buffer in which small frames are collected.
    tail: BytesMut,
    records: Records,
    one_per_record: bool,
    frames: u64,
    /// The number of bytes that are not written yet, including those that the task has taken.
    bytes: usize,
    orders: Orders,
    /// Whether the task was woken, or is about to be, since it last took frames.
    woken: bool,
}

/// Where TLS records have to end. Bytes beyond the last mark may be divided anywhere.
#[derive(Debug, Default)]
struct Records {
    /// The lengths of the leading pieces. Each piece begins a new record and may need several.
    marks: VecDeque<usize>,
    /// Whether the first piece is partly written.
    begun: bool,
    /// The number of bytes after the marked pieces.
    loose: usize,
}

impl Outbox {
    /// Returns an empty queue for at most `limit` bytes. An empty queue also accepts a longer frame.
    ///
    /// Each frame gets its own record until [`Outbox::coalesce`] allows more.
    pub(crate) fn new(limit: usize) -> Outbox {
        Outbox {
            queue: Mutex::new(Queue {
                chunks: VecDeque::new(),
                tail: BytesMut::new(),
                records: Records::default(),
                one_per_record: true,
                frames: 0,
                bytes: 0,
                orders: Orders::default(),
                woken: false,
            }),
            waker: AtomicWaker::new(),
            limit,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a frame. `keep` returns the body as shared bytes, for a long body. Returns whether the task has to be
    /// woken.
    ///
    /// # Errors
    /// Returns [`Full`] if the limit would be exceeded. Nothing is appended then.
    pub(crate) fn push(&self, head: Head, body: &[u8], keep: impl FnOnce() -> Bytes) -> Result<bool, Full> {
        let put_head = |out: &mut BytesMut| put_header(out, head.kind, head.seq, head.result, body.len());
        self.push_framed(HEADER_LEN, put_head, body, keep)
    }

    /// Appends a frame of any protocol: `put_head` writes the `head_len` bytes before the body. As [`Outbox::push`].
    pub(crate) fn push_framed(
        &self,
        head_len: usize,
        put_head: impl FnOnce(&mut BytesMut),
        body: &[u8],
        keep: impl FnOnce() -> Bytes,
    ) -> Result<bool, Full> {
        let length = head_len + body.len();
        let mut queue = self.lock();
        queue.admit(length, self.limit)?;
        if body.len() < SHARED_LEN {
            queue.reserve(length);
            put_head(&mut queue.tail);
            queue.tail.extend_from_slice(body);
        } else {
            queue.reserve(head_len);
            put_head(&mut queue.tail);
            let before = queue.tail.split().freeze();
            queue.chunks.extend([before, keep()]);
        }
        Ok(queue.appended(length))
    }

    /// Appends bytes that need not be a frame. Returns whether the task has to be woken.
    ///
    /// # Errors
    /// Returns [`Full`] if the limit would be exceeded. Nothing is appended then.
    pub(crate) fn push_raw(&self, bytes: &[u8]) -> Result<bool, Full> {
        let mut queue = self.lock();
        queue.admit(bytes.len(), self.limit)?;
        queue.tail.extend_from_slice(bytes);
        Ok(queue.appended(bytes.len()))
    }

    /// Sets whether several frames may share a record from now on.
    pub(crate) fn coalesce(&self, yes: bool) {
        self.lock().one_per_record = !yes;
    }

    /// Changes the orders to the session's task and wakes it.
    pub(crate) fn order(&self, change: impl FnOnce(&mut Orders)) {
        change(&mut self.lock().orders);
        self.waker.wake();
    }

    /// Wakes the session's task.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Sets the waker of the session's task.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Returns the number of bytes that are queued for this session.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Releases the bytes that the session's task has written, and passes it the queued frames if it has no others to
    /// write. Returns the orders and the number of frames passed.
    pub(crate) fn exchange(&self, writing: &mut Writing) -> (Orders, u64) {
        let mut queue = self.lock();
        let queue = &mut *queue;
        queue.bytes -= std::mem::take(&mut writing.written);
        queue.woken = false;
        if !writing.is_empty() {
            return (queue.orders, 0);
        }
        std::mem::swap(&mut writing.chunks, &mut queue.chunks);
        if !queue.tail.is_empty() {
            writing.chunks.push_back(queue.tail.split().freeze());
        }
        std::mem::swap(&mut writing.records, &mut queue.records);
        (queue.orders, std::mem::take(&mut queue.frames))
    }
}

impl Queue {
    fn reserve(&mut self, length: usize) {
        if self.tail.capacity() - self.tail.len() < length {
            self.tail.reserve(length.max(TAIL_LEN));
        }
    }

    fn admit(&self, length: usize, limit: usize) -> Result<(), Full> {
        if self.bytes > 0 && self.bytes + length > limit { Err(Full) } else { Ok(()) }
    }

    fn appended(&mut self, length: usize) -> bool {
        self.bytes += length;
        self.frames += 1;
        if self.one_per_record {
            if self.records.loose > 0 {
                let before = std::mem::take(&mut self.records.loose);
                self.records.marks.push_back(before);
            }
            self.records.marks.push_back(length);
        } else {
            self.records.loose += length;
        }
        !std::mem::replace(&mut self.woken, true)
    }
}

/// The frames that the session's task is writing.
#[derive(Debug, Default)]
pub(crate) struct Writing {
    chunks: VecDeque<Bytes>,
    records: Records,
    /// The number of bytes written and not yet released in the queue.
    written: usize,
}

impl Writing {
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Returns whether the next byte has to begin a new record.
    pub(crate) fn begins_record(&self) -> bool {
        !self.records.marks.is_empty() && !self.records.begun
    }

    /// Fills `slices` with the bytes that one write may contain. Returns how many slices are used.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut capacity = self.records.marks.front().copied().unwrap_or(self.records.loose);
        let mut used = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            let part = &chunk[..capacity.min(chunk.len())];
            if part.is_empty() {
                break;
            }
            capacity -= part.len();
            *slice = IoSlice::new(part);
            used += 1;
        }
        used
    }

    /// Removes the first `count` bytes, which are written.
    pub(crate) fn advance(&mut self, count: usize) {
        self.written += count;
        match self.records.marks.front_mut() {
            Some(mark) => {
                *mark -= count;
                self.records.begun = *mark > 0;
                if *mark == 0 {
                    self.records.marks.pop_front();
                }
            }
            None => self.records.loose -= count,
        }
        let mut left = count;
        while let Some(chunk) = self.chunks.front_mut() {
            if chunk.len() > left {
                chunk.advance(left);
                break;
            }
            left -= chunk.len();
            self.chunks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Head = Head { kind: MessageType::Request, seq: Seq::new([b'0'; 32]), result: 0 };

    fn push(outbox: &Outbox, body: &[u8]) -> Result<bool, Full> {
        outbox.push(HEAD, body, || Bytes::copy_from_slice(body))
    }

    /// Writes until the queue is empty. Returns the length of each write.
    fn drain(outbox: &Outbox) -> Vec<usize> {
        let (mut writing, mut writes) = (Writing::default(), Vec::new());
        loop {
            outbox.exchange(&mut writing);
            if writing.is_empty() {
                return writes;
            }
            let mut slices = [IoSlice::new(&[]); 16];
            let used = writing.slices(&mut slices);
            let length = slices[..used].iter().map(|slice| slice.len()).sum();
            writes.push(length);
            writing.advance(length);
        }
    }

    #[test]
    fn frames_share_records_only_if_coalesced() {
        let outbox = Outbox::new(1 << 20);
        assert_eq!(push(&outbox, b"a"), Ok(true));
        assert_eq!(push(&outbox, b"bc"), Ok(false), "the task was woken before");
        outbox.coalesce(true);
        push(&outbox, b"d").unwrap();
        push(&outbox, b"e").unwrap();
        outbox.coalesce(false);
        push(&outbox, b"fgh").unwrap();
        assert_eq!(drain(&outbox), [43, 44, 86, 45]);
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn long_body_is_written_with_its_header_uncopied() {
        let outbox = Outbox::new(1 << 20);
        let body = Bytes::from(vec![7; 40_000]);
        outbox.push(HEAD, &body, || body.clone()).unwrap();
        let mut writing = Writing::default();
        outbox.exchange(&mut writing);
        assert_eq!(writing.chunks[1].as_ptr(), body.as_ptr());
        let mut slices = [IoSlice::new(&[]); 16];
        assert_eq!(writing.slices(&mut slices), 2);
        writing.advance(40_042);
        assert!(writing.is_empty());
    }

    #[test]
    fn limit_counts_unwritten_bytes_and_admits_one_long_frame() {
        let outbox = Outbox::new(100);
        push(&outbox, &[0; 200]).unwrap();
        assert_eq!(push(&outbox, b""), Err(Full));
        let mut writing = Writing::default();
        outbox.exchange(&mut writing);
        assert_eq!(push(&outbox, b""), Err(Full), "bytes that the task has taken are not written yet");
        writing.advance(242);
        outbox.exchange(&mut writing);
        push(&outbox, b"").unwrap();
        push(&outbox, b"").unwrap();
        assert_eq!(push(&outbox, b""), Err(Full));
    }
}
