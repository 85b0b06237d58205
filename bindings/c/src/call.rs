//! Asynchronous calls. A publish or broadcast that is under way while the program does something else; thousands
//! need no thread each. An accepted call completes exactly once, with the reply, an error, its own deadline or
//! AMOP_ERROR_CANCELLED: by a callback, or through a completion queue. A call that a function refuses (it returns
//! an error) doesn't complete.

use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use amop::{CallHandle, Client, Error, ErrorKind, Process, Reply, Result};
use futures_util::stream::poll_fn;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::boundary::{borrow, borrow_optional, free, guard, out_optional, take};
use crate::callback::{Context, call_or_log, function};
use crate::client::amop_client;
use crate::error::amop_error;
use crate::pointer::Out;
use crate::publish::{amop_publish_options, amop_reply, broadcast, publish};
use crate::status::amop_status;

/// A call under way, to cancel it.
pub struct amop_call {
    process: Process,
    call: CallHandle,
}

/// How a call has ended. In a callback it is lent for the call. Immutable.
pub struct amop_completion {
    outcome: Result<Option<amop_reply>, amop_error>,
    tag: Tag,
}

/// What is called when a call has ended. The callbacks of one client's calls run one after the other.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct amop_completion_callback {
    /// The function. The completion is lent for the call.
    pub call: Option<unsafe extern "C" fn(context: *mut c_void, completion: *const amop_completion)>,
    /// Passed to both functions.
    pub context: *mut c_void,
    /// Called once, after the call; may be NULL.
    pub drop: Option<unsafe extern "C" fn(context: *mut c_void)>,
}

/// A pointer of the caller's that is only handed back.
#[derive(Clone, Copy)]
pub(crate) struct Tag(pub(crate) *mut c_void);

// SAFETY: it is never followed here.
unsafe impl Send for Tag {}
// SAFETY: as above.
unsafe impl Sync for Tag {}

impl amop_completion {
    pub(crate) fn of_publish(outcome: Result<Reply>, tag: Tag) -> amop_completion {
        let outcome = outcome.map(|reply| Some(amop_reply::new(reply))).map_err(amop_error::new);
        amop_completion { outcome, tag }
    }

    pub(crate) fn of_broadcast(outcome: Result<()>, tag: Tag) -> amop_completion {
        amop_completion { outcome: outcome.map(|()| None).map_err(amop_error::new), tag }
    }
}

/// A bound on calls whose completions haven't been taken.
#[derive(Clone)]
pub(crate) struct Slots {
    taken: Arc<AtomicUsize>,
    most: usize,
}

/// One of them; given back when dropped.
pub(crate) struct Slot(Arc<AtomicUsize>);

impl Slots {
    pub(crate) fn new(most: usize) -> Slots {
        Slots { taken: Arc::default(), most }
    }

    /// A slot, if there is one left.
    pub(crate) fn take(&self) -> Result<Slot> {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        let slot = Slot(self.taken.clone());
        if taken < self.most {
            return Ok(slot);
        }
        Err(Error::undelivered(
            ErrorKind::Overloaded,
            format!("{taken} asynchronous calls have not completed or their completions weren't taken: wait"),
        ))
    }
}

impl std::ops::Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Asynchronous calls of one client that have not completed, or whose callback hasn't returned: as many as may be
/// in flight on one connection.
const MOST: usize = 65_536;

/// A callback with what it's to be called with.
struct Told {
    call: unsafe extern "C" fn(*mut c_void, *const amop_completion),
    context: Context,
    completion: amop_completion,
    _slot: Slot,
}

/// The way of a client's completions to their callbacks: one lane, worked off on handler threads.
pub(crate) struct Completions {
    slots: Slots,
    lane: Mutex<Lane>,
}

#[derive(Default)]
enum Lane {
    #[default]
    Unused,
    Open(UnboundedSender<Told>),
    Closed,
}

impl Default for Completions {
    fn default() -> Completions {
        Completions { slots: Slots::new(MOST), lane: Mutex::default() }
    }
}

impl Completions {
    /// Takes no more calls. The lane ends with the last call under way.
    pub(crate) fn close(&self) {
        *self.lane.lock().unwrap_or_else(PoisonError::into_inner) = Lane::Closed;
    }

    fn sender(&self, client: &Client) -> Result<UnboundedSender<Told>> {
        let mut lane = self.lane.lock().unwrap_or_else(PoisonError::into_inner);
        match &*lane {
            Lane::Open(sender) => Ok(sender.clone()),
            Lane::Closed => Err(Error::undelivered(ErrorKind::Closed, "the client is closed")),
            Lane::Unused => {
                let (sender, mut told) = unbounded_channel::<Told>();
                client.dispatch(poll_fn(move |cx| told.poll_recv(cx)), Told::tell)?;
                *lane = Lane::Open(sender.clone());
                Ok(sender)
            }
        }
    }

    /// What a call that completes is to do.
    fn callback<T, C>(
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
            // Fails only when no handler thread could be started; then the context is dropped here.
            let _ = sender.send(Told { call, context, completion, _slot: slot });
        })
    }
}

impl Told {
    fn tell(self) {
        // SAFETY: the header demands a function that takes this context and a completion lent for the call.
        call_or_log("a completion", || unsafe { (self.call)(self.context.pointer(), &self.completion) });
    }
}

/// Gives the call to the caller, if it is wanted.
pub(crate) fn give(call: CallHandle, out: Option<Out<'_, *mut amop_call>>) {
    if let Some(out) = out {
        out.give(amop_call { process: Process::current(), call });
    }
}

/// Starts a publish; its completion goes to a callback. Messages of one thread are sent in the order of its calls.
///
/// - Ownership: `topic`, `data` and `options` (may be NULL) are borrowed or copied. The callback's context is the
///   library's until `drop`. `*call` is the caller's, for amop_call_free; `call` may be NULL.
/// - Threads: any, callbacks too; never waits. The call ends by `timeout_ms` (0: the client's call timeout).
/// - Errors: those that are known at once, and then the callback isn't called: AMOP_ERROR_INVALID_TOPIC,
///   _INVALID_ARGUMENT, _TOO_LARGE, _NOT_CONNECTED, _OVERLOADED (also with 65,536 calls of this client whose
///   callbacks haven't returned), _CLOSED, _FORKED. The completion has all those of amop_client_publish.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_publish_async(
    client: *const amop_client,
    topic: *const c_char,
    data: *const c_void,
    len: usize,
    options: *const amop_publish_options,
    timeout_ms: u64,
    callback: amop_completion_callback,
    call: *mut *mut amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let context = Context::new(callback.context, callback.drop);
        let out = out_optional!(call);
        // SAFETY: what the header demands of this function.
        let publish = unsafe { publish(client, topic, data, len, options, timeout_ms) }?;
        let handle = borrow!(client)?;
        let completions = &handle.completions;
        let done = completions.callback(handle.client()?, callback, context, amop_completion::of_publish)?;
        give(publish.start(done)?, out);
        Ok(())
    })
}

/// Starts a broadcast; its completion goes to a callback.
///
/// - Ownership: as amop_client_publish_async.
/// - Threads: as amop_client_publish_async.
/// - Errors: as amop_client_publish_async. The completion has all those of amop_client_broadcast.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_broadcast_async(
    client: *const amop_client,
    topic: *const c_char,
    data: *const c_void,
    len: usize,
    options: *const amop_publish_options,
    timeout_ms: u64,
    callback: amop_completion_callback,
    call: *mut *mut amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let context = Context::new(callback.context, callback.drop);
        let out = out_optional!(call);
        // SAFETY: what the header demands of this function.
        let broadcast = unsafe { broadcast(client, topic, data, len, options, timeout_ms) }?;
        let handle = borrow!(client)?;
        let completions = &handle.completions;
        let done =
            completions.callback(handle.client()?, callback, context, amop_completion::of_broadcast)?;
        give(broadcast.start(done)?, out);
        Ok(())
    })
}

/// Cancels a call: it completes with AMOP_ERROR_CANCELLED, unless it has completed. What was sent stays sent.
///
/// - Ownership: `call` stays the caller's.
/// - Threads: any, callbacks too; never waits. The completion comes as always, by callback or queue.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_call_cancel(
    call: *const amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let call = borrow!(call)?;
        call.process.check()?;
        call.call.cancel();
        Ok(())
    })
}

/// Frees the handle of a call; the call itself goes on.
///
/// - Ownership: `call` is gone; NULL is fine.
/// - Threads: any, callbacks too.
/// - Errors: none. In the child of a fork the memory is left alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_call_free(call: *mut amop_call) {
    guard!(or(), { drop(take!(call)) })
}

/// How the call ended: AMOP_OK or an AMOP_ERROR_*; AMOP_ERROR_INVALID_ARGUMENT for NULL.
///
/// - Ownership: `completion` stays as it was.
/// - Threads: any, callbacks too.
/// - Errors: none of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_status(completion: *const amop_completion) -> amop_status {
    guard!(or amop_status::AMOP_ERROR_INTERNAL, {
        match borrow_optional!(completion).map(|completion| &completion.outcome) {
            Some(Ok(_)) => amop_status::AMOP_OK,
            Some(Err(error)) => error.status(),
            None => amop_status::AMOP_ERROR_INVALID_ARGUMENT,
        }
    })
}

/// Why the call failed; NULL when it didn't, and for NULL.
///
/// - Ownership: the error is lent as long as the completion; amop_error_clone keeps it.
/// - Threads: any, callbacks too.
/// - Errors: none of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_error(completion: *const amop_completion) -> *const amop_error {
    guard!(or std::ptr::null(), {
        match borrow_optional!(completion).map(|completion| &completion.outcome) {
            Some(Err(error)) => error,
            Some(Ok(_)) | None => std::ptr::null(),
        }
    })
}

/// The reply to a publish; NULL when it failed, for a broadcast, and for NULL.
///
/// - Ownership: the reply is lent as long as the completion; amop_reply_clone keeps it.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_reply(completion: *const amop_completion) -> *const amop_reply {
    guard!(or std::ptr::null(), {
        match borrow_optional!(completion).map(|completion| &completion.outcome) {
            Some(Ok(Some(reply))) => reply,
            Some(Ok(None) | Err(_)) | None => std::ptr::null(),
        }
    })
}

/// The tag that the call was started with; NULL for one with a callback, and for NULL.
///
/// - Ownership: the pointer is the caller's own.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_tag(completion: *const amop_completion) -> *mut c_void {
    guard!(or std::ptr::null_mut(), {
        borrow_optional!(completion).map_or(std::ptr::null_mut(), |completion| completion.tag.0)
    })
}

/// Frees a completion that came from a queue, never one that is lent to a callback.
///
/// - Ownership: `completion` is gone; NULL is fine.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_free(completion: *mut amop_completion) {
    guard!(or(), { free!(completion) })
}
