//! Runs the application's handlers on the messages of lanes: an async handler in one task for each subscription, a
//! blocking one on threads of the dispatcher.

mod answer;
mod jobs;
mod source;
mod tasks;

pub use answer::IntoAnswer;
pub(crate) use jobs::{BlockingJob, StreamJob, each_message, each_request};
pub(crate) use source::Source;
pub(crate) use tasks::{Task, for_each, serve};

use std::any::Any;
use std::sync::Arc;

use crate::delivery::{Event, EventHub};
use crate::protocol::Topic;

tokio::task_local! {
    /// Set while an async handler of any client runs. Nothing may wait for handlers then.
    static IN_HANDLER: ();
}

/// Returns whether the caller is a handler, on a dispatcher thread or in a task.
pub(crate) fn is_in_handler() -> bool {
    crate::delivery::is_dispatcher_thread() || IN_HANDLER.try_with(|()| ()).is_ok()
}

/// Runs `callback` as a handler: what it calls doesn't wait for handlers.
pub(crate) fn as_handler<R>(callback: impl FnOnce() -> R) -> R {
    IN_HANDLER.sync_scope((), callback)
}

/// The topic of a handler and the events of its client, to report the handler's failures.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(crate) topic: Topic,
    pub(crate) events: Arc<EventHub>,
}

impl Owner {
    /// Reports a failure in the log and as an event.
    fn failed(&self, text: String) {
        tracing::error!(topic = %self.topic, error = text, "a handler failed");
        self.events.emit(Event::HandlerFailed { topic: self.topic.name().into(), message: text });
    }

    fn panicked(&self, panic: &(dyn Any + Send)) {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no text".to_owned());
        tracing::error!(topic = %self.topic, panic = text, "a handler panicked");
        self.events.emit(Event::HandlerFailed { topic: self.topic.name().into(), message: text });
    }
}
