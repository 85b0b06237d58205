//! Completion queues. Where completions are read instead of called back: by any thread, or by an event loop through
//! the queue's file descriptor. One queue may serve many clients; the tag tells the calls apart.

use std::collections::VecDeque;
use std::ffi::{c_char, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use amop::{Process, Result};

use crate::boundary::{borrow, guard, out, out_optional, places, take};
use crate::call::{Slot, Slots, Tag, amop_call, amop_completion, give};
use crate::client::amop_client;
use crate::error::amop_error;
use crate::inbox::{Inbox, Source};
use crate::publish::{amop_publish_options, broadcast, publish};
use crate::status::amop_status;

/// A queue of completions. Its functions may be used from many threads at once.
pub struct amop_completion_queue {
    process: Process,
    slots: Slots,
    queue: Arc<Queue>,
    inbox: Inbox<Reader>,
}

/// What calls under way and the reader share.
#[derive(Default)]
struct Queue(Mutex<State>);

#[derive(Default)]
struct State {
    completions: VecDeque<(amop_completion, Slot)>,
    waker: Option<Waker>,
    /// The reader is gone: what comes now is dropped.
    closed: bool,
}

impl Queue {
    fn push(&self, completion: amop_completion, slot: Slot) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        state.completions.push_back((completion, slot));
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reader's end.
struct Reader(Arc<Queue>);

impl Source for Reader {
    type Item = amop_completion;
    const NAME: &'static str = "completions";

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<amop_completion>> {
        let mut state = self.0.lock();
        match state.completions.pop_front() {
            Some((completion, _slot)) => Poll::Ready(Some(completion)),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if !state.completions.is_empty() {
            return Poll::Ready(());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        let unread = std::mem::take(&mut state.completions);
        drop(state);
        drop(unread);
    }
}

/// What a queue holds unless told otherwise: as many as calls may be in flight on one connection.
const MOST: usize = 65_536;

impl amop_completion_queue {
    /// What a call that completes is to do.
    fn done<T, C>(
        &self,
        tag: *mut c_void,
        completion: C,
    ) -> Result<impl FnOnce(Result<T>) + Send + 'static + use<T, C>>
    where
        C: FnOnce(Result<T>, Tag) -> amop_completion + Send + 'static,
    {
        self.inbox.check_fork()?;
        let (slot, queue, tag) = (self.slots.take()?, self.queue.clone(), Tag(tag));
        Ok(move |outcome: Result<T>| queue.push(completion(outcome, tag), slot))
    }
}

/// An empty queue, for up to `max` calls that are under way or whose completions haven't been read; 0 takes 65,536.
///
/// - Ownership: the queue is the caller's, for amop_completion_queue_free.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn amop_completion_queue_new(max: usize) -> *mut amop_completion_queue {
    guard!(or std::ptr::null_mut(), {
        let queue = Arc::new(Queue::default());
        let slots = Slots::new(if max == 0 { MOST } else { max });
        let inbox = Inbox::new(Reader(queue.clone()));
        Box::into_raw(Box::new(amop_completion_queue { process: Process::current(), slots, queue, inbox }))
    })
}

/// Starts a publish; its completion goes into a queue.
///
/// - Ownership: `topic`, `data` and `options` (may be NULL) are borrowed. `tag` is handed back with the
///   completion, and never followed. `*call` is the caller's, for amop_call_free; `call` may be NULL. The queue may
///   be freed before the call has ended.
/// - Threads: any, callbacks too; never waits. The call ends by `timeout_ms` (0: the client's call timeout).
/// - Errors: those that are known at once, and then nothing comes through the queue: as
///   amop_client_publish_async, _OVERLOADED also when the queue has no room for one more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_publish_queued(
    client: *const amop_client,
    topic: *const c_char,
    data: *const c_void,
    len: usize,
    options: *const amop_publish_options,
    timeout_ms: u64,
    queue: *const amop_completion_queue,
    tag: *mut c_void,
    call: *mut *mut amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out_optional!(call);
        // SAFETY: what the header demands of this function.
        let publish = unsafe { publish(client, topic, data, len, options, timeout_ms) }?;
        let done = borrow!(queue)?.done(tag, amop_completion::of_publish)?;
        give(publish.start(done)?, out);
        Ok(())
    })
}

/// Starts a broadcast; its completion goes into a queue.
///
/// - Ownership: as amop_client_publish_queued.
/// - Threads: as amop_client_publish_queued.
/// - Errors: as amop_client_publish_queued.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_broadcast_queued(
    client: *const amop_client,
    topic: *const c_char,
    data: *const c_void,
    len: usize,
    options: *const amop_publish_options,
    timeout_ms: u64,
    queue: *const amop_completion_queue,
    tag: *mut c_void,
    call: *mut *mut amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out_optional!(call);
        // SAFETY: what the header demands of this function.
        let broadcast = unsafe { broadcast(client, topic, data, len, options, timeout_ms) }?;
        let done = borrow!(queue)?.done(tag, amop_completion::of_broadcast)?;
        give(broadcast.start(done)?, out);
        Ok(())
    })
}

/// The next completion. Waits up to `timeout_ms` for one; 0 doesn't wait.
///
/// - Ownership: `*completion` is the caller's, for amop_completion_free.
/// - Threads: any, also several at once: each completion goes to one of them. Waits in callbacks too.
/// - Errors: AMOP_ERROR_TIMEOUT when none came; AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_queue_next(
    queue: *const amop_completion_queue,
    timeout_ms: u64,
    completion: *mut *mut amop_completion,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(completion)?;
        let mut next = None;
        borrow!(queue)?.inbox.next(timeout_ms, 1, |completion| next = Some(completion))?;
        if let Some(completion) = next {
            out.give(completion);
        }
        Ok(())
    })
}

/// The next completions, up to `max`. Waits up to `timeout_ms` for the first; takes what is there then.
///
/// - Ownership: `completions` has room for `max` pointers, of which the first `*count` are set; each completion is
///   the caller's, for amop_completion_free.
/// - Threads: as amop_completion_queue_next.
/// - Errors: as amop_completion_queue_next; then `*count` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_queue_next_many(
    queue: *const amop_completion_queue,
    timeout_ms: u64,
    completions: *mut *mut amop_completion,
    max: usize,
    count: *mut usize,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(count)?;
        let queue = borrow!(queue)?;
        let mut places = places!(completions, max)?;
        out.set(queue.inbox.next(timeout_ms, max, |completion| places.give(completion))?);
        Ok(())
    })
}

/// A file descriptor that is readable while amop_completion_queue_next would not wait, see amop_subscription_fd.
///
/// - Ownership: `*fd` is the library's, which closes it with the queue: don't read from it, don't close it.
/// - Threads: any, callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _RUNTIME when the process has no descriptor left, _UNSUPPORTED where there
///   are none, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_queue_fd(
    queue: *const amop_completion_queue,
    fd: *mut i32,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(fd)?;
        out.set(borrow!(queue)?.inbox.descriptor()?);
        Ok(())
    })
}

/// Frees a queue. Calls that are under way go on; their completions are dropped.
///
/// - Ownership: `queue` is gone, with what wasn't read; NULL is fine.
/// - Threads: any, callbacks too.
/// - Errors: none. In the child of a fork the memory is left alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_queue_free(queue: *mut amop_completion_queue) {
    guard!(or(), { drop(take!(queue)) })
}
