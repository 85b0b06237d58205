//! One lane, read by one job or several.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use crate::delivery::{LaneItem, LaneReader};

/// One lane, read by several jobs.
pub(crate) struct Source<T: LaneItem>(Arc<Mutex<Shared<T>>>);

struct Shared<T: LaneItem> {
    reader: LaneReader<T>,
    waiting: Arc<Waiting>,
}

/// The jobs that found the lane empty; a new batch wakes them all.
#[derive(Default)]
struct Waiting(Mutex<Vec<Waker>>);

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        let wakers = std::mem::take(&mut *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl<T: LaneItem> Source<T> {
    pub(crate) fn new(reader: LaneReader<T>) -> Source<T> {
        Source(Arc::new(Mutex::new(Shared { reader, waiting: Arc::default() })))
    }

    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll(cx, LaneReader::poll_next)
    }

    /// Whether there is anything to take, or the end to be seen.
    pub(super) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(cx, LaneReader::poll_ready)
    }

    /// Whether nothing will ever be there to take.
    pub(super) fn is_over(&self) -> bool {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).reader.is_over()
    }

    fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        ask: impl FnOnce(&mut LaneReader<T>, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        let mut shared = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Shared { reader, waiting } = &mut *shared;
        let all = Waker::from(waiting.clone());
        let answer = ask(reader, &mut Context::from_waker(&all));
        if answer.is_pending() {
            waiting.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(cx.waker().clone());
        }
        answer
    }
}

impl<T: LaneItem> Clone for Source<T> {
    fn clone(&self) -> Source<T> {
        Source(self.0.clone())
    }
}
