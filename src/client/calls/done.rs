//! A call as it is started, and its completion.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use super::super::handlers::as_handler;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::session;

/// A call that can be cancelled.
pub(super) trait Cancel: Send + Sync {
    fn cancel(self: Arc<Self>);
}

/// A call as it is started.
pub(crate) type Sending<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// Calls the completion callback exactly once, even if the call is dropped unfinished. Catches a panic of the
/// callback, because one task drives all calls of the client.
pub(super) struct Done<T, F: FnOnce(Result<T>)> {
    callback: Option<F>,
    /// What the error of a call without an outcome states.
    delivery: Delivery,
    _outcome: std::marker::PhantomData<fn(T)>,
}

impl<T, F: FnOnce(Result<T>)> Done<T, F> {
    pub(super) fn new(delivery: Delivery, callback: F) -> Done<T, F> {
        Done { callback: Some(callback), delivery, _outcome: std::marker::PhantomData }
    }

    pub(super) fn complete(&mut self, outcome: Result<T>) {
        let Some(callback) = self.callback.take() else { return };
        // A callback that closes the client must not wait for itself.
        let call = || as_handler(|| callback(outcome));
        if catch_unwind(AssertUnwindSafe(call)).is_err() {
            tracing::error!("a callback of an asynchronous call panicked");
        }
    }
}

impl<T, F: FnOnce(Result<T>)> Drop for Done<T, F> {
    /// Completes a call that its task has dropped, because the runtime of the caller was shut down before the client.
    fn drop(&mut self) {
        self.complete(Err(session::closed().with_delivery(self.delivery)));
    }
}

impl<T, F: FnOnce(Result<T>)> Done<T, F> {
    /// Completes a call that was cancelled.
    pub(super) fn cancelled(&mut self) {
        self.fail(ErrorKind::Cancelled, "the call was cancelled");
    }

    /// Completes a call that panicked.
    pub(super) fn panicked(&mut self) {
        self.fail(ErrorKind::Internal, "a bug in the library: the call panicked");
    }

    /// Completes a call that has no outcome of its own.
    fn fail(&mut self, kind: ErrorKind, text: &str) {
        let error = match self.delivery {
            Delivery::No => Error::undelivered(kind, text),
            Delivery::Maybe => {
                Error::maybe_delivered(kind, format!("{text}; the message may have been delivered"))
            }
        };
        self.complete(Err(error));
    }
}

/// Returns whether an error says that the message was never sent.
pub(super) fn is_refusal(error: &Error) -> bool {
    use ErrorKind as K;
    error.delivery() == Delivery::No
        && matches!(
            error.kind(),
            K::InvalidArgument
                | K::InvalidTopic
                | K::TooLarge
                | K::NotConnected
                | K::Overloaded
                | K::Closed
                | K::Forked
        )
}
