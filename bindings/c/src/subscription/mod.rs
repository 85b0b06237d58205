//! Subscriptions. A topic can have any number of subscriptions. Each receives every message, unicast or broadcast, in
//! the order of arrival. A unicast is answered with an empty reply as soon as one subscription has accepted it, so
//! that a slow reader does not cause the node to deliver it to another subscriber. Messages are passed to a callback,
//! or read with amop_subscription_next.

use std::ffi::{c_char, c_void};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use amop::{Message, Result, Subscription, SubscriptionStats};
use futures_core::Stream;

use crate::boundary::{Miss, guard};
use crate::callback::{Context, failure_of, function};
use crate::client::amop_client;
use crate::consumer::{Consumer, TopicSource};
use crate::error::amop_error;
use crate::inbox::Source;
use crate::macros::{borrow, borrow_optional, out, out_optional, places, take, text};
use crate::message::{amop_message, c_topic};
use crate::stats::amop_stats;
use crate::status::amop_status;
use crate::unwind::guard_or;
use crate::waiting::block_on;

mod options;

pub use options::amop_subscribe_options;

/// The callback for messages. Its calls are sequential, in the order of arrival.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct amop_message_callback {
    /// The function. The message is borrowed for the call.
    pub call: Option<unsafe extern "C-unwind" fn(context: *mut c_void, message: *const amop_message)>,
    /// Passed to both functions.
    pub context: *mut c_void,
    /// Called once, after the last call; may be NULL.
    pub drop: Option<unsafe extern "C-unwind" fn(context: *mut c_void)>,
}

/// A subscription. Its functions may be called from any number of threads at once.
pub struct amop_subscription {
    pub(crate) consumer: Consumer<Subscription>,
}

impl Source for Subscription {
    type Item = Message;
    const NAME: &'static str = "messages";
    const ENDED: &'static str = "the subscription has ended, or its client is closed";

    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Message>> {
        Pin::new(self).as_mut().poll_next(cx)
    }

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        Subscription::poll_ready(self, cx)
    }
}

impl TopicSource for Subscription {
    const PASSED_TO_CALLBACK: &'static str = "the messages of this subscription are passed to its callback";

    fn unsubscribe(&mut self) {
        Subscription::unsubscribe(self);
    }

    fn stats(&self) -> SubscriptionStats {
        Subscription::stats(self)
    }
}

/// The confirmation of a subscription, which a caller may wait for.
pub(crate) type Confirmed = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Returns the subscription that the arguments describe, whose messages are read, and its confirmation.
///
/// # Safety
/// The arguments are as the header demands of amop_client_subscribe.
pub(crate) unsafe fn subscribe(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_subscribe_options,
) -> Result<(amop_subscription, Confirmed)> {
    let client = borrow!(client)?.client()?;
    let topic = text!(topic as topic)?;
    let subscribe = client.subscribe(topic);
    let subscribe = match borrow_optional!(options) {
        Some(options) => options.apply_to(subscribe)?,
        None => subscribe,
    };
    let (subscription, confirmed) = subscribe.begin()?;
    let consumer = Consumer::pulled(c_topic(topic), subscription);
    Ok((amop_subscription { consumer }, Box::pin(confirmed)))
}

/// Returns the subscription that the arguments describe, whose messages are passed to a callback, and its confirmation.
///
/// # Safety
/// The arguments are as the header demands of amop_client_subscribe_callback.
pub(crate) unsafe fn subscribe_callback(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_subscribe_options,
    callback: amop_message_callback,
    context: Context,
) -> Result<(amop_subscription, Confirmed)> {
    let client = borrow!(client)?.client()?;
    let name = text!(topic as topic)?;
    let call = function(callback.call)?;
    let topic = c_topic(name);
    let subscribe = client.subscribe(name);
    let subscribe = match borrow_optional!(options) {
        Some(options) => options.apply_to(subscribe)?,
        None => subscribe,
    };
    let (shared, reports) = (topic.clone(), client.handler_reports());
    let (handler, confirmed) = subscribe.begin_blocking(move |message| {
        let message = amop_message::new(message, shared.clone());
        // SAFETY: the header demands a function that takes this context and a message lent for the call.
        let failure = failure_of(|| unsafe { call(context.pointer(), &message) });
        if let Some(text) = failure {
            reports.failed(&shared.to_string_lossy(), text);
        }
    })?;
    Ok((amop_subscription { consumer: Consumer::called(topic, handler) }, Box::pin(confirmed)))
}

/// Subscribes to a topic. Messages are read with amop_subscription_next. Returns when a node has listed the topic, or at
/// once if no node is connected; see amop_subscribe_options_set_confirm.
///
/// - Ownership: `topic` and `options` (may be NULL) are copied. `*subscription` is owned by the caller; free it with
///   amop_subscription_free.
/// - Threads: any thread, including callbacks. Waits up to the timeout in `options`.
/// - Errors: AMOP_ERROR_INVALID_TOPIC, _INVALID_ARGUMENT, _NOT_CONNECTED, _TIMEOUT, _CLOSED, _FORKED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn amop_client_subscribe(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_subscribe_options,
    subscription: *mut *mut amop_subscription,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(subscription)?;
        // SAFETY: the caller meets what the header demands of this function.
        let (made, confirmed) = unsafe { subscribe(client, topic, options) }?;
        block_on(confirmed)?;
        out.give(made);
        Ok(())
    })
}

/// Subscribes to a topic. Messages are passed to a callback. Returns as amop_client_subscribe; the callback may be called
/// before.
///
/// - Ownership: `topic` and `options` (may be NULL) are copied. The context of the callback is owned by the library
///   until `drop`. `*subscription` is owned by the caller; free it with amop_subscription_free. If `subscription` is
///   NULL, the callback stays until the client is closed.
/// - Threads: any thread, including callbacks. Waits up to the timeout in `options`.
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
        // SAFETY: the caller meets what the header demands of this function.
        let (made, confirmed) = unsafe { subscribe_callback(client, topic, options, callback, context) }?;
        block_on(confirmed)?;
        if let Some(out) = out {
            out.give(made);
        }
        Ok(())
    })
}

/// Stores the next message in `*message`. Waits up to `timeout_ms` for it; 0 does not wait.
///
/// - Threads: any thread, including callbacks. If several threads call it at once, each message goes to one of them.
/// - Errors: AMOP_ERROR_TIMEOUT if no message arrived. AMOP_ERROR_CLOSED if no more messages will arrive: the
///   subscription or the client is closed, and what was queued has been read. AMOP_ERROR_INVALID_ARGUMENT, also if
///   the messages are passed to a callback. AMOP_ERROR_FORKED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn amop_subscription_next(
    subscription: *const amop_subscription,
    timeout_ms: u64,
    message: *mut *mut amop_message,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, Miss, {
        let out = out!(message)?;
        let mut next = None;
        let consumer = &borrow!(subscription)?.consumer;
        consumer.next(timeout_ms, 1, |message, topic| next = Some(amop_message::new(message, topic)))?;
        if let Some(next) = next {
            out.give(next);
        }
        Ok(())
    })
}

/// Stores up to `max` messages in order. Waits up to `timeout_ms` for the first one, but not for more.
///
/// - Ownership: `messages` has space for `max` pointers, of which the first `*count` are set. Each message is owned
///   by the caller; free it with amop_message_free.
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
    guard!(error, Miss, {
        let out = out!(count)?;
        let consumer = &borrow!(subscription)?.consumer;
        let mut places = places!(messages, max)?;
        let give = |message, topic| places.give(amop_message::new(message, topic));
        out.set(consumer.next(timeout_ms, max, give)?);
        Ok(())
    })
}

/// Stores a file descriptor in `*fd`, for poll, select, epoll or an event loop. It is readable while
/// amop_subscription_next would not wait, because of a message or because the subscription has ended. In rare
/// cases it is readable without either. It is created by the first call.
///
/// - Ownership: `*fd` is owned by the library, which closes it when the subscription is freed. Do not read from
///   it or close it.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, also if the messages are passed to a callback; _RUNTIME if the
///   process has no descriptor left; _UNSUPPORTED on systems other than Unix; _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscription_fd(
    subscription: *const amop_subscription,
    fd: *mut i32,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(fd)?;
        out.set(borrow!(subscription)?.consumer.descriptor()?);
        Ok(())
    })
}

/// Returns the topic; NULL for NULL.
///
/// - Ownership: the string is valid until the subscription is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscription_topic(subscription: *const amop_subscription) -> *const c_char {
    guard_or!(std::ptr::null(), {
        borrow_optional!(subscription)
            .map_or(std::ptr::null(), |subscription| subscription.consumer.topic().as_ptr())
    })
}

/// Stores a snapshot of a subscription in `*stats`: AMOP_STAT_HELD_MESSAGES, _HELD_BYTES, _ACCEPTED, _REFUSED, _DROPPED.
///
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn amop_subscription_stats(
    subscription: *const amop_subscription,
    stats: *mut *mut amop_stats,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(stats)?;
        out.give(amop_stats::of_subscription(borrow!(subscription)?.consumer.stats()?));
        Ok(())
    })
}

/// Ends a subscription: it accepts no more messages, and the nodes receive a topic list without it. Queued messages
/// can still be read. A callback processes them until the timeout; the rest is discarded and counted. When AMOP_OK is
/// returned, the callback does not run any more and its `drop` has been called. It may be called again, for example
/// after AMOP_ERROR_TIMEOUT.
///
/// - Ownership: the caller keeps `subscription`.
/// - Threads: any thread. Waits up to `timeout_ms` (0: the close timeout of the client) for the callback to return.
///   Inside of any callback of the library it returns at once, and the subscription ends in the background.
/// - Errors: AMOP_ERROR_TIMEOUT if the callback has not returned; its context is kept until it does.
///   AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscription_unsubscribe(
    subscription: *const amop_subscription,
    timeout_ms: u64,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, { borrow!(subscription)?.consumer.unsubscribe(timeout_ms) })
}

/// Frees a subscription, and unsubscribes it without waiting if it is not unsubscribed. Unread messages are discarded
/// and counted. A callback is called for what is queued for it, then its `drop` is called.
///
/// - Threads: any thread, including callbacks, also its own. Never waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscription_free(subscription: *mut amop_subscription) {
    guard_or!((), {
        if let Some(handle) = take!(subscription.consumer) {
            handle.consumer.leave();
        }
    })
}
