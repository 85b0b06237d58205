//! Completions. The result of an asynchronous call: a reply, a client, an error, or success without either.
//!
//! Unless a function states otherwise:
//!
//! - Ownership: the caller keeps `completion`. Pointers returned are valid until it is freed, or until the callback
//!   that borrows it returns.

use std::any::Any;
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use amop::{Client, Error, ErrorKind, Reply, Result};
use futures_util::stream::poll_fn;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::callback::{Context, call_or_log, function};
use crate::error::amop_error;
use crate::macros::{borrow_optional, free};
use crate::reply::amop_reply;
use crate::status::amop_status;
use crate::unwind::{guard_or, guard_read};

/// The result of a call. Immutable. A callback borrows it for the call.
pub struct amop_completion {
    outcome: Result<Outcome, amop_error>,
    tag: Tag,
}

/// What a call that has succeeded returns.
enum Outcome {
    Nothing,
    Reply(amop_reply),
    /// A handle for the first who takes it.
    Handle(Mutex<Option<Box<dyn Any + Send>>>),
}

/// The callback for a completion. The callbacks of the calls of one client that publish, broadcast, subscribe and serve
/// run one after the other.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct amop_completion_callback {
    /// The function. The completion is borrowed for the call.
    pub call: Option<unsafe extern "C-unwind" fn(context: *mut c_void, completion: *const amop_completion)>,
    /// Passed to both functions.
    pub context: *mut c_void,
    /// Called once, after the call; may be NULL.
    pub drop: Option<unsafe extern "C-unwind" fn(context: *mut c_void)>,
}

/// A pointer of the caller that is returned with the completion and never dereferenced.
#[derive(Clone, Copy)]
pub(crate) struct Tag(pub(crate) *mut c_void);

// SAFETY: it is never followed here.
unsafe impl Send for Tag {}
// SAFETY: as above.
unsafe impl Sync for Tag {}

impl amop_completion {
    pub(crate) fn of_publish(outcome: Result<Reply>, tag: Tag) -> amop_completion {
        let outcome = outcome.map(|reply| Outcome::Reply(amop_reply::new(reply)));
        amop_completion { outcome: outcome.map_err(amop_error::new), tag }
    }

    /// Returns the completion of a call that has no result.
    pub(crate) fn of_end(outcome: Result<()>, tag: Tag) -> amop_completion {
        amop_completion { outcome: outcome.map(|()| Outcome::Nothing).map_err(amop_error::new), tag }
    }

    /// Returns the completion of a call that has made a handle.
    pub(crate) fn of_handle<T: Any + Send>(outcome: Result<T>, tag: Tag) -> amop_completion {
        let outcome = outcome.map(|handle| Outcome::Handle(Mutex::new(Some(Box::new(handle)))));
        amop_completion { outcome: outcome.map_err(amop_error::new), tag }
    }

    /// Returns the handle that the call has made, once.
    pub(crate) fn take<T: Any>(&self) -> Option<Box<T>> {
        let Ok(Outcome::Handle(handle)) = &self.outcome else { return None };
        let mut handle = handle.lock().unwrap_or_else(PoisonError::into_inner);
        if !handle.as_ref().is_some_and(|handle| handle.is::<T>()) {
            return None;
        }
        handle.take().and_then(|handle| handle.downcast().ok())
    }
}

/// Limits the number of calls whose completions have not been consumed.
#[derive(Clone)]
pub(crate) struct Slots {
    taken: Arc<AtomicUsize>,
    most: usize,
}

/// One slot; released when dropped.
pub(crate) struct Slot(Arc<AtomicUsize>);

impl Slots {
    pub(crate) fn new(most: usize) -> Slots {
        Slots { taken: Arc::default(), most }
    }

    /// Takes a slot, or fails if none is left.
    pub(crate) fn take(&self) -> Result<Slot> {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        let slot = Slot(self.taken.clone());
        if taken < self.most {
            return Ok(slot);
        }
        Err(Error::undelivered(
            ErrorKind::Overloaded,
            format!(
                "{taken} asynchronous calls have not completed or their completions have not been read: wait"
            ),
        ))
    }
}

impl std::ops::Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The maximum number of asynchronous calls of a client that have not completed or whose callback has not returned:
/// as many as may be in flight on one connection.
const MOST: usize = 65_536;

/// A callback and its argument.
struct QueuedCallback {
    call: unsafe extern "C-unwind" fn(*mut c_void, *const amop_completion),
    context: Context,
    completion: amop_completion,
    _slot: Slot,
}

/// Passes the completions of a client to their callbacks, one after the other, on handler threads.
pub(crate) struct Completions {
    slots: Slots,
    lane: Mutex<Lane>,
}

#[derive(Default)]
enum Lane {
    #[default]
    Unused,
    Open(UnboundedSender<QueuedCallback>),
    Closed,
}

impl Default for Completions {
    fn default() -> Completions {
        Completions { slots: Slots::new(MOST), lane: Mutex::default() }
    }
}

impl Completions {
    /// Refuses further calls. The lane ends after the last call has completed.
    pub(crate) fn close(&self) {
        *self.lane.lock().unwrap_or_else(PoisonError::into_inner) = Lane::Closed;
    }

    fn sender(&self, client: &Client) -> Result<UnboundedSender<QueuedCallback>> {
        let mut lane = self.lane.lock().unwrap_or_else(PoisonError::into_inner);
        match &*lane {
            Lane::Open(sender) => Ok(sender.clone()),
            Lane::Closed => Err(Error::undelivered(ErrorKind::Closed, "the client was closed")),
            Lane::Unused => {
                let (sender, mut queued) = unbounded_channel::<QueuedCallback>();
                client.dispatch(poll_fn(move |cx| queued.poll_recv(cx)), QueuedCallback::run)?;
                *lane = Lane::Open(sender.clone());
                Ok(sender)
            }
        }
    }

    /// Returns the function that a call runs when it completes. It queues the callback.
    pub(crate) fn callback<T, C>(
        &self,
        client: &Client,
        callback: amop_completion_callback,
        context: Context,
        completion: C,
    ) -> Result<impl FnOnce(Result<T>) + Send + 'static + use<T, C>>
    where
        C: FnOnce(Result<T>, Tag) -> amop_completion + Send + 'static,
    {
        let call = function(callback.call)?;
        let sender = self.sender(client)?;
        let slot = self.slots.take()?;
        Ok(move |outcome: Result<T>| {
            let completion = completion(outcome, Tag(std::ptr::null_mut()));
            // Fails only if no handler thread could be started. The context is dropped in that case, too.
            let _ = sender.send(QueuedCallback { call, context, completion, _slot: slot });
        })
    }
}

impl QueuedCallback {
    fn run(self) {
        // SAFETY: the header demands a function that takes this context and a completion lent for the call.
        call_or_log("a completion", || unsafe { (self.call)(self.context.pointer(), &self.completion) });
    }
}

/// Returns AMOP_OK or the AMOP_ERROR_* with which the call failed; AMOP_ERROR_INVALID_ARGUMENT for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_status(completion: *const amop_completion) -> amop_status {
    guard_read!(amop_status::AMOP_ERROR_INTERNAL, {
        match borrow_optional!(completion).map(|completion| &completion.outcome) {
            Some(Ok(_)) => amop_status::AMOP_OK,
            Some(Err(error)) => error.status(),
            None => amop_status::AMOP_ERROR_INVALID_ARGUMENT,
        }
    })
}

/// Returns the error; NULL if the call succeeded, and for NULL. amop_error_clone makes a copy that outlives the
/// completion.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_error(completion: *const amop_completion) -> *const amop_error {
    guard_read!(std::ptr::null(), {
        match borrow_optional!(completion).map(|completion| &completion.outcome) {
            Some(Err(error)) => error,
            Some(Ok(_)) | None => std::ptr::null(),
        }
    })
}

/// Returns the reply to a publish; NULL if it failed, for other calls, and for NULL. amop_reply_clone makes a copy
/// that outlives the completion.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_reply(completion: *const amop_completion) -> *const amop_reply {
    guard_read!(std::ptr::null(), {
        match borrow_optional!(completion).map(|completion| &completion.outcome) {
            Some(Ok(Outcome::Reply(reply))) => reply,
            Some(_) | None => std::ptr::null(),
        }
    })
}

/// Returns the tag that was passed with the call; NULL for a call with a callback, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_tag(completion: *const amop_completion) -> *mut c_void {
    guard_read!(std::ptr::null_mut(), {
        borrow_optional!(completion).map_or(std::ptr::null_mut(), |completion| completion.tag.0)
    })
}

/// Frees a completion that was read from a queue. Must not be called for one that a callback borrows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_free(completion: *mut amop_completion) {
    guard_or!((), { free!(completion) })
}
