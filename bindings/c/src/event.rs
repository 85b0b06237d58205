//! Events. What happens to connections and subscriptions. Events are passed to a callback, or read with
//! amop_events_next. A listener that reads too slowly loses the oldest events (amop_options_set_max_events).
//!
//! Getters and `_free`, unless a function states otherwise:
//!
//! - Ownership: the caller keeps `event`. Pointers returned are valid until it is freed, or until the callback that
//!   borrows it returns.

use std::ffi::{CStr, CString, c_char, c_void};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::UNIX_EPOCH;

use amop::{Event, Events, Process, PublicKey};
use futures_core::Stream;

use crate::argument::{c_text, name_of, pointer};
use crate::boundary::{Miss, guard};
use crate::client::amop_client;
use crate::error::amop_error;
use crate::inbox::{Inbox, Source};
use crate::macros::{borrow, borrow_optional, free, named, out, take};
use crate::status::amop_status;
use crate::unwind::{guard_or, guard_read};

/// The kind of an event.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum amop_event_kind_t {
    /// The event is NULL, or of a kind that this version of the library has no number for.
    AMOP_EVENT_NONE = 0,
    /// The client connected to a node for the first time.
    AMOP_EVENT_CONNECTED = 1,
    /// A connection was lost; the client reconnects automatically.
    AMOP_EVENT_LOST = 2,
    /// The client reconnected to a node, and its topics are listed there again.
    AMOP_EVENT_RECONNECTED = 3,
    /// An attempt to connect failed; the client will try again.
    AMOP_EVENT_CONNECT_FAILED = 4,
    /// A subscription or service has begun to lose messages. Emitted once per episode; its statistics count the
    /// messages.
    AMOP_EVENT_SLOW_CONSUMER = 5,
    /// A callback reported a failure by amop_callback_failed, or panicked inside of the library. Delivery continues.
    AMOP_EVENT_HANDLER_FAILED = 6,
    /// The client is closed. The last event.
    AMOP_EVENT_CLOSED = 7,
    /// A certificate in use ends soon, see amop_options_set_expiry_warning. Emitted once for each certificate; a listener
    /// that is created after that receives it first.
    AMOP_EVENT_CERTIFICATE_EXPIRING = 8,
    /// A subscriber of a private topic has proved to hold an allowed key: the node passes messages on to the subscribers at
    /// that subscriber's node. A node that verified them for an earlier publisher does not ask again, so that no event is
    /// emitted.
    AMOP_EVENT_VERIFIED = 9,
    /// A subscriber of a private topic could not be verified. Emitted when the reason is a new one for this topic and these
    /// nodes.
    AMOP_EVENT_REJECTED = 10,
}

impl From<amop_event_kind_t> for i32 {
    fn from(variant: amop_event_kind_t) -> i32 {
        variant as i32
    }
}

/// Every kind, with its name.
const KINDS: [(amop_event_kind_t, &CStr); 11] = named!(amop_event_kind_t {
    AMOP_EVENT_NONE,
    AMOP_EVENT_CONNECTED,
    AMOP_EVENT_LOST,
    AMOP_EVENT_RECONNECTED,
    AMOP_EVENT_CONNECT_FAILED,
    AMOP_EVENT_SLOW_CONSUMER,
    AMOP_EVENT_HANDLER_FAILED,
    AMOP_EVENT_CLOSED,
    AMOP_EVENT_CERTIFICATE_EXPIRING,
    AMOP_EVENT_VERIFIED,
    AMOP_EVENT_REJECTED,
});

/// An event. Immutable. A callback borrows it for the call.
pub struct amop_event {
    kind: amop_event_kind_t,
    endpoint: Option<CString>,
    topic: Option<CString>,
    node_version: Option<CString>,
    message: Option<CString>,
    protocol: u32,
    expires: i64,
    node_id: Option<CString>,
    key: Option<CString>,
    error: Option<amop_error>,
}

/// The callback for events. Its calls are sequential, in order.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct amop_event_callback {
    /// The function. The event is borrowed for the call.
    pub call: Option<unsafe extern "C-unwind" fn(context: *mut c_void, event: *const amop_event)>,
    /// Passed to both functions.
    pub context: *mut c_void,
    /// Called once, after the last call; may be NULL.
    pub drop: Option<unsafe extern "C-unwind" fn(context: *mut c_void)>,
}

/// A listener for the events of a client. Its functions may be called from any number of threads at once.
pub struct amop_events {
    process: Process,
    inbox: Inbox<Events>,
}

impl amop_events {
    pub(crate) fn new(events: Events) -> amop_events {
        amop_events { process: Process::current(), inbox: Inbox::new(events) }
    }
}

impl Source for Events {
    type Item = Event;
    const NAME: &'static str = "events";
    const ENDED: &'static str = "the client is closed";

    fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Event>> {
        Pin::new(self).as_mut().poll_next(cx)
    }

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        Events::poll_ready(self, cx)
    }
}

impl amop_event {
    pub(crate) fn new(event: Event) -> amop_event {
        let mut seen = amop_event {
            kind: amop_event_kind_t::AMOP_EVENT_NONE,
            endpoint: None,
            topic: None,
            node_version: None,
            message: None,
            protocol: 0,
            expires: 0,
            node_id: None,
            key: None,
            error: None,
        };
        seen.kind = match event {
            Event::Connected { endpoint, node_version, protocol, .. } => {
                seen.connection(&endpoint, &node_version, protocol);
                amop_event_kind_t::AMOP_EVENT_CONNECTED
            }
            Event::Reconnected { endpoint, node_version, protocol, .. } => {
                seen.connection(&endpoint, &node_version, protocol);
                amop_event_kind_t::AMOP_EVENT_RECONNECTED
            }
            Event::Lost { endpoint, error, .. } => {
                seen.failure(&endpoint, error);
                amop_event_kind_t::AMOP_EVENT_LOST
            }
            Event::ConnectFailed { endpoint, error, .. } => {
                seen.failure(&endpoint, error);
                amop_event_kind_t::AMOP_EVENT_CONNECT_FAILED
            }
            Event::SlowConsumer { topic, .. } => {
                seen.topic = Some(c_text(&topic));
                amop_event_kind_t::AMOP_EVENT_SLOW_CONSUMER
            }
            Event::HandlerFailed { topic, message, .. } => {
                seen.topic = Some(c_text(&topic));
                seen.message = Some(c_text(&message));
                amop_event_kind_t::AMOP_EVENT_HANDLER_FAILED
            }
            Event::CertificateExpiring { certificate, expires, .. } => {
                seen.message = Some(c_text(&certificate));
                let since = expires.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
                seen.expires = i64::try_from(since).unwrap_or(i64::MAX);
                amop_event_kind_t::AMOP_EVENT_CERTIFICATE_EXPIRING
            }
            Event::Verified { topic, endpoint, node_id, key, .. } => {
                seen.verification(&topic, &endpoint, &node_id, Some(&key));
                amop_event_kind_t::AMOP_EVENT_VERIFIED
            }
            Event::Rejected { topic, endpoint, node_id, key, reason, .. } => {
                seen.verification(&topic, &endpoint, &node_id, key.as_ref());
                seen.message = Some(c_text(&reason));
                amop_event_kind_t::AMOP_EVENT_REJECTED
            }
            Event::Closed => amop_event_kind_t::AMOP_EVENT_CLOSED,
            // tests/header.rs fails if an event of the core is missing here.
            _ => amop_event_kind_t::AMOP_EVENT_NONE,
        };
        seen
    }

    fn connection(&mut self, endpoint: &str, node_version: &str, protocol: u32) {
        self.endpoint = Some(c_text(endpoint));
        self.node_version = Some(c_text(node_version));
        self.protocol = protocol;
    }

    fn verification(&mut self, topic: &str, endpoint: &str, node_id: &str, key: Option<&PublicKey>) {
        self.topic = Some(c_text(topic));
        self.endpoint = Some(c_text(endpoint));
        self.node_id = Some(c_text(node_id));
        self.key = key.map(|key| c_text(&key.to_hex()));
    }

    fn failure(&mut self, endpoint: &str, error: amop::Error) {
        self.endpoint = Some(c_text(endpoint));
        self.error = Some(amop_error::new(error));
    }
}

/// Creates a listener for the events from now on, to be read with amop_events_next. See amop_options_events for the events
/// of connecting.
///
/// - Threads: any thread, including callbacks. Never waits.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn amop_client_events(
    client: *const amop_client,
    events: *mut *mut amop_events,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(events)?;
        out.give(amop_events::new(borrow!(client)?.client()?.events()));
        Ok(())
    })
}

/// Stores the next event in `*event`. Waits up to `timeout_ms` for it; 0 does not wait.
///
/// - Threads: any thread, including callbacks. If several threads call it at once, each event goes to one of them.
/// - Errors: AMOP_ERROR_TIMEOUT if no event arrived; AMOP_ERROR_CLOSED after AMOP_EVENT_CLOSED;
///   AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn amop_events_next(
    events: *const amop_events,
    timeout_ms: u64,
    event: *mut *mut amop_event,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, Miss, {
        let out = out!(event)?;
        let mut next = None;
        borrow!(events)?.inbox.next(timeout_ms, 1, |event| next = Some(event))?;
        if let Some(event) = next {
            out.give(amop_event::new(event));
        }
        Ok(())
    })
}

/// Stores a file descriptor in `*fd` that is readable while amop_events_next would not wait, see
/// amop_subscription_fd.
///
/// - Ownership: `*fd` is owned by the library, which closes it when `events` is freed. Do not read from it or close
///   it.
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

/// Frees a listener, with the events that were not read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_events_free(events: *mut amop_events) {
    guard_or!((), { drop(take!(events)) })
}

/// Returns the kind; AMOP_EVENT_NONE for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_kind(event: *const amop_event) -> amop_event_kind_t {
    guard_read!(amop_event_kind_t::AMOP_EVENT_NONE, {
        borrow_optional!(event).map_or(amop_event_kind_t::AMOP_EVENT_NONE, |event| event.kind)
    })
}

/// Returns the name of a kind of event, such as `AMOP_EVENT_CONNECTED`, or NULL for an unknown number.
///
/// - Ownership: the string is owned by the library and valid until the process exits.
#[unsafe(no_mangle)]
pub extern "C" fn amop_event_kind_name(kind: i32) -> *const c_char {
    guard_read!(std::ptr::null(), { name_of(&KINDS, kind) })
}

/// Returns the endpoint, as it was added, of CONNECTED, LOST, RECONNECTED and CONNECT_FAILED, and of VERIFIED and REJECTED
/// that of the publisher's node; NULL for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_endpoint(event: *const amop_event) -> *const c_char {
    guard_read!(std::ptr::null(), {
        pointer(borrow_optional!(event).and_then(|event| event.endpoint.as_ref()))
    })
}

/// Returns the version that the node reported, such as `2.11.2`, of CONNECTED and RECONNECTED; NULL for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_node_version(event: *const amop_event) -> *const c_char {
    guard_read!(std::ptr::null(), {
        pointer(borrow_optional!(event).and_then(|event| event.node_version.as_ref()))
    })
}

/// Returns the negotiated protocol version of CONNECTED and RECONNECTED; 0 for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_protocol(event: *const amop_event) -> u32 {
    guard_read!(0, { borrow_optional!(event).map_or(0, |event| event.protocol) })
}

/// Returns the topic of SLOW_CONSUMER, HANDLER_FAILED, VERIFIED and REJECTED; NULL for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_topic(event: *const amop_event) -> *const c_char {
    guard_read!(std::ptr::null(), { pointer(borrow_optional!(event).and_then(|event| event.topic.as_ref())) })
}

/// Returns the last moment at which the certificate is valid, in seconds since 1970 (UTC), of CERTIFICATE_EXPIRING; 0 for
/// other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_expires(event: *const amop_event) -> i64 {
    guard_read!(0, { borrow_optional!(event).map_or(0, |event| event.expires) })
}

/// Returns the id of the subscriber's node, of VERIFIED and REJECTED; NULL for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_node_id(event: *const amop_event) -> *const c_char {
    guard_read!(std::ptr::null(), {
        pointer(borrow_optional!(event).and_then(|event| event.node_id.as_ref()))
    })
}

/// Returns the public key that the subscriber has signed with, as 130 hex digits, of VERIFIED, and of REJECTED if it can be
/// known; NULL for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_key(event: *const amop_event) -> *const c_char {
    guard_read!(std::ptr::null(), { pointer(borrow_optional!(event).and_then(|event| event.key.as_ref())) })
}

/// Returns the text of HANDLER_FAILED, the certificate's subject and file of CERTIFICATE_EXPIRING, or the reason of
/// REJECTED; NULL for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_message(event: *const amop_event) -> *const c_char {
    guard_read!(std::ptr::null(), {
        pointer(borrow_optional!(event).and_then(|event| event.message.as_ref()))
    })
}

/// Returns the error of LOST and CONNECT_FAILED; NULL for other events. amop_error_clone makes a copy that outlives
/// the event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_error(event: *const amop_event) -> *const amop_error {
    guard_read!(std::ptr::null(), {
        let error = borrow_optional!(event).and_then(|event| event.error.as_ref());
        error.map_or(std::ptr::null(), |error| error)
    })
}

/// Frees an event that was read with amop_events_next. Must not be called for one that a callback borrows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_event_free(event: *mut amop_event) {
    guard_or!((), { free!(event) })
}
