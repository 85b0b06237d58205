//! Blocking handlers: jobs for the dispatcher's threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::watch;

use super::{Owner, Source};
use crate::delivery::{Job, LaneItem, MAX_CALLS_PER_TURN, Message, Request, Turn};
use crate::protocol::result::FAILED_TEXT;

/// A blocking handler as a dispatcher's job. It gets an iterator over what is ready. If it takes nothing, the first
/// message is discarded: otherwise it would be called with the same message endlessly.
pub(crate) struct BlockingJob<T: LaneItem, H> {
    /// Dropped first, so that what is still queued is counted before the end is told.
    pub(crate) source: Source<T>,
    pub(crate) handler: H,
    pub(crate) owner: Owner,
    pub(crate) _finished: watch::Sender<()>,
}

impl<T: LaneItem, H: FnMut(&mut dyn Iterator<Item = T>) + Send + 'static> Job for BlockingJob<T, H> {
    fn turn(&mut self, cx: &mut Context<'_>) -> Turn {
        if self.source.poll_ready(cx).is_pending() {
            return Turn::Waiting;
        }
        if self.source.is_over() {
            return Turn::Done;
        }
        let mut ready = Ready { source: &mut self.source, cx, left: MAX_CALLS_PER_TURN, turn: Turn::More };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.handler)(&mut ready))) {
            self.owner.panicked(&*panic);
        }
        if ready.left == MAX_CALLS_PER_TURN
            && let Some(first) = ready.next()
        {
            ready.source.count_given_up(1);
            tracing::warn!(topic = %self.owner.topic, "a handler of batches took nothing: a message is given up");
            drop(first); // a request is answered so
        }
        ready.turn
    }
}

/// What a lane has ready for one turn of a job.
struct Ready<'a, 'w, T: LaneItem> {
    source: &'a mut Source<T>,
    cx: &'a mut Context<'w>,
    left: usize,
    turn: Turn,
}

impl<T: LaneItem> Iterator for Ready<'_, '_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        while self.left > 0 && self.turn == Turn::More {
            match self.source.poll_next(self.cx) {
                Poll::Ready(Some(item)) if !item.is_wanted() => {}
                Poll::Ready(Some(item)) => {
                    self.left -= 1;
                    return Some(item);
                }
                Poll::Ready(None) => self.turn = Turn::Done,
                Poll::Pending => self.turn = Turn::Waiting,
            }
        }
        None
    }
}

/// A handler of single messages, for [`BlockingJob`]; a panic is reported and ends only its own call.
pub(crate) fn each_message<H: FnMut(Message)>(
    mut handler: H,
    owner: Owner,
) -> impl FnMut(&mut dyn Iterator<Item = Message>) + use<H> {
    move |ready| {
        for message in ready {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| handler(message))) {
                owner.panicked(&*panic);
            }
        }
    }
}

/// A service handler of single requests, for [`BlockingJob`]; a panic is reported, and fails the request.
pub(crate) fn each_request<H: Fn(Request)>(
    handler: H,
    owner: Owner,
) -> impl Fn(&mut dyn Iterator<Item = Request>) + use<H> {
    move |ready| {
        for request in ready {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| handler(request.clone()))) {
                owner.panicked(&*panic);
                // Fails only if the handler had answered before it panicked.
                let _ = request.fail(Request::FAILED, FAILED_TEXT);
            }
        }
    }
}

/// A blocking handler over any stream as a dispatcher's job; dropped with its last turn.
pub(crate) struct StreamJob<S, H> {
    pub(crate) stream: Pin<Box<S>>,
    pub(crate) handler: H,
    pub(crate) _finished: watch::Sender<()>,
}

impl<S, H> Job for StreamJob<S, H>
where
    S: Stream + Send + 'static,
    H: FnMut(S::Item) + Send + 'static,
{
    fn turn(&mut self, cx: &mut Context<'_>) -> Turn {
        for _ in 0..MAX_CALLS_PER_TURN {
            let item = match self.stream.as_mut().poll_next(cx) {
                Poll::Pending => return Turn::Waiting,
                Poll::Ready(None) => return Turn::Done,
                Poll::Ready(Some(item)) => item,
            };
            if catch_unwind(AssertUnwindSafe(|| (self.handler)(item))).is_err() {
                tracing::error!("a handler of events or completions panicked");
            }
        }
        Turn::More
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use std::task::Waker;

    use crate::delivery::{AnyLane, Budget, EventHub, Lane, LaneLimits, LaneReader};
    use crate::protocol::Topic;

    struct Number {
        n: usize,
        wanted: bool,
    }

    impl LaneItem for Number {
        fn held_bytes(&self) -> usize {
            1
        }

        fn is_wanted(&self) -> bool {
            self.wanted
        }
    }

    fn lane_of(numbers: impl Iterator<Item = (usize, bool)>) -> Arc<Lane<Number>> {
        let lane = Lane::new(LaneLimits::default(), Arc::new(Budget::new(1 << 20)));
        let mut items: Vec<_> = numbers.map(|(n, wanted)| Number { n, wanted }).collect();
        for _ in &items {
            lane.reserve(1);
        }
        lane.push(&mut items);
        lane
    }

    fn job<H>(lane: &Arc<Lane<Number>>, handler: H) -> (BlockingJob<Number, H>, watch::Receiver<()>)
    where
        H: FnMut(&mut dyn Iterator<Item = Number>) + Send + 'static,
    {
        let (finished, watched) = watch::channel(());
        let owner = Owner { topic: Topic::new("t").unwrap(), events: Arc::new(EventHub::new(1)) };
        let source = Source::Own(LaneReader::new(lane.clone()));
        (BlockingJob { source, handler, owner, _finished: finished }, watched)
    }

    fn turn(job: &mut impl Job) -> Turn {
        job.turn(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_batch_is_what_is_ready_and_wanted_and_no_more_than_a_turn() {
        let lane = lane_of((0..MAX_CALLS_PER_TURN * 2 + 3).map(|n| (n, n != 1)));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let batches = seen.clone();
        let (mut job, _) = job(&lane, move |ready: &mut dyn Iterator<Item = Number>| {
            batches.lock().unwrap().push(ready.map(|number| number.n).collect::<Vec<_>>());
        });
        assert_eq!([turn(&mut job), turn(&mut job), turn(&mut job)], [Turn::More, Turn::More, Turn::Waiting]);
        assert_eq!(turn(&mut job), Turn::Waiting, "nothing ready is no call");
        let batches = seen.lock().unwrap();
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [64, 64, 2]);
        assert_eq!(batches[0][..3], [0, 2, 3]);
    }

    #[test]
    fn a_batch_handler_that_takes_nothing_gives_up_a_message_with_each_call() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        for panics in [false, true] {
            let lane = lane_of((0..3).map(|n| (n, n != 1)));
            lane.close();
            let calls = seen.clone();
            let (mut job, _) = job(&lane, move |_: &mut dyn Iterator<Item = Number>| {
                calls.lock().unwrap().push(panics);
                if panics {
                    std::panic::resume_unwind(Box::new("refused"));
                }
            });
            assert_eq!(
                [turn(&mut job), turn(&mut job), turn(&mut job)],
                [Turn::More, Turn::More, Turn::Done]
            );
            assert_eq!((lane.stats().dropped, lane.stats().held_messages), (2, 0));
        }
        assert_eq!(*seen.lock().unwrap(), [false, false, true, true]);
    }

    #[test]
    fn what_a_batch_handler_leaves_comes_with_its_next_call_even_after_a_panic() {
        let lane = lane_of((0..3).map(|n| (n, true)));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let taken = seen.clone();
        let (mut job, _) = job(&lane, move |ready: &mut dyn Iterator<Item = Number>| {
            taken.lock().unwrap().extend(ready.next().map(|number| number.n));
            std::panic::resume_unwind(Box::new("refused"));
        });
        lane.close();
        assert_eq!([turn(&mut job), turn(&mut job), turn(&mut job)], [Turn::More; 3]);
        assert_eq!(*seen.lock().unwrap(), [0, 1, 2]);
        assert_eq!(lane.stats().held_messages, 0);
        assert_eq!(turn(&mut job), Turn::Done);
    }
}
