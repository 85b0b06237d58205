//! Events. What happens to connections and subscriptions, on a way of its own: to a callback, or read with
//! amop_events_next. One that is read too slowly loses the oldest of more than 1,024.

use std::ffi::{CStr, CString, c_char, c_void};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use amop::{Event, Events, Process};
use futures_core::Stream;

use crate::boundary::{borrow, borrow_optional, c_text, free, guard, out, take};
use crate::callback::{Context, call_or_log, function};
use crate::client::amop_client;
use crate::error::amop_error;
use crate::inbox::{Inbox, Source};
use crate::status::amop_status;

/// What happened.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum amop_event_kind {
    /// There is no event, or one that this version of the library has no name for.
    AMOP_EVENT_NONE = 0,
    /// A node is connected for the first time.
    AMOP_EVENT_CONNECTED = 1,
    /// A connection is lost; the client reconnects by itself.
    AMOP_EVENT_LOST = 2,
    /// A node is connected again and lists all topics of this client.
    AMOP_EVENT_RECONNECTED = 3,
    /// A try to (re)connect failed; the next comes by itself.
    AMOP_EVENT_CONNECT_FAILED = 4,
    /// A subscription or service begins to lose messages. Once per episode; its figures tell how many.
    AMOP_EVENT_SLOW_CONSUMER = 5,
    /// A callback reported a failure by amop_callback_failed, or panicked inside of the library. Delivery continues.
    AMOP_EVENT_HANDLER_FAILED = 6,
    /// The client is closed; the last event.
    AMOP_EVENT_CLOSED = 7,
}

/// An event. In a callback it is lent for the call. Immutable.
pub struct amop_event {
    kind: amop_event_kind,
    endpoint: Option<CString>,
    topic: Option<CString>,
    node_version: Option<CString>,
    message: Option<CString>,
    protocol: u32,
    error: Option<amop_error>,
}

/// What is called for each event: one call after the other, in order.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct amop_event_callback {
    /// The function. The event is lent for the call.
    pub call: Option<unsafe extern "C" fn(context: *mut c_void, event: *const amop_event)>,
    /// Passed to both functions.
    pub context: *mut c_void,
    /// Called once, after the last call; may be NULL.
    pub drop: Option<unsafe extern "C" fn(context: *mut c_void)>,
}

/// A client's events, to be read. Its functions may be used from many threads at once.
pub struct amop_events {
    process: Process,
    inbox: Inbox<Events>,
}

impl Source for Events {
    type Item = Event;
    const NAME: &'static str = "events";

    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Event>> {
        Pin::new(self).as_mut().poll_next(cx)
    }

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        Events::poll_ready(self, cx)
    }
}

impl amop_event {
    fn new(event: Event) -> amop_event {
        let mut seen = amop_event {
            kind: amop_event_kind::AMOP_EVENT_NONE,
            endpoint: None,
            topic: None,
            node_version: None,
            message: None,
            protocol: 0,
            error: None,
        };
        seen.kind = match event {
            Event::Connected { endpoint, node_version, protocol } => {
                seen.connection(&endpoint, &node_version, protocol);
                amop_event_kind::AMOP_EVENT_CONNECTED
            }
            Event::Reconnected { endpoint, node_version, protocol } => {
                seen.connection(&endpoint, &node_version, protocol);
                amop_event_kind::AMOP_EVENT_RECONNECTED
            }
            Event::Lost { endpoint, error } => {
                seen.failure(&endpoint, error);
                amop_event_kind::AMOP_EVENT_LOST
            }
            Event::ConnectFailed { endpoint, error } => {
                seen.failure(&endpoint, error);
                amop_event_kind::AMOP_EVENT_CONNECT_FAILED
            }
            Event::SlowConsumer { topic } => {
                seen.topic = Some(c_text(&topic));
                amop_event_kind::AMOP_EVENT_SLOW_CONSUMER
            }
            Event::HandlerFailed { topic, message } => {
                seen.topic = Some(c_text(&topic));
                seen.message = Some(c_text(&message));
                amop_event_kind::AMOP_EVENT_HANDLER_FAILED
            }
            Event::Closed => amop_event_kind::AMOP_EVENT_CLOSED,
            // The core may grow events before this file does; tests/header.rs finds it.
            _ => amop_event_kind::AMOP_EVENT_NONE,
        };
        seen
    }

    fn connection(&mut self, endpoint: &str, node_version: &str, protocol: u32) {
        self.endpoint = Some(c_text(endpoint));
        self.node_version = Some(c_text(node_version));
        self.protocol = protocol;
    }

    fn failure(&mut self, endpoint: &str, error: amop::Error) {
        self.endpoint = Some(c_text(endpoint));
        self.error = Some(amop_error::new(error));
    }
}

fn pointer(text: Option<&CString>) -> *const c_char {
    text.map(CString::as_c_str).map_or(std::ptr::null(), CStr::as_ptr)
}

/// Calls back for what happens from now on, until the client is closed.
///
/// - Ownership: the callback's context is the library's until `drop`.
/// - Threads: any, callbacks too; never waits. The callback runs on a thread of the library's own, and delays no
///   subscription.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _CLOSED, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_on_event(
    client: *const amop_client,
    callback: amop_event_callback,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let context = Context::new(callback.context, callback.drop);
        let client = borrow!(client)?.client()?;
        let call = function(callback.call)?;
        client.dispatch(client.events(), move |event| {
            let event = amop_event::new(event);
            // SAFETY: the header demands a function that takes this context and an event lent for the call.
            call_or_log("an event", || unsafe { call(context.pointer(), &event) });
        })
    })
}

/// What happens from now on, to be read with amop_events_next.
///
/// - Ownership: `*events` is the caller's, for amop_events_free.
/// - Threads: any, callbacks too; never waits.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_events(
    client: *const amop_client,
    events: *mut *mut amop_events,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(events)?;
        let inbox = Inbox::new(borrow!(client)?.client()?.events());
        out.give(amop_events { process: Process::current(), inbox });
        Ok(())
    })
}

/// The next event. Waits up to `timeout_ms` for one; 0 doesn't wait.
///
/// - Ownership: `*event` is the caller's, for amop_event_free.
/// - Threads: any, also several at once: each event goes to one of them. Waits in callbacks too.
/// - Errors: AMOP_ERROR_TIMEOUT when none came; AMOP_ERROR_CLOSED after AMOP_EVENT_CLOSED;
///   AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_events_next(
    events: *const amop_events,
    timeout_ms: u64,
    event: *mut *mut amop_event,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(event)?;
        let mut next = None;
        borrow!(events)?.inbox.next(timeout_ms, 1, |event| next = Some(event))?;
        if let Some(event) = next {
            out.give(amop_event::new(event));
        }
        Ok(())
    })
}

/// A file descriptor that is readable while amop_events_next would not wait, see amop_subscription_fd.
///
/// - Ownership: `*fd` is the library's, which closes it with `events`: don't read from it, don't close it.
/// - Threads: any, callbacks too.
/// - Errors: as amop_completion_queue_fd.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_events_fd(
    events: *const amop_events,
    fd: *mut i32,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(fd)?;
        out.set(borrow!(events)?.inbox.descriptor()?);
        Ok(())
    })
}

/// Stops listening.
///
/// - Ownership: `events` is gone, with what wasn't read; NULL is fine.
/// - Threads: any, callbacks too.
/// - Errors: none. In the child of a fork the memory is left alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_events_free(events: *mut amop_events) {
    guard!(or(), { drop(take!(events)) })
}

/// What happened; AMOP_EVENT_NONE for NULL.
///
/// - Ownership: `event` stays as it was.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_kind_of(event: *const amop_event) -> amop_event_kind {
    guard!(or amop_event_kind::AMOP_EVENT_NONE, {
        borrow_optional!(event).map_or(amop_event_kind::AMOP_EVENT_NONE, |event| event.kind)
    })
}

/// The endpoint, as given, of CONNECTED, LOST, RECONNECTED, CONNECT_FAILED; NULL for others, and for NULL.
///
/// - Ownership: the text is lent as long as the event.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_endpoint(event: *const amop_event) -> *const c_char {
    guard!(or std::ptr::null(), { pointer(borrow_optional!(event).and_then(|event| event.endpoint.as_ref())) })
}

/// What the node calls itself, `2.11.2`, of CONNECTED and RECONNECTED; NULL for others, and for NULL.
///
/// - Ownership: the text is lent as long as the event.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_node_version(event: *const amop_event) -> *const c_char {
    guard!(or std::ptr::null(), {
        pointer(borrow_optional!(event).and_then(|event| event.node_version.as_ref()))
    })
}

/// The agreed protocol version, of CONNECTED and RECONNECTED; 0 for others, and for NULL.
///
/// - Ownership: `event` stays as it was.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_protocol(event: *const amop_event) -> u32 {
    guard!(or 0, { borrow_optional!(event).map_or(0, |event| event.protocol) })
}

/// The topic, of SLOW_CONSUMER and HANDLER_FAILED; NULL for others, and for NULL.
///
/// - Ownership: the text is lent as long as the event.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_topic(event: *const amop_event) -> *const c_char {
    guard!(or std::ptr::null(), { pointer(borrow_optional!(event).and_then(|event| event.topic.as_ref())) })
}

/// How the callback failed, of HANDLER_FAILED; NULL for others, and for NULL.
///
/// - Ownership: the text is lent as long as the event.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_message(event: *const amop_event) -> *const c_char {
    guard!(or std::ptr::null(), { pointer(borrow_optional!(event).and_then(|event| event.message.as_ref())) })
}

/// Why, of LOST and CONNECT_FAILED; NULL for others, and for NULL.
///
/// - Ownership: the error is lent as long as the event; amop_error_clone keeps it.
/// - Threads: any, callbacks too.
/// - Errors: none of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_error(event: *const amop_event) -> *const amop_error {
    guard!(or std::ptr::null(), {
        let error = borrow_optional!(event).and_then(|event| event.error.as_ref());
        error.map_or(std::ptr::null(), |error| error)
    })
}

/// Frees an event that came from amop_events_next, never one that is lent to a callback.
///
/// - Ownership: `event` is gone; NULL is fine.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_free(event: *mut amop_event) {
    guard!(or(), { free!(event) })
}
