//! Completion queues. Completions that are read: by any thread, or by an event loop through the file descriptor of the
//! queue. A queue may be used for several clients; tags identify the calls. A queue with a callback passes them on instead,
//! on a thread of its own.

use std::collections::VecDeque;
use std::ffi::{c_char, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};

use amop::{Process, Result};

use crate::argument::invalid_argument;
use crate::boundary::{Miss, guard};
use crate::call::{amop_call, give};
use crate::callback::Context;
use crate::callback_thread::{Callback, CallbackThread};
use crate::client::amop_client;
use crate::completion::{Slot, Slots, Tag, amop_completion, amop_completion_callback};
use crate::error::amop_error;
use crate::inbox::{Inbox, Source};
use crate::macros::{borrow, out, out_optional, places, take};
use crate::publish::{amop_publish_options, broadcast, publish};
use crate::status::amop_status;
use crate::unwind::guard_or;

/// A queue of completions. Its functions may be called from any number of threads at once.
pub struct amop_completion_queue {
    process: Process,
    slots: Slots,
    kind: Kind,
}

enum Kind {
    /// Read with `_next`.
    Pulled { queue: Arc<Queue>, inbox: Inbox<Reader> },
    /// Passed to a callback.
    Called { callback: Arc<Callback>, thread: CallbackThread },
}

/// The state that calls in flight share with the reader.
#[derive(Default)]
struct Queue(Mutex<State>);

#[derive(Default)]
struct State {
    completions: VecDeque<(amop_completion, Slot)>,
    waker: Option<Waker>,
    /// The reader was dropped; further completions are dropped, too.
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

/// The end of the queue from which completions are read.
struct Reader(Arc<Queue>);

impl Source for Reader {
    type Item = amop_completion;
    const NAME: &'static str = "completions";
    const ENDED: &'static str = "the queue has ended";

    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<amop_completion>> {
        let mut state = self.0.lock();
        match state.completions.pop_front() {
            Some((completion, _slot)) => Poll::Ready(Some(completion)),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
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

/// Where a completion goes.
enum End {
    Queue(Arc<Queue>),
    Thread(Arc<Callback>, CallbackThread),
}

/// The default capacity of a queue: as many calls as may be in flight on one connection.
const MOST: usize = 65_536;

impl amop_completion_queue {
    /// Returns the function that a call runs when it completes. It queues the completion.
    pub(crate) fn done<T, C>(
        &self,
        tag: *mut c_void,
        completion: C,
    ) -> Result<impl FnOnce(Result<T>) + Send + 'static + use<T, C>>
    where
        C: FnOnce(Result<T>, Tag) -> amop_completion + Send + 'static,
    {
        self.process.check()?;
        let (slot, tag) = (self.slots.take()?, Tag(tag));
        let end = match &self.kind {
            Kind::Pulled { queue, .. } => End::Queue(queue.clone()),
            Kind::Called { callback, thread } => End::Thread(callback.clone(), thread.clone()),
        };
        Ok(move |outcome: Result<T>| match end {
            End::Queue(queue) => queue.push(completion(outcome, tag), slot),
            End::Thread(callback, thread) => {
                let completion = completion(outcome, tag);
                thread.run(move || {
                    callback.run(&completion);
                    drop((completion, slot, callback));
                });
            }
        })
    }

    fn inbox(&self) -> Result<&Inbox<Reader>> {
        match &self.kind {
            Kind::Pulled { inbox, .. } => Ok(inbox),
            Kind::Called { .. } => {
                Err(invalid_argument("the completions of this queue are passed to its callback"))
            }
        }
    }
}

/// Creates an empty queue with a capacity of `max` calls that are in flight or whose completions have not been read;
/// 0 stands for 65,536.
///
/// - Ownership: the queue is owned by the caller; free it with amop_completion_queue_free.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn amop_completion_queue_new(max: usize) -> *mut amop_completion_queue {
    guard_or!(std::ptr::null_mut(), {
        let queue = Arc::new(Queue::default());
        let slots = Slots::new(if max == 0 { MOST } else { max });
        let inbox = Inbox::new(Reader(queue.clone()));
        let kind = Kind::Pulled { queue, inbox };
        Box::into_raw(Box::new(amop_completion_queue { process: Process::current(), slots, kind }))
    })
}

/// Creates a queue that passes its completions to a callback, one after the other, on a thread that runs nothing else.
/// Other callbacks do not delay it, so that they may wait for what it signals, such as a future.
///
/// - Ownership: the context of the callback is owned by the library until `drop`, which is called after the queue was freed
///   and the last call in flight has completed. `*queue` is owned by the caller; free it with amop_completion_queue_free.
/// - Threads: any thread, including callbacks. Never waits.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT; _RUNTIME if the thread can't be started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_queue_new_callback(
    max: usize,
    callback: amop_completion_callback,
    queue: *mut *mut amop_completion_queue,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let context = Context::new(callback.context, callback.drop);
        let out = out!(queue)?;
        let slots = Slots::new(if max == 0 { MOST } else { max });
        let callback = Arc::new(Callback::new(callback, context)?);
        let kind = Kind::Called { callback, thread: CallbackThread::start()? };
        out.give(amop_completion_queue { process: Process::current(), slots, kind });
        Ok(())
    })
}

/// Starts a publish. Its completion is put into a queue.
///
/// - Ownership: `topic`, `data` and `options` (may be NULL) are borrowed. `tag` is returned with the completion and
///   never dereferenced. `*call` is owned by the caller; free it with amop_call_free. `call` may be NULL. The queue
///   may be freed before the call has completed.
/// - Threads: any thread, including callbacks. Never waits. The call completes within `timeout_ms` (0: the call
///   timeout of the client).
/// - Errors: errors that are known at once; nothing is put into the queue then. As amop_client_publish_async;
///   _OVERLOADED also if the queue is full.
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
        // SAFETY: the caller meets what the header demands of this function.
        let publish = unsafe { publish(client, topic, data, len, options, timeout_ms) }?;
        let done = borrow!(queue)?.done(tag, amop_completion::of_publish)?;
        give(publish.start(done)?, out);
        Ok(())
    })
}

/// Starts a broadcast. Its completion is put into a queue.
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
        // SAFETY: the caller meets what the header demands of this function.
        let broadcast = unsafe { broadcast(client, topic, data, len, options, timeout_ms) }?;
        let done = borrow!(queue)?.done(tag, amop_completion::of_end)?;
        give(broadcast.start(done)?, out);
        Ok(())
    })
}

/// Stores the next completion in `*completion`. Waits up to `timeout_ms` for it; 0 does not wait.
///
/// - Threads: any thread, including callbacks. If several threads call it at once, each completion goes to one of
///   them.
/// - Errors: AMOP_ERROR_TIMEOUT if no call completed; AMOP_ERROR_INVALID_ARGUMENT, also if the completions are passed to
///   a callback; _FORKED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn amop_completion_queue_next(
    queue: *const amop_completion_queue,
    timeout_ms: u64,
    completion: *mut *mut amop_completion,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, Miss, {
        let out = out!(completion)?;
        let mut next = None;
        borrow!(queue)?.inbox()?.next(timeout_ms, 1, |completion| next = Some(completion))?;
        if let Some(completion) = next {
            out.give(completion);
        }
        Ok(())
    })
}

/// Stores up to `max` completions in order. Waits up to `timeout_ms` for the first one, but not for more.
///
/// - Ownership: `completions` has space for `max` pointers, of which the first `*count` are set. Each completion is
///   owned by the caller; free it with amop_completion_free.
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
    guard!(error, Miss, {
        let out = out!(count)?;
        let queue = borrow!(queue)?;
        let mut places = places!(completions, max)?;
        out.set(queue.inbox()?.next(timeout_ms, max, |completion| places.give(completion))?);
        Ok(())
    })
}

/// Stores a file descriptor in `*fd` that is readable while amop_completion_queue_next would not wait, see
/// amop_subscription_fd.
///
/// - Ownership: `*fd` is owned by the library, which closes it when the queue is freed. Do not read from it or close
///   it.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT; _RUNTIME if the process has no descriptor left; _UNSUPPORTED on systems
///   other than Unix; _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_queue_fd(
    queue: *const amop_completion_queue,
    fd: *mut i32,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(fd)?;
        out.set(borrow!(queue)?.inbox()?.descriptor()?);
        Ok(())
    })
}

/// Frees a queue. Calls in flight continue; their completions are discarded, or still passed to the callback of the queue.
///
/// - Ownership: `queue` is freed, with the completions in it; NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_queue_free(queue: *mut amop_completion_queue) {
    guard_or!((), { drop(take!(queue)) })
}
