//! Reading the events of a client.

use std::task::{Context, Poll};

use crate::delivery::{Event, LaneReader};
use crate::runtime::Process;

/// The events of a client, from the moment on at which this listener was made. At most `max_events` are kept; then the
/// oldest are dropped.
#[must_use = "a listener does nothing until it is read"]
pub struct Events {
    pub(super) reader: LaneReader<Event>,
    pub(super) process: Process,
}

impl Events {
    /// Returns the next event, or `None` after the last one, [`Event::Closed`], and in the child of a fork.
    ///
    /// # Cancel safety
    /// No event is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Returns whether [`Events::next`] would be ready, without taking an event.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.process.or_end(self.reader.poll_ready(cx).map(Some)).map(drop)
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.process.or_end(self.reader.poll_next(cx))
    }
}

impl futures_core::Stream for Events {
    type Item = Event;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_event(cx)
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
