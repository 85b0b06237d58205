//! What waits to be written to one session: bounded, filled by whoever routes a frame there, written by the
//! session's own task in as few records as its client can read.

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

/// How much room for small frames is made at a time: one TLS record.
const TAIL_LEN: usize = 16 * 1024;

/// What a frame has beside its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: MessageType,
    pub(crate) seq: Seq,
    pub(crate) result: i32,
}

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// What is queued is written, then the connection is closed as TLS wants it.
    Close,
    /// What is queued is written, then the connection is cut without a goodbye.
    CutWhenWritten,
    /// Closed at once, whatever is queued.
    Cut,
    /// Closed at once with a TCP reset.
    Reset,
}

/// What the session's task has to obey.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    pub(crate) end: Option<End>,
    /// Its node does nothing for now.
    pub(crate) frozen: bool,
    /// It is neither read nor written for now.
    pub(crate) stalled: bool,
}

/// The bound would be passed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

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
    /// Where small frames are collected.
    tail: BytesMut,
    records: Records,
    one_a_record: bool,
    frames: u64,
    /// All bytes not yet written, those the task has taken included.
    bytes: usize,
    orders: Orders,
    /// Whether the task will look here anyway, because it was or is about to be woken.
    stirred: bool,
}

/// Where records have to end. Bytes that no mark covers may be cut anywhere.
#[derive(Debug, Default)]
struct Records {
    /// Lengths of the leading pieces, each a record (or more, when longer than one) of its own.
    marks: VecDeque<usize>,
    /// The first of them is written in part.
    begun: bool,
    /// Bytes after those.
    loose: usize,
}

impl Outbox {
    /// An empty queue for at most `limit` bytes; a frame that is longer fits when nothing else waits.
    ///
    /// Each frame gets a record of its own until [`Outbox::coalesce`] allows more.
    pub(crate) fn new(limit: usize) -> Outbox {
        Outbox {
            queue: Mutex::new(Queue {
                chunks: VecDeque::new(),
                tail: BytesMut::new(),
                records: Records::default(),
                one_a_record: true,
                frames: 0,
                bytes: 0,
                orders: Orders::default(),
                stirred: false,
            }),
            waker: AtomicWaker::new(),
            limit,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a frame; `keep` gives a long body to share. `Ok(true)` when the task has to be woken.
    ///
    /// # Errors
    /// The bound would be passed; nothing is appended.
    pub(crate) fn push(&self, head: Head, body: &[u8], keep: impl FnOnce() -> Bytes) -> Result<bool, Full> {
        let length = HEADER_LEN + body.len();
        let mut queue = self.lock();
        queue.admit(length, self.limit)?;
        if body.len() < SHARED_LEN {
            queue.make_room(length);
            put_header(&mut queue.tail, head.kind, head.seq, head.result, body.len());
            queue.tail.extend_from_slice(body);
        } else {
            queue.make_room(HEADER_LEN);
            put_header(&mut queue.tail, head.kind, head.seq, head.result, body.len());
            let before = queue.tail.split().freeze();
            queue.chunks.extend([before, keep()]);
        }
        Ok(queue.appended(length))
    }

    /// Appends bytes that needn't be a frame. `Ok(true)` when the task has to be woken.
    ///
    /// # Errors
    /// As [`Outbox::push`].
    pub(crate) fn push_raw(&self, bytes: &[u8]) -> Result<bool, Full> {
        let mut queue = self.lock();
        queue.admit(bytes.len(), self.limit)?;
        queue.tail.extend_from_slice(bytes);
        Ok(queue.appended(bytes.len()))
    }

    /// Whether several frames may share a record from now on.
    pub(crate) fn coalesce(&self, yes: bool) {
        self.lock().one_a_record = !yes;
    }

    /// Gives orders to the session's task and wakes it. An end once ordered stays.
    pub(crate) fn order(&self, change: impl FnOnce(&mut Orders)) {
        change(&mut self.lock().orders);
        self.waker.wake();
    }

    /// Wakes the session's task.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Has the session's task woken through `waker`.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Bytes that are held for this session.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// For the session's task: counts off what it has written, and hands over more when it has nothing left.
    /// Gives the orders and the number of frames handed over.
    pub(crate) fn exchange(&self, writing: &mut Writing) -> (Orders, u64) {
        let mut queue = self.lock();
        let queue = &mut *queue;
        queue.bytes -= std::mem::take(&mut writing.written);
        queue.stirred = false;
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
    fn make_room(&mut self, length: usize) {
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
        if self.one_a_record {
            if self.records.loose > 0 {
                let before = std::mem::take(&mut self.records.loose);
                self.records.marks.push_back(before);
            }
            self.records.marks.push_back(length);
        } else {
            self.records.loose += length;
        }
        !std::mem::replace(&mut self.stirred, true)
    }
}

/// What the session's task has taken to write.
#[derive(Debug, Default)]
pub(crate) struct Writing {
    chunks: VecDeque<Bytes>,
    records: Records,
    /// Not yet counted off the queue.
    written: usize,
}

impl Writing {
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Whether what comes next has to be in a record of its own from its first byte on.
    pub(crate) fn begins_record(&self) -> bool {
        !self.records.marks.is_empty() && !self.records.begun
    }

    /// What one write may hold, as slices; gives how many were filled in.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut room = self.records.marks.front().copied().unwrap_or(self.records.loose);
        let mut used = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            let part = &chunk[..room.min(chunk.len())];
            if part.is_empty() {
                break;
            }
            room -= part.len();
            *slice = IoSlice::new(part);
            used += 1;
        }
        used
    }

    /// The first `count` bytes are written.
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

    /// All writes until nothing is left, each with its length.
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
    fn one_frame_a_record_until_told_otherwise() {
        let outbox = Outbox::new(1 << 20);
        assert_eq!(push(&outbox, b"a"), Ok(true));
        assert_eq!(push(&outbox, b"bc"), Ok(false), "its task is awake already");
        outbox.coalesce(true);
        push(&outbox, b"d").unwrap();
        push(&outbox, b"e").unwrap();
        outbox.coalesce(false);
        push(&outbox, b"fgh").unwrap();
        assert_eq!(drain(&outbox), [43, 44, 86, 45]);
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn a_long_body_is_one_write_with_its_header_and_isnt_copied() {
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
    fn the_bound_counts_what_is_being_written_and_lets_one_long_frame_in() {
        let outbox = Outbox::new(100);
        push(&outbox, &[0; 200]).unwrap();
        assert_eq!(push(&outbox, b""), Err(Full));
        let mut writing = Writing::default();
        outbox.exchange(&mut writing);
        assert_eq!(push(&outbox, b""), Err(Full), "taken isn't written");
        writing.advance(242);
        outbox.exchange(&mut writing);
        push(&outbox, b"").unwrap();
        push(&outbox, b"").unwrap();
        assert_eq!(push(&outbox, b""), Err(Full));
    }
}
