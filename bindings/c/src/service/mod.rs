//! Services. A service answers the unicasts of a topic. A client can have one service per topic. It receives the
//! unicasts alone; broadcasts on the topic are delivered to subscriptions only. Requests are passed to a callback, or
//! read with amop_service_next.

use std::ffi::{c_char, c_void};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use amop::protocol::result::FAILED_TEXT;
use amop::{Request, Requests, Result, SubscriptionStats};
use futures_core::Stream;

use crate::boundary::{Miss, guard};
use crate::callback::{Context, failure_of, function};
use crate::client::amop_client;
use crate::consumer::{Consumer, TopicSource};
use crate::error::amop_error;
use crate::inbox::Source;
use crate::macros::{borrow, borrow_optional, out, out_optional, places, take, text};
use crate::message::c_topic;
use crate::request::{AMOP_RESULT_FAILED, amop_request};
use crate::stats::amop_stats;
use crate::status::amop_status;
use crate::subscription::Confirmed;
use crate::unwind::guard_or;
use crate::waiting::block_on;

mod options;

pub use options::amop_serve_options;

/// The callback for requests. Several calls may run at once if the concurrency of the service is above 1.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct amop_request_callback {
    /// The function. The request is borrowed for the call.
    pub call: Option<unsafe extern "C-unwind" fn(context: *mut c_void, request: *const amop_request)>,
    /// Passed to both functions.
    pub context: *mut c_void,
    /// Called once, after the last call; may be NULL.
    pub drop: Option<unsafe extern "C-unwind" fn(context: *mut c_void)>,
}

/// A service. Its functions may be called from any number of threads at once.
pub struct amop_service {
    pub(crate) consumer: Consumer<Requests>,
}

impl Source for Requests {
    type Item = Request;
    const NAME: &'static str = "requests";
    const ENDED: &'static str = "the service has ended, or its client is closed";

    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Request>> {
        Pin::new(self).as_mut().poll_next(cx)
    }

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        Requests::poll_ready(self, cx)
    }
}

impl TopicSource for Requests {
    const PASSED_TO_CALLBACK: &'static str = "the requests of this service are passed to its callback";

    fn unsubscribe(&mut self) {
        Requests::unsubscribe(self);
    }

    fn stats(&self) -> SubscriptionStats {
        Requests::stats(self)
    }
}

/// Returns the service that the arguments describe, whose requests are read, and its confirmation.
///
/// # Safety
/// The arguments are as the header demands of amop_client_serve.
pub(crate) unsafe fn serve(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_serve_options,
) -> Result<(amop_service, Confirmed)> {
    let client = borrow!(client)?.client()?;
    let topic = text!(topic as topic)?;
    let serve = match borrow_optional!(options) {
        Some(options) => options.apply_to(client.serve(topic))?,
        None => client.serve(topic),
    };
    let (requests, confirmed) = serve.begin()?;
    let consumer = Consumer::pulled(c_topic(topic), requests);
    Ok((amop_service { consumer }, Box::pin(confirmed)))
}

/// Returns the service that the arguments describe, whose requests are passed to a callback, and its confirmation.
///
/// # Safety
/// The arguments are as the header demands of amop_client_serve_callback.
pub(crate) unsafe fn serve_callback(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_serve_options,
    callback: amop_request_callback,
    context: Context,
) -> Result<(amop_service, Confirmed)> {
    let client = borrow!(client)?.client()?;
    let name = text!(topic as topic)?;
    let call = function(callback.call)?;
    let topic = c_topic(name);
    let (shared, reports) = (topic.clone(), client.handler_reports());
    let serve = match borrow_optional!(options) {
        Some(options) => options.apply_to(client.serve(name))?,
        None => client.serve(name),
    };
    let (handler, confirmed) = serve.begin_blocking(move |request| {
        let lent = amop_request::new(request.clone(), shared.clone());
        // SAFETY: the header demands a function that takes this context and a request lent for the call.
        let failure = failure_of(|| unsafe { call(context.pointer(), &lent) });
        if let Some(text) = failure {
            reports.failed(&shared.to_string_lossy(), text);
            // Fails only if the callback has already answered.
            let _ = request.fail(AMOP_RESULT_FAILED, FAILED_TEXT);
        }
    })?;
    Ok((amop_service { consumer: Consumer::called(topic, handler) }, Box::pin(confirmed)))
}

/// Serves a topic. Requests are read with amop_service_next. Returns as amop_client_subscribe.
///
/// - Ownership: `topic` and `options` (may be NULL) are copied. `*service` is owned by the caller; free it with
///   amop_service_free.
/// - Threads: any thread, including callbacks. Waits up to the timeout in `options`.
/// - Errors: AMOP_ERROR_ALREADY_SERVED, _INVALID_TOPIC, _INVALID_ARGUMENT, _NOT_CONNECTED, _TIMEOUT, _CLOSED,
///   _FORKED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn amop_client_serve(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_serve_options,
    service: *mut *mut amop_service,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(service)?;
        // SAFETY: the caller meets what the header demands of this function.
        let (made, confirmed) = unsafe { serve(client, topic, options) }?;
        block_on(confirmed)?;
        out.give(made);
        Ok(())
    })
}

/// Serves a topic with a callback, which answers each request that it receives. Returns as amop_client_subscribe; the
/// callback may be called before.
///
/// - Ownership: `topic` and `options` (may be NULL) are copied. The context of the callback is owned by the library
///   until `drop`. `*service` is owned by the caller; free it with amop_service_free. If `service` is NULL, the
///   callback stays until the client is closed.
/// - Threads: any thread, including callbacks. Waits up to the timeout in `options`.
/// - Errors: as amop_client_serve.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_serve_callback(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_serve_options,
    callback: amop_request_callback,
    service: *mut *mut amop_service,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let context = Context::new(callback.context, callback.drop);
        let out = out_optional!(service);
        // SAFETY: the caller meets what the header demands of this function.
        let (made, confirmed) = unsafe { serve_callback(client, topic, options, callback, context) }?;
        block_on(confirmed)?;
        if let Some(out) = out {
            out.give(made);
        }
        Ok(())
    })
}

/// Stores the next request that can still be answered in `*request`. Waits up to `timeout_ms` for it; 0 does not wait.
///
/// - Threads: any thread, including callbacks. If several threads call it at once, each request goes to one of them.
/// - Errors: AMOP_ERROR_TIMEOUT if no request arrived. AMOP_ERROR_CLOSED if no more requests will arrive: the service
///   or the client is closed, and what was queued has been read. AMOP_ERROR_INVALID_ARGUMENT, also if the requests
///   are passed to a callback. AMOP_ERROR_FORKED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn amop_service_next(
    service: *const amop_service,
    timeout_ms: u64,
    request: *mut *mut amop_request,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, Miss, {
        let out = out!(request)?;
        let mut next = None;
        let consumer = &borrow!(service)?.consumer;
        consumer.next(timeout_ms, 1, |request, topic| next = Some(amop_request::new(request, topic)))?;
        if let Some(next) = next {
            out.give(next);
        }
        Ok(())
    })
}

/// Stores up to `max` requests in order. Waits up to `timeout_ms` for the first one, but not for more.
///
/// - Ownership: `requests` has space for `max` pointers, of which the first `*count` are set. Each request is owned
///   by the caller; free it with amop_request_free.
/// - Threads: as amop_service_next.
/// - Errors: as amop_service_next; then `*count` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_service_next_many(
    service: *const amop_service,
    timeout_ms: u64,
    requests: *mut *mut amop_request,
    max: usize,
    count: *mut usize,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, Miss, {
        let out = out!(count)?;
        let consumer = &borrow!(service)?.consumer;
        let mut places = places!(requests, max)?;
        let give = |request, topic| places.give(amop_request::new(request, topic));
        out.set(consumer.next(timeout_ms, max, give)?);
        Ok(())
    })
}

/// Stores a file descriptor in `*fd` that is readable while amop_service_next would not wait, see amop_subscription_fd.
///
/// - Ownership: `*fd` is owned by the library, which closes it when the service is freed. Do not read from it or close
///   it.
/// - Errors: as amop_subscription_fd.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_service_fd(
    service: *const amop_service,
    fd: *mut i32,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(fd)?;
        out.set(borrow!(service)?.consumer.descriptor()?);
        Ok(())
    })
}

/// Returns the topic; NULL for NULL.
///
/// - Ownership: the string is valid until the service is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_service_topic(service: *const amop_service) -> *const c_char {
    guard_or!(std::ptr::null(), {
        borrow_optional!(service).map_or(std::ptr::null(), |service| service.consumer.topic().as_ptr())
    })
}

/// Stores a snapshot of a service in `*stats`, with the statistics that amop_subscription_stats lists.
///
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn amop_service_stats(
    service: *const amop_service,
    stats: *mut *mut amop_stats,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(stats)?;
        out.give(amop_stats::of_subscription(borrow!(service)?.consumer.stats()?));
        Ok(())
    })
}

/// Ends a service: it accepts no more requests, and the nodes receive a topic list without it. Queued requests can
/// still be read and answered. A callback processes them until the timeout; the rest is answered as dropped. When
/// AMOP_OK is returned, the callback does not run any more and its `drop` has been called. It may be called again,
/// for example after AMOP_ERROR_TIMEOUT.
///
/// - Ownership: the caller keeps `service`.
/// - Threads: as amop_subscription_unsubscribe.
/// - Errors: as amop_subscription_unsubscribe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_service_unsubscribe(
    service: *const amop_service,
    timeout_ms: u64,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, { borrow!(service)?.consumer.unsubscribe(timeout_ms) })
}

/// Frees a service, and unsubscribes it without waiting if it is not unsubscribed. Unread requests are answered as
/// dropped. A callback is called for what is queued for it, then its `drop` is called.
///
/// - Threads: any thread, including callbacks, also its own. Never waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_service_free(service: *mut amop_service) {
    guard_or!((), {
        if let Some(handle) = take!(service.consumer) {
            handle.consumer.leave();
        }
    })
}
