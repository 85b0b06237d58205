//! Services. A service answers the unicasts of a topic; one per topic in a client. It alone gets them, while
//! broadcasts on that topic go to subscriptions only. Requests come to a callback, or are read with
//! amop_service_next.

use std::ffi::{CStr, c_char, c_void};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use amop::protocol::result::FAILED_TEXT;
use amop::{HandlerGuard, Placement, Process, Request, Requests, Result, Serve, ServeRequests};
use futures_core::Stream;

use crate::boundary::{
    borrow, borrow_mut, borrow_optional, free, guard, out, out_optional, places, take, text, time, unusable,
};
use crate::callback::{Context, failure_of, function};
use crate::client::amop_client;
use crate::error::amop_error;
use crate::inbox::{Inbox, Source};
use crate::message::c_topic;
use crate::options::{apply, bound};
use crate::request::{AMOP_RESULT_FAILED, amop_request};
use crate::stats::amop_stats;
use crate::status::amop_status;
use crate::subscription::{end, lock, placement_of};
use crate::waiting::block_on;

/// Options of a service, to be freed with amop_serve_options_free. NULL in their place takes the defaults. Belong to
/// one thread at a time.
#[derive(Default)]
pub struct amop_serve_options {
    concurrency: Option<usize>,
    max_messages: Option<usize>,
    max_bytes: Option<usize>,
    placement: Option<Placement>,
    timeout: Option<Duration>,
}

/// What is called for each request; several calls at once when the service's concurrency is above 1.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct amop_request_callback {
    /// The function. The request is lent for the call.
    pub call: Option<unsafe extern "C" fn(context: *mut c_void, request: *const amop_request)>,
    /// Passed to both functions.
    pub context: *mut c_void,
    /// Called once, after the last call; may be NULL.
    pub drop: Option<unsafe extern "C" fn(context: *mut c_void)>,
}

/// A service. Its functions may be used from many threads at once.
pub struct amop_service {
    process: Process,
    topic: Arc<CStr>,
    kind: Kind,
}

enum Kind {
    /// Read with `_next`.
    Pulled(Inbox<Requests>),
    /// Given to a callback.
    Called(Mutex<HandlerGuard>),
}

impl Source for Requests {
    type Item = Request;
    const NAME: &'static str = "requests";

    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Request>> {
        Pin::new(self).as_mut().poll_next(cx)
    }

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        Requests::poll_ready(self, cx)
    }
}

impl amop_service {
    fn new(topic: Arc<CStr>, kind: Kind) -> amop_service {
        amop_service { process: Process::current(), topic, kind }
    }

    fn inbox(&self) -> Result<&Inbox<Requests>> {
        match &self.kind {
            Kind::Pulled(inbox) => Ok(inbox),
            Kind::Called(_) => Err(unusable("this service's requests go to its callback")),
        }
    }
}

impl amop_serve_options {
    fn apply_to(&self, serve: Serve) -> Serve {
        let serve = apply(serve, self.concurrency, Serve::concurrency);
        let serve = apply(serve, self.max_messages, Serve::max_messages);
        let serve = apply(serve, self.max_bytes, Serve::max_bytes);
        let serve = apply(serve, self.placement, Serve::placement);
        apply(serve, self.timeout, Serve::timeout)
    }

    fn apply_to_requests(&self, serve: ServeRequests) -> ServeRequests {
        let serve = apply(serve, self.max_messages, ServeRequests::max_messages);
        let serve = apply(serve, self.max_bytes, ServeRequests::max_bytes);
        let serve = apply(serve, self.placement, ServeRequests::placement);
        apply(serve, self.timeout, ServeRequests::timeout)
    }
}

/// Options with all defaults.
///
/// - Ownership: the options are the caller's, for amop_serve_options_free.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn amop_serve_options_new() -> *mut amop_serve_options {
    guard!(or std::ptr::null_mut(), { Box::into_raw(Box::default()) })
}

/// Frees options; services that were made with them keep theirs.
///
/// - Ownership: `options` is gone; NULL is fine.
/// - Threads: one at a time; callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_serve_options_free(options: *mut amop_serve_options) {
    guard!(or(), { free!(options) })
}

/// How many calls of the callback may run at once. Default 1. Of no use for a service without callback.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_serve_options_set_concurrency(
    options: *mut amop_serve_options,
    calls: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.concurrency = bound(calls);
        Ok(())
    })
}

/// Most requests held for it; beyond, publishers are told that it is busy. Default 65,536.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_serve_options_set_max_messages(
    options: *mut amop_serve_options,
    messages: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.max_messages = bound(messages);
        Ok(())
    })
}

/// Most bytes held for it, payloads and 160 for each request; one request of any size is taken when it is empty.
/// Default 64 MiB.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_serve_options_set_max_bytes(
    options: *mut amop_serve_options,
    bytes: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.max_bytes = bound(bytes);
        Ok(())
    })
}

/// At how many nodes the topic is listed: an AMOP_PLACEMENT_*. Default one: listed at all nodes a service would make
/// every publisher that shares one of them stall, since nodes lose unicasts to clients of their own.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_serve_options_set_placement(
    options: *mut amop_serve_options,
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
pub unsafe extern "C" fn amop_serve_options_set_timeout(
    options: *mut amop_serve_options,
    timeout_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.timeout = time(timeout_ms);
        Ok(())
    })
}

/// Serves a topic with a callback, which answers through the request that it gets. Returns when a node lists the
/// topic; the callback may be called before that.
///
/// - Ownership: `topic` and `options` (may be NULL) are copied. The callback's context is the library's until
///   `drop`. `*service` is the caller's, for amop_service_free; a `service` that is NULL leaves the callback in
///   place until the client closes.
/// - Threads: any; waits up to the options' timeout, in callbacks too.
/// - Errors: AMOP_ERROR_ALREADY_SERVED, _INVALID_TOPIC, _INVALID_ARGUMENT, _NOT_CONNECTED, _TIMEOUT, _CLOSED,
///   _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_serve(
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
        let client = borrow!(client)?.client()?;
        let name = text!(topic as topic)?;
        let call = function(callback.call)?;
        let topic = c_topic(name);
        let (shared, reports) = (topic.clone(), client.handler_reports());
        let serve = client.serve_blocking(name, move |request| {
            let lent = amop_request::new(request.clone(), shared.clone());
            // SAFETY: the header demands a function that takes this context and a request lent for the call.
            let failure = failure_of(|| unsafe { call(context.pointer(), &lent) });
            if let Some(text) = failure {
                reports.failed(&shared.to_string_lossy(), text);
                // Fails only if there is an answer already.
                let _ = request.fail(AMOP_RESULT_FAILED, FAILED_TEXT);
            }
        });
        let serve = apply(serve, borrow_optional!(options), |s, options| options.apply_to(s));
        let handler = block_on(serve.into_future())?;
        if let Some(out) = out {
            out.give(amop_service::new(topic, Kind::Called(Mutex::new(handler))));
        }
        Ok(())
    })
}

/// Serves a topic whose requests are read with amop_service_next. Returns when a node lists the topic.
///
/// - Ownership: `topic` and `options` (may be NULL) are copied; `*service` is the caller's, for amop_service_free.
/// - Threads: any; waits up to the options' timeout, in callbacks too.
/// - Errors: as amop_client_serve.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_serve_requests(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_serve_options,
    service: *mut *mut amop_service,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(service)?;
        let client = borrow!(client)?.client()?;
        let topic = text!(topic as topic)?;
        let serve = client.serve_requests(topic);
        let serve = apply(serve, borrow_optional!(options), |s, options| options.apply_to_requests(s));
        let requests = block_on(serve.into_future())?;
        out.give(amop_service::new(c_topic(topic), Kind::Pulled(Inbox::new(requests))));
        Ok(())
    })
}

/// The next request that can still be answered. Waits up to `timeout_ms` for one; 0 doesn't wait.
///
/// - Ownership: `*request` is the caller's, for amop_request_free.
/// - Threads: any, also several at once: each request goes to one of them. Waits in callbacks too.
/// - Errors: AMOP_ERROR_TIMEOUT when none came; AMOP_ERROR_CLOSED when none will come any more: after
///   unsubscribing or closing, and all that was queued is read. AMOP_ERROR_INVALID_ARGUMENT when the requests go
///   to a callback. AMOP_ERROR_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_service_next(
    service: *const amop_service,
    timeout_ms: u64,
    request: *mut *mut amop_request,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(request)?;
        let service = borrow!(service)?;
        let mut next = None;
        service.inbox()?.next(timeout_ms, 1, |request| next = Some(request))?;
        if let Some(request) = next {
            out.give(amop_request::new(request, service.topic.clone()));
        }
        Ok(())
    })
}

/// The next requests, up to `max`, in order. Waits up to `timeout_ms` for the first; takes what is there then.
///
/// - Ownership: `requests` has room for `max` pointers, of which the first `*count` are set; each request is the
///   caller's, for amop_request_free.
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
    guard!(error, {
        let out = out!(count)?;
        let service = borrow!(service)?;
        let mut places = places!(requests, max)?;
        let taken = service.inbox()?.next(timeout_ms, max, |request| {
            places.give(amop_request::new(request, service.topic.clone()));
        })?;
        out.set(taken);
        Ok(())
    })
}

/// A file descriptor that is readable while amop_service_next would not wait, see amop_subscription_fd.
///
/// - Ownership: `*fd` is the library's, which closes it with the service: don't read from it, don't close it.
/// - Threads: any, callbacks too.
/// - Errors: as amop_subscription_fd.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_service_fd(
    service: *const amop_service,
    fd: *mut i32,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(fd)?;
        out.set(borrow!(service)?.inbox()?.descriptor()?);
        Ok(())
    })
}

/// The topic.
///
/// - Ownership: the text is lent as long as the service; NULL for NULL.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_service_topic(service: *const amop_service) -> *const c_char {
    guard!(or std::ptr::null(), {
        borrow_optional!(service).map_or(std::ptr::null(), |service| service.topic.as_ptr())
    })
}

/// What it holds, accepted and lost so far: the same figures as of a subscription.
///
/// - Ownership: `*stats` is the caller's, for amop_stats_free.
/// - Threads: any, callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_service_stats(
    service: *const amop_service,
    stats: *mut *mut amop_stats,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(stats)?;
        let service = borrow!(service)?;
        service.process.check()?;
        let figures = match &service.kind {
            Kind::Pulled(inbox) => inbox.source()?.stats(),
            Kind::Called(handler) => lock(handler).stats(),
        };
        out.give(amop_stats::of_subscription(figures));
        Ok(())
    })
}

/// Takes no more requests and tells the node. What is queued can still be read and answered; a callback works it
/// off until the timeout, then the rest is answered as dropped. When it returns AMOP_OK the callback doesn't run
/// any more, and its `drop` has been called. May be called again, say after AMOP_ERROR_TIMEOUT.
///
/// - Ownership: `service` stays the caller's.
/// - Threads: as amop_subscription_unsubscribe.
/// - Errors: as amop_subscription_unsubscribe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_service_unsubscribe(
    service: *const amop_service,
    timeout_ms: u64,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let service = borrow!(service)?;
        service.process.check()?;
        match &service.kind {
            Kind::Pulled(inbox) => {
                inbox.source()?.unsubscribe();
                Ok(())
            }
            Kind::Called(handler) => end(handler, timeout_ms),
        }
    })
}

/// Frees a service. One that wasn't unsubscribed is, without waiting: unread requests are answered as dropped; a
/// callback gets what is queued for it, then its `drop` is called.
///
/// - Ownership: `service` is gone; NULL is fine.
/// - Threads: any, never waits; callbacks too, its own among them.
/// - Errors: none. In the child of a fork the memory is left alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_service_free(service: *mut amop_service) {
    guard!(or(), {
        let Some(handle) = take!(service) else { return };
        if let Kind::Called(handler) = &handle.kind {
            lock(handler).leave();
        }
    })
}
