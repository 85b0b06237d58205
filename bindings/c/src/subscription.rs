//! Subscriptions. Any number per topic, each gets every message: unicasts and broadcasts, in the order of arrival.
//! A unicast is answered, with an empty reply, as soon as one subscription has taken it, so that slow reading never
//! makes a node deliver it again. Messages come to a callback, or are read with amop_subscription_next.

use std::ffi::{CStr, c_char, c_void};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use amop::{HandlerGuard, Message, Overflow, Placement, Process, Result, Subscribe, Subscription};
use futures_core::Stream;

use crate::boundary::{
    borrow, borrow_mut, borrow_optional, free, guard, out, out_optional, places, take, text, time, unusable,
};
use crate::callback::{Context, failure_of, function};
use crate::client::amop_client;
use crate::error::amop_error;
use crate::inbox::{Inbox, Source};
use crate::message::{amop_message, c_topic};
use crate::options::{apply, bound};
use crate::stats::amop_stats;
use crate::status::amop_status;
use crate::waiting::block_on;

/// What a full subscription does with a further message.
#[repr(i32)]
pub enum amop_overflow {
    /// Refuses it; the publisher of a unicast is told that the subscriber is busy. The default.
    AMOP_OVERFLOW_REFUSE = 0,
    /// Gives up the oldest accepted messages to make room.
    AMOP_OVERFLOW_DROP_OLDEST = 1,
}

/// At how many nodes a topic is listed.
#[repr(i32)]
pub enum amop_placement {
    /// All for a subscription, one for a service.
    AMOP_PLACEMENT_DEFAULT = 0,
    /// At all connected nodes: survives the loss of any, hears every broadcast.
    AMOP_PLACEMENT_ALL = 1,
    /// At one at a time, moved when it is lost.
    AMOP_PLACEMENT_ONE = 2,
}

/// A number from C as the core knows it.
pub(crate) fn placement_of(number: i32) -> Result<Option<Placement>> {
    const DEFAULT: i32 = amop_placement::AMOP_PLACEMENT_DEFAULT as i32;
    const ALL: i32 = amop_placement::AMOP_PLACEMENT_ALL as i32;
    const ONE: i32 = amop_placement::AMOP_PLACEMENT_ONE as i32;
    match number {
        DEFAULT => Ok(None),
        ALL => Ok(Some(Placement::All)),
        ONE => Ok(Some(Placement::One)),
        _ => Err(unusable(format!("{number} is no AMOP_PLACEMENT_*"))),
    }
}

/// Options of a subscription, to be freed with amop_subscribe_options_free. NULL in their place takes the
/// defaults. Belong to one thread at a time.
#[derive(Default)]
pub struct amop_subscribe_options {
    max_messages: Option<usize>,
    max_bytes: Option<usize>,
    overflow: Option<Overflow>,
    placement: Option<Placement>,
    timeout: Option<Duration>,
}

/// What is called for each message: one call after the other, in order.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct amop_message_callback {
    /// The function. The message is lent for the call.
    pub call: Option<unsafe extern "C" fn(context: *mut c_void, message: *const amop_message)>,
    /// Passed to both functions.
    pub context: *mut c_void,
    /// Called once, after the last call; may be NULL.
    pub drop: Option<unsafe extern "C" fn(context: *mut c_void)>,
}

/// A subscription. Its functions may be used from many threads at once.
pub struct amop_subscription {
    process: Process,
    topic: Arc<CStr>,
    kind: Kind,
}

enum Kind {
    /// Read with `_next`.
    Pulled(Inbox<Subscription>),
    /// Given to a callback.
    Called(Mutex<HandlerGuard>),
}

impl Source for Subscription {
    type Item = Message;
    const NAME: &'static str = "messages";

    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Message>> {
        Pin::new(self).as_mut().poll_next(cx)
    }

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        Subscription::poll_ready(self, cx)
    }
}

impl amop_subscription {
    fn new(topic: Arc<CStr>, kind: Kind) -> amop_subscription {
        amop_subscription { process: Process::current(), topic, kind }
    }

    fn inbox(&self) -> Result<&Inbox<Subscription>> {
        match &self.kind {
            Kind::Pulled(inbox) => Ok(inbox),
            Kind::Called(_) => Err(unusable("this subscription's messages go to its callback")),
        }
    }
}

/// Ends a handler. The lock isn't held while waiting: the handler may want it.
pub(crate) fn end(handler: &Mutex<HandlerGuard>, timeout_ms: u64) -> Result<()> {
    let ended = lock(handler).end(time(timeout_ms));
    block_on(ended)
}

/// The handler, for what isn't handling.
pub(crate) fn lock(handler: &Mutex<HandlerGuard>) -> MutexGuard<'_, HandlerGuard> {
    handler.lock().unwrap_or_else(PoisonError::into_inner)
}

impl amop_subscribe_options {
    fn apply_to(&self, subscribe: Subscribe) -> Subscribe {
        let subscribe = apply(subscribe, self.max_messages, Subscribe::max_messages);
        let subscribe = apply(subscribe, self.max_bytes, Subscribe::max_bytes);
        let subscribe = apply(subscribe, self.overflow, Subscribe::overflow);
        let subscribe = apply(subscribe, self.placement, Subscribe::placement);
        apply(subscribe, self.timeout, Subscribe::timeout)
    }
}

/// Options with all defaults.
///
/// - Ownership: the options are the caller's, for amop_subscribe_options_free.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn amop_subscribe_options_new() -> *mut amop_subscribe_options {
    guard!(or std::ptr::null_mut(), { Box::into_raw(Box::default()) })
}

/// Frees options; subscriptions that were made with them keep theirs.
///
/// - Ownership: `options` is gone; NULL is fine.
/// - Threads: one at a time; callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscribe_options_free(options: *mut amop_subscribe_options) {
    guard!(or(), { free!(options) })
}

/// Most messages held for it. Default 65,536.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscribe_options_set_max_messages(
    options: *mut amop_subscribe_options,
    messages: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.max_messages = bound(messages);
        Ok(())
    })
}

/// Most bytes held for it, payloads and 160 for each message; one message of any size is taken when it is empty.
/// Default 64 MiB.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscribe_options_set_max_bytes(
    options: *mut amop_subscribe_options,
    bytes: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.max_bytes = bound(bytes);
        Ok(())
    })
}

/// What happens beyond these bounds: an AMOP_OVERFLOW_*. What is lost is counted, and an event tells of it.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscribe_options_set_overflow(
    options: *mut amop_subscribe_options,
    overflow: i32,
) -> amop_status {
    const REFUSE: i32 = amop_overflow::AMOP_OVERFLOW_REFUSE as i32;
    const DROP_OLDEST: i32 = amop_overflow::AMOP_OVERFLOW_DROP_OLDEST as i32;
    guard!({
        borrow_mut!(options)?.overflow = Some(match overflow {
            REFUSE => Overflow::Refuse,
            DROP_OLDEST => Overflow::DropOldest,
            _ => return Err(unusable(format!("{overflow} is no AMOP_OVERFLOW_*"))),
        });
        Ok(())
    })
}

/// At how many nodes the topic is listed: an AMOP_PLACEMENT_*. Default all.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscribe_options_set_placement(
    options: *mut amop_subscribe_options,
    placement: i32,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.placement = placement_of(placement)?;
        Ok(())
    })
}

/// How long to wait for a node to list the topic. Default: the client's call timeout.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscribe_options_set_timeout(
    options: *mut amop_subscribe_options,
    timeout_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.timeout = time(timeout_ms);
        Ok(())
    })
}

/// Subscribes to a topic whose messages are read with amop_subscription_next. Returns when a node lists the topic.
///
/// - Ownership: `topic` and `options` (may be NULL) are copied; `*subscription` is the caller's, for
///   amop_subscription_free.
/// - Threads: any; waits up to the options' timeout, in callbacks too.
/// - Errors: AMOP_ERROR_INVALID_TOPIC, _INVALID_ARGUMENT, _NOT_CONNECTED, _TIMEOUT, _CLOSED, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_subscribe(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_subscribe_options,
    subscription: *mut *mut amop_subscription,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(subscription)?;
        let client = borrow!(client)?.client()?;
        let topic = text!(topic as topic)?;
        let subscribe = client.subscribe(topic);
        let subscribe = apply(subscribe, borrow_optional!(options), |s, options| options.apply_to(s));
        let subscription = block_on(subscribe.into_future())?;
        out.give(amop_subscription::new(c_topic(topic), Kind::Pulled(Inbox::new(subscription))));
        Ok(())
    })
}

/// Subscribes to a topic whose messages go to a callback. Returns when a node lists the topic; the callback may
/// be called before that.
///
/// - Ownership: `topic` and `options` (may be NULL) are copied. The callback's context is the library's until
///   `drop`. `*subscription` is the caller's, for amop_subscription_free; a `subscription` that is NULL leaves the
///   callback in place until the client closes.
/// - Threads: any; waits up to the options' timeout, in callbacks too.
/// - Errors: as amop_client_subscribe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_subscribe_callback(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_subscribe_options,
    callback: amop_message_callback,
    subscription: *mut *mut amop_subscription,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let context = Context::new(callback.context, callback.drop);
        let out = out_optional!(subscription);
        let client = borrow!(client)?.client()?;
        let name = text!(topic as topic)?;
        let call = function(callback.call)?;
        let topic = c_topic(name);
        let subscribe = client.subscribe(name);
        let subscribe = apply(subscribe, borrow_optional!(options), |s, options| options.apply_to(s));
        let (shared, reports) = (topic.clone(), client.handler_reports());
        let handler = block_on(subscribe.for_each_blocking(move |message| {
            let message = amop_message::new(message, shared.clone());
            // SAFETY: the header demands a function that takes this context and a message lent for the call.
            let failure = failure_of(|| unsafe { call(context.pointer(), &message) });
            if let Some(text) = failure {
                reports.failed(&shared.to_string_lossy(), text);
            }
        }))?;
        if let Some(out) = out {
            out.give(amop_subscription::new(topic, Kind::Called(Mutex::new(handler))));
        }
        Ok(())
    })
}

/// The next message. Waits up to `timeout_ms` for one; 0 doesn't wait.
///
/// - Ownership: `*message` is the caller's, for amop_message_free.
/// - Threads: any, also several at once: each message goes to one of them. Waits in callbacks too.
/// - Errors: AMOP_ERROR_TIMEOUT when none came; AMOP_ERROR_CLOSED when none will come any more: after
///   unsubscribing or closing, and all that was queued is read. AMOP_ERROR_INVALID_ARGUMENT when the messages go
///   to a callback. AMOP_ERROR_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscription_next(
    subscription: *const amop_subscription,
    timeout_ms: u64,
    message: *mut *mut amop_message,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(message)?;
        let subscription = borrow!(subscription)?;
        let mut next = None;
        subscription.inbox()?.next(timeout_ms, 1, |message| next = Some(message))?;
        if let Some(message) = next {
            out.give(amop_message::new(message, subscription.topic.clone()));
        }
        Ok(())
    })
}

/// The next messages, up to `max`, in order. Waits up to `timeout_ms` for the first; takes what is there then.
///
/// - Ownership: `messages` has room for `max` pointers, of which the first `*count` are set; each message is the
///   caller's, for amop_message_free.
/// - Threads: as amop_subscription_next.
/// - Errors: as amop_subscription_next; then `*count` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscription_next_many(
    subscription: *const amop_subscription,
    timeout_ms: u64,
    messages: *mut *mut amop_message,
    max: usize,
    count: *mut usize,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(count)?;
        let subscription = borrow!(subscription)?;
        let mut places = places!(messages, max)?;
        let inbox = subscription.inbox()?;
        let taken = inbox.next(timeout_ms, max, |message| {
            places.give(amop_message::new(message, subscription.topic.clone()));
        })?;
        out.set(taken);
        Ok(())
    })
}

/// A file descriptor for poll, select, epoll or an event loop: readable while amop_subscription_next would not
/// wait, be it for a message or for the end. In rare cases it is readable in vain. Made on the first call.
///
/// - Ownership: `*fd` is the library's, which closes it with the subscription: don't read from it, don't close it.
/// - Threads: any, callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT when the messages go to a callback, _RUNTIME when the process has no
///   descriptor left, _UNSUPPORTED where there are none, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscription_fd(
    subscription: *const amop_subscription,
    fd: *mut i32,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(fd)?;
        out.set(borrow!(subscription)?.inbox()?.descriptor()?);
        Ok(())
    })
}

/// The topic.
///
/// - Ownership: the text is lent as long as the subscription; NULL for NULL.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscription_topic(subscription: *const amop_subscription) -> *const c_char {
    guard!(or std::ptr::null(), {
        borrow_optional!(subscription).map_or(std::ptr::null(), |subscription| subscription.topic.as_ptr())
    })
}

/// What it holds, accepted and lost so far: AMOP_STAT_HELD_MESSAGES, _HELD_BYTES, _ACCEPTED, _REFUSED, _DROPPED.
///
/// - Ownership: `*stats` is the caller's, for amop_stats_free.
/// - Threads: any, callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscription_stats(
    subscription: *const amop_subscription,
    stats: *mut *mut amop_stats,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(stats)?;
        let subscription = borrow!(subscription)?;
        subscription.process.check()?;
        let figures = match &subscription.kind {
            Kind::Pulled(inbox) => inbox.source()?.stats(),
            Kind::Called(handler) => lock(handler).stats(),
        };
        out.give(amop_stats::of_subscription(figures));
        Ok(())
    })
}

/// Takes no more messages and tells the nodes. What is queued can still be read; a callback works it off until the
/// timeout, then the rest is dropped and counted. When it returns AMOP_OK the callback doesn't run any more, and
/// its `drop` has been called. May be called again, say after AMOP_ERROR_TIMEOUT.
///
/// - Ownership: `subscription` stays the caller's.
/// - Threads: any; waits up to `timeout_ms` (0: the client's close timeout) for a callback to return. In a
///   callback, this one or another, it returns at once, and the end comes by itself.
/// - Errors: AMOP_ERROR_TIMEOUT when the callback hasn't returned: its context is kept until it does.
///   AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscription_unsubscribe(
    subscription: *const amop_subscription,
    timeout_ms: u64,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let subscription = borrow!(subscription)?;
        subscription.process.check()?;
        match &subscription.kind {
            Kind::Pulled(inbox) => {
                inbox.source()?.unsubscribe();
                Ok(())
            }
            Kind::Called(handler) => end(handler, timeout_ms),
        }
    })
}

/// Frees a subscription. One that wasn't unsubscribed is, without waiting: unread messages are dropped and
/// counted; a callback gets what is queued for it, then its `drop` is called.
///
/// - Ownership: `subscription` is gone; NULL is fine.
/// - Threads: any, never waits; callbacks too, its own among them.
/// - Errors: none. In the child of a fork the memory is left alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscription_free(subscription: *mut amop_subscription) {
    guard!(or(), {
        let Some(handle) = take!(subscription) else { return };
        if let Kind::Called(handler) = &handle.kind {
            lock(handler).leave();
        }
    })
}
