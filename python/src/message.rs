//! What arrives: messages, requests to answer, replies.

use std::ffi::c_int;
use std::time::SystemTime;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyTuple};

use crate::error::{Result, checked};
use crate::payload::{Data, Payload};

/// Returns the function of this module that `pickle` calls to restore an object.
pub(crate) fn restoring<'py>(py: Python<'py>, name: &str) -> Result<Bound<'py, PyAny>> {
    py.import("amop._amop")?.getattr(name)
}

/// Restores a message that was pickled.
#[pyfunction]
pub(crate) fn restore_message(
    py: Python<'_>,
    topic: &str,
    broadcast: bool,
    seq: &[u8],
    data: Payload,
    endpoint: &str,
    received_at: SystemTime,
) -> Result<Message> {
    let kind = if broadcast { amop::MessageKind::Broadcast } else { amop::MessageKind::Unicast };
    let message = amop::Message::restored(topic, kind, seq, data.0, endpoint, received_at);
    checked(py, message).map(Message::new)
}

/// Restores a reply that was pickled.
#[pyfunction]
pub(crate) fn restore_reply(data: Payload, endpoint: &str) -> Reply {
    Reply::new(amop::Reply::restored(data.0, endpoint))
}

/// A message as received from a node. Immutable; may be kept and passed to other threads.
///
/// ``memoryview(message)`` is the payload without a copy, ``bytes(message)`` and ``message.data`` are copies.
#[pyclass(frozen, subclass, module = "amop", weakref)]
pub(crate) struct Message {
    message: amop::Message,
    data: Data,
}

impl Message {
    pub(crate) fn new(message: amop::Message) -> Message {
        let data = Data::new(message.data().clone());
        Message { message, data }
    }

    fn describe(&self, class: &str, more: &str) -> String {
        let kind = match self.message.kind() {
            amop::MessageKind::Unicast => "unicast",
            amop::MessageKind::Broadcast => "broadcast",
        };
        let (topic, endpoint) = (self.message.topic(), self.message.endpoint());
        let bytes = self.data.len();
        format!("<amop.{class} {kind} topic={topic:?} bytes={bytes} endpoint={endpoint:?}{more}>")
    }
}

#[pymethods]
impl Message {
    /// The topic that the message was published on.
    #[getter]
    fn topic(&self) -> &str {
        self.message.topic()
    }

    /// Whether the message is a unicast or a broadcast: a :class:`MessageKind`.
    #[getter]
    fn kind(&self, py: Python<'_>) -> Result<Py<PyAny>> {
        static UNICAST: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        static BROADCAST: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let (cell, name) = match self.message.kind() {
            amop::MessageKind::Unicast => (&UNICAST, "UNICAST"),
            amop::MessageKind::Broadcast => (&BROADCAST, "BROADCAST"),
        };
        let member = cell.get_or_try_init(py, || {
            Ok::<_, PyErr>(py.import("amop._words")?.getattr("MessageKind")?.getattr(name)?.unbind())
        })?;
        Ok(member.clone_ref(py))
    }

    /// The publisher's sequence id as received: 32 bytes from 2.x nodes. Empty if the protocol carries none.
    #[getter]
    fn seq<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.message.seq())
    }

    /// The payload: any bytes, possibly none. Copied when it is first read.
    #[getter]
    fn data(&self, py: Python<'_>) -> Py<PyBytes> {
        self.data.object(py)
    }

    /// The endpoint of the node that delivered the message, as it was added.
    #[getter]
    fn endpoint(&self) -> &str {
        self.message.endpoint()
    }

    /// When this client received the message, in UTC. The protocol does not transmit when it was sent.
    #[getter]
    fn received_at(&self) -> SystemTime {
        self.message.received_at()
    }

    fn __repr__(&self) -> String {
        self.describe("Message", "")
    }

    /// A message is immutable, so that it is its own copy.
    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> Result<Bound<'py, PyTuple>> {
        let (py, this) = (slf.py(), slf.get());
        let broadcast = this.message.kind() == amop::MessageKind::Broadcast;
        let values =
            (this.topic(), broadcast, this.seq(py), this.data(py), this.endpoint(), this.received_at());
        (restoring(py, "restore_message")?, values).into_pyobject(py)
    }

    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        // SAFETY: Python asks for the view to be filled, and `slf` owns the data.
        unsafe { slf.get().data.lend(slf.as_any(), view, flags) }
    }
}

/// A unicast that can be answered at once or later, from any thread.
///
/// Call :meth:`reply` or :meth:`fail` within ``answer_timeout`` (default 4.5 s, at 3.x nodes 29.5 s) of its arrival. After that the
/// library answers TOO_SLOW. When the last reference is dropped without an answer, the publisher receives
/// SUBSCRIBER_DROPPED.
#[pyclass(frozen, extends = Message, module = "amop")]
pub(crate) struct Request {
    request: amop::Request,
}

impl Request {
    pub(crate) fn object(py: Python<'_>, request: amop::Request) -> Result<Bound<'_, Request>> {
        let message = Message::new(request.message().clone());
        Bound::new(py, PyClassInitializer::from(message).add_subclass(Request { request }))
    }
}

#[pymethods]
impl Request {
    /// The code of a failure if the program has no code of its own.
    #[classattr]
    const FAILED: i32 = amop::Request::FAILED;

    /// Send the reply. Never waits.
    ///
    /// :param data: the payload, possibly empty.
    /// :raises ServiceError: the request has been answered, or can no longer be answered.
    /// :raises ArgumentError: the data does not fit in one frame.
    #[pyo3(signature = (data = None))]
    fn reply(&self, py: Python<'_>, data: Option<Payload>) -> Result<()> {
        checked(py, self.request.reply(data.map(|data| data.0).unwrap_or_default()))
    }

    /// Answer with a failure. Never waits.
    ///
    /// :param code: a code of the program: 32 bits, except 0, 100 to 104 and -5013 to -5010.
    /// :param data: what the publisher receives as ``error.data``.
    /// :raises ServiceError: as for :meth:`reply`.
    /// :raises ArgumentError: the code is not allowed, or the data does not fit in one frame.
    #[pyo3(signature = (code = amop::Request::FAILED, data = None), text_signature = "($self, code=-5000, data=None)")]
    fn fail(&self, py: Python<'_>, code: i32, data: Option<Payload>) -> Result<()> {
        checked(py, self.request.fail(code, data.map(|data| data.0).unwrap_or_default()))
    }

    /// Whether the request can still be answered.
    #[getter]
    fn is_open(&self) -> bool {
        self.request.is_open()
    }

    /// A request is answered through the connection that it came from, which no other process has.
    fn __reduce__(&self) -> Result<()> {
        Err(PyTypeError::new_err("a request can't be pickled: pass on its topic and data instead"))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        let more = if slf.get().request.is_open() { " open" } else { " over" };
        slf.as_super().get().describe("Request", more)
    }
}

/// A reply of a subscriber. Immutable.
///
/// ``memoryview(reply)`` is the payload without a copy, ``bytes(reply)`` and ``reply.data`` are copies.
#[pyclass(frozen, module = "amop", weakref)]
pub(crate) struct Reply {
    reply: amop::Reply,
    data: Data,
}

impl Reply {
    pub(crate) fn new(reply: amop::Reply) -> Reply {
        let data = Data::new(reply.data().clone());
        Reply { reply, data }
    }
}

#[pymethods]
impl Reply {
    /// The payload; empty if the subscriber sent none.
    #[getter]
    fn data(&self, py: Python<'_>) -> Py<PyBytes> {
        self.data.object(py)
    }

    /// The endpoint of the node that the message was sent to, as it was added.
    #[getter]
    fn endpoint(&self) -> &str {
        self.reply.endpoint()
    }

    /// A reply is immutable, so that it is its own copy.
    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> Result<Bound<'py, PyTuple>> {
        let (py, this) = (slf.py(), slf.get());
        (restoring(py, "restore_reply")?, (this.data(py), this.endpoint())).into_pyobject(py)
    }

    fn __repr__(&self) -> String {
        format!("<amop.Reply bytes={} endpoint={:?}>", self.data.len(), self.reply.endpoint())
    }

    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        // SAFETY: Python asks for the view to be filled, and `slf` owns the data.
        unsafe { slf.get().data.lend(slf.as_any(), view, flags) }
    }
}
