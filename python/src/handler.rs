//! Handlers: Python functions that dispatcher threads of the library call.

use std::sync::Arc;

use amop::HandlerReports;
use amop::protocol::result::FAILED_TEXT;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyWeakrefReference;
use pyo3::{PyTraverseError, PyVisit};

use crate::calling::{call, call_with};
use crate::error::Result;
use crate::interpreter::attached;
use crate::message::{Message, Request};
use crate::payload::Payload;
use crate::{event, interpreter, log};

/// A function of the program. The client holds it, the dispatcher has a weak reference only, so that a client that is
/// referenced by its own handlers can be collected.
#[pyclass(frozen, module = "amop._amop", weakref)]
pub(crate) struct Handler {
    function: Py<PyAny>,
    /// The dispatcher holds a clone as long as it may call the function.
    token: Arc<()>,
}

#[pymethods]
impl Handler {
    #[new]
    fn new(function: Py<PyAny>) -> Handler {
        Handler { function, token: Arc::default() }
    }

    /// Whether a function that was passed to a dispatcher will not be called again.
    #[getter]
    fn done(&self) -> bool {
        Arc::strong_count(&self.token) == 1
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        visit.call(&self.function)
    }
}

/// Calls a handler, on the side of the dispatcher.
pub(crate) struct Runner {
    handler: Py<PyWeakrefReference>,
    topic: String,
    reports: HandlerReports,
    _token: Arc<()>,
}

impl Runner {
    pub(crate) fn new(handler: &Bound<'_, Handler>, topic: &str, reports: HandlerReports) -> Result<Runner> {
        let token = handler.get().token.clone();
        let handler = PyWeakrefReference::new(handler.as_any())?.unbind();
        Ok(Runner { handler, topic: topic.to_owned(), reports, _token: token })
    }

    /// Calls the handler with each message.
    pub(crate) fn messages(&self, ready: &mut dyn Iterator<Item = amop::Message>) {
        attached(|py| {
            log::refresh_in_background(py);
            let Some(function) = self.function(py) else { return };
            for message in &mut *ready {
                let called = Bound::new(py, Message::new(message))
                    .and_then(|message| call_with(&function, message.as_any()));
                if let Err(error) = called {
                    self.failed(py, &error);
                }
            }
        });
        ready.for_each(drop);
    }

    /// Calls the handler with each request, and answers with its return value.
    pub(crate) fn requests(&self, ready: &mut dyn Iterator<Item = amop::Request>) {
        attached(|py| {
            log::refresh_in_background(py);
            let Some(function) = self.function(py) else { return };
            for request in &mut *ready {
                if let Err(error) = serve(py, &function, &request) {
                    self.failed(py, &error);
                    // Fails only if the handler had answered before it failed.
                    let _ = request.fail(amop::Request::FAILED, FAILED_TEXT);
                }
            }
        });
        ready.for_each(drop);
    }

    /// Returns the function; `None` if the client was collected. Nothing is called then, and what is ready is dropped.
    fn function<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        function(py, &self.handler)
    }

    /// Logs an exception of the handler and emits it as an event.
    fn failed(&self, py: Python<'_>, error: &PyErr) {
        static FAILED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let text = FAILED
            .import(py, "amop._logging", "handler_failed")
            .and_then(|failed| call(failed, (&self.topic, error.value(py), interpreter::is_ending())))
            .and_then(|text| text.extract::<String>())
            .unwrap_or_else(|_| error.to_string());
        self.reports.failed(&self.topic, text);
    }
}

/// Calls a handler of events, on the side of the dispatcher.
pub(crate) struct EventRunner {
    handler: Py<PyWeakrefReference>,
    _token: Arc<()>,
}

impl EventRunner {
    pub(crate) fn new(handler: &Bound<'_, Handler>) -> Result<EventRunner> {
        let token = handler.get().token.clone();
        Ok(EventRunner { handler: PyWeakrefReference::new(handler.as_any())?.unbind(), _token: token })
    }

    /// Calls the handler with an event; does nothing if the client was collected.
    pub(crate) fn call(&self, event: amop::Event) {
        attached(|py| {
            log::refresh_in_background(py);
            let Some(function) = function(py, &self.handler) else { return };
            let called = event::object(py, event).and_then(|event| call_with(&function, &event));
            if let Err(error) = called {
                static FAILED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
                let logged = FAILED
                    .import(py, "amop._logging", "event_handler_failed")
                    .and_then(|failed| call(failed, (error.value(py), interpreter::is_ending())));
                // Logging is all that can be done about it.
                drop(logged);
            }
        });
    }
}

/// Returns the function of a handler; `None` if its client was collected.
fn function<'py>(py: Python<'py>, handler: &Py<PyWeakrefReference>) -> Option<Bound<'py, PyAny>> {
    let handler = handler.bind(py).call0().ok()?;
    let handler = handler.cast::<Handler>().ok()?;
    Some(handler.get().function.bind(py).clone())
}

fn serve(py: Python<'_>, function: &Bound<'_, PyAny>, request: &amop::Request) -> Result<()> {
    let answer = call_with(function, Request::object(py, request.clone())?.as_any())?;
    if answer.is_none() {
        // The handler has answered through the request, or will do so later.
        return Ok(());
    }
    let data = answer.extract::<Payload>()?.0;
    crate::error::checked(py, request.reply(data))
}
