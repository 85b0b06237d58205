//! Blocking handlers, as jobs of the dispatcher.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::watch;

use super::{Owner, Source};
use crate::delivery::{Job, LaneItem, MAX_CALLS_PER_TURN, Message, Request, Turn};
use crate::protocol::result::FAILED_TEXT;

/// A blocking handler as a job of the dispatcher.
///
/// The handler receives an iterator over the messages that are ready, at least one. If it takes none, the first one is
/// dropped and counted, because the handler would be called endlessly with the same message.
pub(crate) struct BlockingJob<T: LaneItem, H> {
    /// Dropped first, so that what is still queued is counted before the end is reported.
    pub(crate) source: Source<T>,
    pub(crate) handler: H,
    pub(crate) owner: Owner,
    pub(crate) _finished: watch::Sender<()>,
}

impl<T: LaneItem, H: FnMut(&mut dyn Iterator<Item = T>) + Send + 'static> Job for BlockingJob<T, H> {
    fn turn(&mut self, cx: &mut Context<'_>) -> Turn {
        let (left, turn) = (MAX_CALLS_PER_TURN, Turn::More);
        let mut ready = Ready { source: &mut self.source, cx, first: None, left, turn };
        // Taken before the call, because another job of the lane may take what is ready.
        ready.first = ready.next();
        if ready.first.is_none() {
            return ready.turn;
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.handler)(&mut ready))) {
            self.owner.panicked(&*panic);
        }
        if let Some(first) = ready.first.take() {
            ready.source.count_given_up(1);
            tracing::warn!(topic = %self.owner.topic, "a handler of batches took no message: one is dropped");
            // Answers a request.
            drop(first);
        }
        ready.turn
    }
}

/// The messages that are ready in one turn of a job.
struct Ready<'a, 'w, T: LaneItem> {
    source: &'a mut Source<T>,
    cx: &'a mut Context<'w>,
    /// The message that was taken before the handler is called.
    first: Option<T>,
    left: usize,
    turn: Turn,
}

impl<T: LaneItem> Iterator for Ready<'_, '_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.first.is_some() {
            return self.first.take();
        }
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

/// Makes a handler of single messages one for [`BlockingJob`]. A panic is reported and ends its own call only.
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

/// Makes a handler of single requests one for [`BlockingJob`]. A panic is reported and fails the request.
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

/// A blocking handler of the items of a stream, as a job of the dispatcher. Dropped with its last turn.
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
    fn batch_holds_wanted_messages_of_one_turn() {
        let lane = lane_of((0..MAX_CALLS_PER_TURN * 2 + 3).map(|n| (n, n != 1)));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let batches = seen.clone();
        let (mut job, _) = job(&lane, move |ready: &mut dyn Iterator<Item = Number>| {
            batches.lock().unwrap().push(ready.map(|number| number.n).collect::<Vec<_>>());
        });
        assert_eq!([turn(&mut job), turn(&mut job), turn(&mut job)], [Turn::More, Turn::More, Turn::Waiting]);
        assert_eq!(turn(&mut job), Turn::Waiting, "without a message the handler is not called");
        let batches = seen.lock().unwrap();
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [64, 64, 2]);
        assert_eq!(batches[0][..3], [0, 2, 3]);
    }

    #[test]
    fn batch_handler_that_takes_nothing_drops_a_message() {
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
    fn messages_left_by_a_batch_handler_stay_queued() {
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
