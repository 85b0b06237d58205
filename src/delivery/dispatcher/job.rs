//! The work that the dispatcher's threads run.

use std::task::Context;

/// The number of messages that a job handles before another ready job gets its thread.
pub(crate) const MAX_CALLS_PER_TURN: usize = 64;

/// The result of a job's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The job used up its turn; there may be more messages.
    More,
    /// The job has registered the waker and waits.
    Waiting,
    /// The job has ended.
    Done,
}

/// The work of one subscription.
pub(crate) trait Job: Send + 'static {
    /// Handles the messages that are ready, at most [`MAX_CALLS_PER_TURN`]. Registers the
    /// context's waker once there are no more.
    fn turn(&mut self, cx: &mut Context<'_>) -> Turn;
}
