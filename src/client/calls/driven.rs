//! The calls that one task of the client drives.
//!
//! A call is polled by the thread that starts it, and from then on by the task. It is its own waker: a wake puts it into a
//! queue, and only the first call in the queue wakes the task, which then polls all of them. So the calls that one read
//! of a connection answers cost one wake-up.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use slab::Slab;

use super::done::{Cancel, Done, Sending, is_refusal};
use crate::error::{Delivery, Result};
use crate::session;

/// Batches of calls before other tasks get their turn.
const ROUNDS: usize = 8;

/// The calls in flight, and those of them that can make progress.
#[derive(Default)]
pub(super) struct Driven {
    state: Mutex<State>,
    /// The task has ended. Set with the state locked.
    ended: AtomicBool,
}

#[derive(Default)]
struct State {
    /// The calls in flight. A call refers to its wakers and they to it, so that this is what drops calls which nothing
    /// wakes any more.
    calls: Slab<Arc<dyn Step>>,
    ready: VecDeque<Arc<dyn Step>>,
    /// The waker of the task while it waits.
    waker: Option<Waker>,
    /// No more calls are started.
    closed: bool,
}

/// A call that the task drives.
trait Step: Send + Sync {
    /// Polls the call. If it has ended, completes it and returns true.
    fn step(self: Arc<Self>) -> bool;

    /// Returns its index among the calls in flight.
    fn place(&self) -> usize;

    /// Drops the call. One that has not ended completes with CLOSED.
    fn abandon(&self);
}

impl Driven {
    /// Returns whether the task has ended, so that no call makes progress.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Ends the task when the last call has completed.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Polls calls as they can make progress, until no more are started and the last has completed.
    pub(super) async fn drive(self: Arc<Self>) {
        // The runtime may drop this future at any time.
        let end = End(self);
        let mut batch = VecDeque::new();
        poll_fn(|cx| end.0.poll(cx, &mut batch)).await;
    }

    fn poll(&self, cx: &mut Context<'_>, batch: &mut VecDeque<Arc<dyn Step>>) -> Poll<()> {
        for _ in 0..ROUNDS {
            {
                let mut state = self.lock();
                if state.ready.is_empty() {
                    if state.closed && state.calls.is_empty() {
                        return Poll::Ready(());
                    }
                    state.waker = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                std::mem::swap(&mut state.ready, batch);
            }
            while let Some(call) = batch.pop_front() {
                let place = call.place();
                if call.step() {
                    self.remove(place);
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Removes a call that has ended. The task ends with the last one if no more are started.
    fn remove(&self, place: usize) {
        let mut state = self.lock();
        let ended = state.calls.try_remove(place);
        let waker = if state.closed && state.calls.is_empty() { state.waker.take() } else { None };
        drop(state);
        drop(ended);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Queues a call that can make progress.
    fn push(&self, call: Arc<dyn Step>) {
        let mut state = self.lock();
        if self.has_ended() {
            return;
        }
        state.ready.push_back(call);
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops the calls in flight when their task ends, in whatever way.
struct End(Arc<Driven>);

impl Drop for End {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        self.0.ended.store(true, Ordering::Release);
        let (calls, ready) = (std::mem::take(&mut state.calls), std::mem::take(&mut state.ready));
        drop(state);
        for (_, call) in calls {
            call.abandon();
        }
        drop(ready);
    }
}

/// The call is being polled, and its wakes only leave [`WOKEN`].
const RUNNING: u8 = 1;
/// The call was woken, and is queued unless it is being polled.
const WOKEN: u8 = 2;

/// A call and its completion callback.
struct Call<T, F: FnOnce(Result<T>)> {
    driven: Arc<Driven>,
    place: usize,
    /// [`RUNNING`] and [`WOKEN`].
    state: AtomicU8,
    cancelled: AtomicBool,
    /// Locked for moments only. Only whoever has set [`RUNNING`] takes it out, except at the end of the task.
    work: Mutex<Option<Work<T, F>>>,
}

struct Work<T, F: FnOnce(Result<T>)> {
    progress: Progress<T>,
    done: Done<T, F>,
}

enum Progress<T> {
    Sending(Sending<T>),
    /// It has ended on the thread that started it, and completes on the task.
    Ended(Result<T>),
}

/// Starts a call, and polls it once on this thread.
///
/// # Errors
/// Returns the error of a call that was refused; `done` is then dropped without a call.
pub(super) fn start<T, F>(
    driven: Arc<Driven>,
    mut sending: Sending<T>,
    delivery: Delivery,
    done: F,
) -> Result<Arc<dyn Cancel>>
where
    T: Send + 'static,
    F: FnOnce(Result<T>) + Send + 'static,
{
    let call = {
        let mut state = driven.lock();
        if driven.has_ended() {
            return Err(session::closed());
        }
        let entry = state.calls.vacant_entry();
        let call = Arc::new(Call {
            driven: driven.clone(),
            place: entry.key(),
            state: AtomicU8::new(RUNNING),
            cancelled: AtomicBool::new(false),
            work: Mutex::new(None),
        });
        entry.insert(call.clone());
        call
    };
    let unstarted = Unstarted(&driven, call.place);
    let waker = Waker::from(call.clone());
    let progress = match sending.as_mut().poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(Err(error)) if is_refusal(&error) => return Err(error),
        Poll::Ready(outcome) => {
            call.state.fetch_or(WOKEN, Ordering::AcqRel);
            Progress::Ended(outcome)
        }
        Poll::Pending => Progress::Sending(sending),
    };
    std::mem::forget(unstarted);
    *call.lock() = Some(Work { progress, done: Done::new(delivery, done) });
    call.clone().rest();
    if driven.has_ended() {
        // The task has not seen it.
        call.abandon();
    }
    Ok(call)
}

/// Removes a call that was refused, or that panicked.
struct Unstarted<'a>(&'a Driven, usize);

impl Drop for Unstarted<'_> {
    fn drop(&mut self) {
        self.0.remove(self.1);
    }
}

impl<T, F> Call<T, F>
where
    T: Send + 'static,
    F: FnOnce(Result<T>) + Send + 'static,
{
    fn lock(&self) -> MutexGuard<'_, Option<Work<T, F>>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a poll. Queues the call if it was woken meanwhile.
    fn rest(self: Arc<Self>) {
        if self.state.fetch_and(!RUNNING, Ordering::AcqRel) & WOKEN != 0 {
            self.driven.clone().push(self);
        }
    }
}

impl<T, F> Step for Call<T, F>
where
    T: Send + 'static,
    F: FnOnce(Result<T>) + Send + 'static,
{
    fn step(self: Arc<Self>) -> bool {
        self.state.swap(RUNNING, Ordering::AcqRel);
        let Some(Work { progress, mut done }) = self.lock().take() else { return true };
        let outcome = match progress {
            Progress::Ended(outcome) => outcome,
            Progress::Sending(sending) if self.cancelled.load(Ordering::Acquire) => {
                drop(sending);
                done.cancelled();
                return true;
            }
            Progress::Sending(mut sending) => {
                let waker = Waker::from(self.clone());
                let poll = || sending.as_mut().poll(&mut Context::from_waker(&waker));
                match catch_unwind(AssertUnwindSafe(poll)) {
                    Ok(Poll::Ready(outcome)) => outcome,
                    Ok(Poll::Pending) => {
                        *self.lock() = Some(Work { progress: Progress::Sending(sending), done });
                        self.rest();
                        return false;
                    }
                    Err(_) => {
                        done.panicked();
                        return true;
                    }
                }
            }
        };
        done.complete(outcome);
        true
    }

    fn place(&self) -> usize {
        self.place
    }

    fn abandon(&self) {
        let work = self.lock().take();
        drop(work);
    }
}

impl<T, F> Wake for Call<T, F>
where
    T: Send + 'static,
    F: FnOnce(Result<T>) + Send + 'static,
{
    fn wake(self: Arc<Self>) {
        if self.state.fetch_or(WOKEN, Ordering::AcqRel) == 0 {
            self.driven.clone().push(self);
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.fetch_or(WOKEN, Ordering::AcqRel) == 0 {
            self.driven.push(self.clone());
        }
    }
}

impl<T, F> Cancel for Call<T, F>
where
    T: Send + 'static,
    F: FnOnce(Result<T>) + Send + 'static,
{
    fn cancel(self: Arc<Self>) {
        self.cancelled.store(true, Ordering::Release);
        self.wake();
    }
}
