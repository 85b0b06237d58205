//! What the failure of an attempt means for the call.
//!
//! A failure is definite (the message was not delivered) or the message may have been delivered. After a definite one
//! the call goes on with the next node.

use std::time::Duration;

use crate::error::{Delivery, Error, ErrorKind};
use crate::protocol::Topic;
use crate::session;
use crate::text::span;

/// Returns whether nothing was delivered, and a later attempt may succeed.
fn is_definite(error: &Error) -> bool {
    error.delivery() == Delivery::No
        && error.is_retriable()
        && !matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Overloaded)
}

/// Returns whether the same message, with the same id, may be sent through another node.
///
/// It was not delivered, this connection's queue is full, or a subscriber refused it. Another subscriber may have
/// received it before that one; subscribers of this library recognise the id.
pub(super) fn can_try_other_node(error: &Error) -> bool {
    is_definite(error)
        || (error.kind() == ErrorKind::Overloaded && error.delivery() == Delivery::No)
        || matches!(error.kind(), ErrorKind::SubscriberBusy | ErrorKind::SubscriberUnsubscribed)
}

/// Returns whether a call that waits for a subscriber tries again, with the same id.
pub(super) fn can_wait(error: &Error) -> bool {
    can_try_other_node(error) || error.kind() == ErrorKind::NoSubscriber
}

/// Returns the error of a call that has waited for a subscriber: its text doesn't advise to wait.
pub(super) fn after_waiting(error: Error, topic: &Topic, waited: Duration) -> Error {
    let is_missing = matches!(error.kind(), ErrorKind::NoSubscriber | ErrorKind::SubscriberUnreachable);
    // The texts of messages that may have been delivered, and of broadcasts, don't.
    let Some(code) = error.node_code().filter(|_| is_missing && error.delivery() == Delivery::No) else {
        return error;
    };
    let text = format!(
        "no {} of {topic:?} was found within {} (code {code}): check that one is connected to a node of this chain, and \
         that its topic has exactly this name",
        topic.subscriber(),
        span(waited)
    );
    error.with_text(text)
}

/// Returns whether the connection has not sent a unicast because its node no longer passed it on by then.
pub(super) fn is_passage_over(error: &Error) -> bool {
    error.kind() == ErrorKind::OwnNodeOnly
}

/// Returns whether a call with [`Retry::AtLeastOnce`] tries again.
pub(super) fn can_retry(error: &Error) -> bool {
    can_try_other_node(error) || is_maybe(error)
}

/// The failures so far of a call with several attempts.
#[derive(Default)]
pub(super) struct Failed {
    pub(super) error: Option<Error>,
    /// Whether the message may have been delivered by some attempt.
    pub(super) maybe: bool,
}

impl Failed {
    pub(super) fn add(&mut self, error: Error) {
        self.maybe |= error.delivery() == Delivery::Maybe;
        self.error = Some(more_informative(self.error.take(), error));
    }

    /// Returns the error that ends the call while attempts may be under way. If the time is over, it states why an attempt
    /// before had failed.
    pub(super) fn end(&self, error: Error, running: bool) -> Error {
        let error = match &self.error {
            Some(former) if error.kind() == ErrorKind::Timeout && former.kind() != ErrorKind::Timeout => {
                let text = format!("{}; an attempt before failed: {}", error.message(), former.message());
                error.with_text(text)
            }
            _ => error,
        };
        if self.maybe || running { error.with_delivery(Delivery::Maybe) } else { error }
    }

    /// Returns the error that ends the call when no attempt is under way.
    pub(super) fn end_with(&self, error: Error) -> Error {
        self.end(error, false)
    }

    /// Returns the most informative of the failures. Without any there was no node to try.
    pub(super) fn into_error(mut self) -> Error {
        let error = self.error.take().unwrap_or_else(session::nobody_connected);
        self.end_with(error)
    }
}

/// Returns whether the message may have been delivered and no subscriber has reported its outcome.
fn is_maybe(error: &Error) -> bool {
    error.delivery() == Delivery::Maybe
        && matches!(
            error.kind(),
            ErrorKind::Timeout
                | ErrorKind::ConnectionLost
                | ErrorKind::NoSubscriber
                | ErrorKind::RemoteNode
                | ErrorKind::NodeTimeout
                | ErrorKind::SubscriberUnreachable
        )
}

/// Returns the failure to report of two: one that may have been delivered rather than one that was not, and the answer
/// of a node rather than a missing connection.
pub(super) fn more_informative(former: Option<Error>, latter: Error) -> Error {
    match former {
        Some(former) if former.delivery() == Delivery::Maybe && latter.delivery() == Delivery::No => former,
        Some(former) if latter.kind() == ErrorKind::NotConnected => former,
        _ => latter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind, delivery: Delivery) -> Error {
        Error::undelivered(kind, "").with_delivery(delivery)
    }

    #[test]
    fn errors_state_which_calls_try_again() {
        use Delivery::{Maybe, No};
        let table = [
            // kind, delivery: through another node, while waiting for a subscriber, at least once
            (ErrorKind::NoSubscriber, No, [true, true, true]),
            (ErrorKind::NoSubscriber, Maybe, [false, true, true]),
            (ErrorKind::SubscriberBusy, No, [true, true, true]),
            (ErrorKind::SubscriberBusy, Maybe, [true, true, true]),
            (ErrorKind::SubscriberUnsubscribed, Maybe, [true, true, true]),
            (ErrorKind::ConnectionLost, No, [true, true, true]),
            (ErrorKind::ConnectionLost, Maybe, [false, false, true]),
            (ErrorKind::NotConnected, No, [true, true, true]),
            (ErrorKind::OwnNodeOnly, No, [true, true, true]),
            (ErrorKind::Overloaded, No, [true, true, true]),
            (ErrorKind::Bandwidth, No, [true, true, true]),
            (ErrorKind::SubscriberUnreachable, Maybe, [false, false, true]),
            (ErrorKind::NodeTimeout, Maybe, [false, false, true]),
            (ErrorKind::Timeout, No, [false, false, false]),
            (ErrorKind::Timeout, Maybe, [false, false, true]),
            (ErrorKind::SubscriberFailed, Maybe, [false, false, false]),
            (ErrorKind::SubscriberTooSlow, Maybe, [false, false, false]),
            (ErrorKind::TooLarge, No, [false, false, false]),
            (ErrorKind::Closed, No, [false, false, false]),
            (ErrorKind::Cancelled, Maybe, [false, false, false]),
        ];
        for (kind, delivery, expected) in table {
            let error = error(kind, delivery);
            let found = [can_try_other_node(&error), can_wait(&error), can_retry(&error)];
            assert_eq!(found, expected, "{kind:?} {delivery:?}");
        }
    }

    #[test]
    fn call_that_has_waited_is_not_advised_to_wait() {
        use Delivery::{Maybe, No};
        let topic = Topic::new("t").unwrap();
        let refused = |kind, delivery, code| {
            let error = Error::undelivered(kind, "wait for a subscriber").with_delivery(delivery);
            let after = after_waiting(error.with_node_code(code), &topic, Duration::from_secs(10));
            assert_eq!((after.kind(), after.delivery(), after.node_code()), (kind, delivery, Some(code)));
            after.message().to_owned()
        };
        for (kind, code) in [(ErrorKind::NoSubscriber, 100), (ErrorKind::SubscriberUnreachable, 3002)] {
            let text = refused(kind, No, code);
            assert!(
                text.starts_with(&format!(
                    "no subscriber of \"t\" was found within 10 s (code {code}): check"
                ))
            );
            assert_eq!(refused(kind, Maybe, code), "wait for a subscriber", "these texts give other advice");
        }
    }

    #[test]
    fn most_informative_failure_is_reported() {
        use Delivery::{Maybe, No};
        let first = error(ErrorKind::Timeout, Maybe);
        assert_eq!(
            more_informative(Some(first), error(ErrorKind::NoSubscriber, No)).kind(),
            ErrorKind::Timeout
        );
        let first = error(ErrorKind::NoSubscriber, No);
        let reported = more_informative(Some(first), error(ErrorKind::NotConnected, No));
        assert_eq!(reported.kind(), ErrorKind::NoSubscriber);
    }

    #[test]
    fn end_of_the_time_states_why_an_attempt_failed() {
        use Delivery::{Maybe, No};
        let timeout = || Error::maybe_delivered(ErrorKind::Timeout, "no answer within 60 s");
        let mut failed = Failed::default();
        assert_eq!(failed.end_with(timeout()).message(), "no answer within 60 s");
        failed.add(Error::maybe_delivered(ErrorKind::SubscriberBusy, "it has no capacity"));
        let late = failed.end_with(timeout());
        assert_eq!((late.kind(), late.delivery()), (ErrorKind::Timeout, Maybe));
        let text = "no answer within 60 s; an attempt before failed: it has no capacity";
        assert_eq!(late.message(), text);
        let closed = failed.end_with(Error::undelivered(ErrorKind::Closed, "closed"));
        assert_eq!(closed.message(), "closed");
        let mut failed = Failed::default();
        failed.add(error(ErrorKind::NoSubscriber, No));
        failed.add(timeout());
        assert_eq!(failed.into_error().message(), "no answer within 60 s");
    }

    #[test]
    fn delivery_stays_maybe_after_one_attempt_that_may_be_delivered() {
        use Delivery::{Maybe, No};
        let mut failed = Failed::default();
        failed.add(error(ErrorKind::NoSubscriber, No));
        assert_eq!(failed.end_with(error(ErrorKind::Overloaded, No)).delivery(), No);
        let running = failed.end(error(ErrorKind::Overloaded, No), true);
        assert_eq!(running.delivery(), Maybe, "an attempt is under way");
        failed.add(error(ErrorKind::SubscriberBusy, Maybe));
        failed.add(error(ErrorKind::NoSubscriber, No));
        assert_eq!(failed.end_with(error(ErrorKind::Closed, No)).delivery(), Maybe);
        let error = failed.into_error();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::SubscriberBusy, Maybe));
    }
}
