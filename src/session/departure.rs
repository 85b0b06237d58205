//! How a connection ends that the client wants to end.

use std::time::{Duration, Instant};

use crate::error::Error;

/// How long a connection that is closed waits at most for the node to stop sending requests. A connection that has to end
/// gets as long to write what is queued.
const GRACE: Duration = Duration::from_millis(500);

/// Whether, how far and why the client wants a connection to end.
#[derive(Default)]
pub(super) struct Departure(Option<Plan>);

struct Plan {
    /// Until when the connection waits for what is open.
    by: Instant,
    /// When the connection ends, even if the node has not read what is queued.
    last: Instant,
    /// The error of calls that are in flight at the end.
    why: Error,
    stage: Stage,
    /// Whether the client connects again afterwards.
    renews: bool,
}

impl Plan {
    fn leaving(by: Instant, why: Error, renews: bool) -> Plan {
        Plan { by, last: by + GRACE, why, stage: Stage::Leaving, renews }
    }
}

#[derive(PartialEq, Eq)]
enum Stage {
    /// Calls in flight and open requests still end as usual.
    Leaving,
    /// What is queued is written.
    Closing,
}

impl Departure {
    /// Returns whether the client wants the connection to end.
    pub(super) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Ends the connection for good once nothing is open, or soon after `by`.
    pub(super) fn leave(&mut self, by: Instant, why: Error) {
        match &mut self.0 {
            Some(Plan { stage: Stage::Closing, renews, .. }) => *renews = false,
            plan => *plan = Some(Plan::leaving(by, why, false)),
        }
    }

    /// Ends the connection once nothing is open, or soon after `by`, so that a new one can be made. Does nothing to one that
    /// ends already.
    pub(super) fn renew(&mut self, by: Instant, why: Error) {
        self.0.get_or_insert_with(|| Plan::leaving(by, why, true));
    }

    /// Ends the connection for good once what is queued is written, at `by` at the latest.
    pub(super) fn close(&mut self, by: Instant, why: Error, now: Instant) {
        let plan = Plan { by: by.min(now + GRACE), last: by, why, stage: Stage::Closing, renews: false };
        self.0 = Some(plan);
    }

    /// Goes on to the end if nothing is open any more, or if it is time. Returns whether it does so now.
    pub(super) fn close_if(&mut self, is_anything_open: bool, now: Instant) -> bool {
        match &mut self.0 {
            Some(plan) if plan.stage == Stage::Leaving && (!is_anything_open || plan.by <= now) => {
                plan.stage = Stage::Closing;
                true
            }
            _ => false,
        }
    }

    /// Returns whether the connection ends as soon as everything is written. `expects_more`: the node may still send
    /// something.
    pub(super) fn is_closing(&self, expects_more: bool, now: Instant) -> bool {
        self.0.as_ref().is_some_and(|plan| plan.stage == Stage::Closing && (!expects_more || plan.by <= now))
    }

    /// Returns whether the connection ends now, whatever is not written.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.0.as_ref().is_some_and(|plan| plan.stage == Stage::Closing && plan.last <= now)
    }

    /// Returns when to look again: a time to come, except at the very end.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let is_waiting = |plan: &Plan| plan.stage == Stage::Leaving || plan.by > now;
        self.0.as_ref().map(|plan| if is_waiting(plan) { plan.by } else { plan.last })
    }

    /// Returns the error of calls that are in flight, and whether the client connects again.
    pub(super) fn take(&mut self) -> Option<(Error, bool)> {
        self.0.take().map(|plan| (plan.why, plan.renews))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn error(text: &str) -> Error {
        Error::undelivered(ErrorKind::Closed, text)
    }

    fn taken(mut departure: Departure) -> Option<(String, bool)> {
        departure.take().map(|(why, renews)| (why.message().to_owned(), renews))
    }

    #[test]
    fn leaving_waits_for_what_is_open_until_its_time() {
        let now = Instant::now();
        let by = now + Duration::from_secs(1);
        let mut departure = Departure::default();
        assert!(!departure.close_if(false, by), "nobody wants it");
        departure.leave(by, error("removed"));
        assert!(!departure.close_if(true, now));
        assert!(departure.close_if(true, by));
        assert!(!departure.close_if(false, by), "only once");
        assert!(departure.is_closing(true, by));
        assert!(!departure.is_over(by));
        assert!(departure.is_over(by + GRACE), "the node has read nothing");
        assert_eq!(taken(departure), Some(("removed".into(), false)));
    }

    #[test]
    fn closing_waits_for_the_node_until_its_time() {
        let now = Instant::now();
        let (by, soon) = (now + Duration::from_secs(9), now + GRACE);
        let mut departure = Departure::default();
        departure.close(by, error("closed"), now);
        assert_eq!(departure.deadline(now), Some(soon));
        assert!(!departure.is_closing(true, now));
        assert!(departure.is_closing(false, now));
        assert!(
            departure.is_closing(true, soon) && !departure.is_over(soon),
            "what is queued is still written"
        );
        assert_eq!(departure.deadline(soon), Some(by));
        assert!(departure.is_over(by));
        departure.close(now, error("closed"), now);
        assert!(departure.is_over(now), "a close that does not wait");
    }

    #[test]
    fn deadline_of_the_departure_does_not_pass_before_its_end() {
        let now = Instant::now();
        let mut departure = Departure::default();
        departure.leave(now, error("removed"));
        assert_eq!(departure.deadline(now), Some(now));
        assert!(departure.close_if(true, now));
        assert_eq!(departure.deadline(now), Some(now + GRACE));
    }

    #[test]
    fn end_for_good_wins_over_one_for_a_new_connection() {
        let now = Instant::now();
        let renewing = || {
            let mut departure = Departure::default();
            departure.renew(now, error("renewed"));
            departure
        };
        assert_eq!(taken(renewing()), Some(("renewed".into(), true)));
        let mut left = renewing();
        left.leave(now, error("removed"));
        left.renew(now, error("renewed"));
        assert_eq!(taken(left), Some(("removed".into(), false)));
        let mut closing = renewing();
        assert!(closing.close_if(false, now));
        closing.leave(now, error("removed"));
        assert_eq!(taken(closing), Some(("renewed".into(), false)), "calls end as was decided before");
        let mut closed = renewing();
        closed.close(now, error("closed"), now);
        assert_eq!(taken(closed), Some(("closed".into(), false)));
    }
}
