//! Runs handlers over lanes: async ones as one task per subscription, blocking ones on dispatcher threads.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::future::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;

use crate::delivery::{CALLS_A_TURN, Event, EventHub, Job, LaneItem, LaneReader, Message, Request, Turn};
use crate::protocol::Topic;

tokio::task_local! {
    /// Set while an async handler of any client runs: then nothing may wait for handlers.
    static IN_HANDLER: ();
}

/// Whether the caller is a handler, on a dispatcher thread or in a task.
pub(crate) fn is_in_handler() -> bool {
    crate::delivery::is_dispatcher_thread() || IN_HANDLER.try_with(|()| ()).is_ok()
}

/// What an async service handler may give back.
///
/// Data is the reply. A [`Result`]'s error is answered FAILED with its text. `()` leaves the answer to the
/// [`Request`] handle, of which the handler may keep a clone for later.
pub trait IntoAnswer {
    /// Answers `request`, unless that happened already.
    fn answer(self, request: &Request);
}

impl IntoAnswer for () {
    fn answer(self, _request: &Request) {}
}

macro_rules! reply_with {
    ($($data:ty),*) => {$(
        impl IntoAnswer for $data {
            fn answer(self, request: &Request) {
                finish(request, request.reply(self));
            }
        }
    )*};
}
reply_with!(Bytes, Vec<u8>, String, &'static str, &'static [u8]);

impl<T: IntoAnswer, E: std::fmt::Display> IntoAnswer for Result<T, E> {
    fn answer(self, request: &Request) {
        match self {
            Ok(data) => data.answer(request),
            Err(error) => finish(request, request.fail(Request::FAILED, error.to_string())),
        }
    }
}

/// An answer that can't be given is the handler's affair; it finds no caller to be told.
fn finish(request: &Request, outcome: crate::Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!(topic = request.topic(), %error, "a handler's answer was not sent");
        // Too large, say: the publisher shall not wait in vain.
        let _ = request.fail(Request::FAILED, error.message().to_owned());
    }
}

/// Where a handler belongs, to report its failures.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(crate) topic: Topic,
    pub(crate) events: Arc<EventHub>,
}

impl Owner {
    fn panicked(&self, panic: &(dyn Any + Send)) -> String {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no text".to_owned());
        tracing::error!(topic = %self.topic, panic = text, "a handler panicked");
        self.events.tell(Event::HandlerFailed { topic: self.topic.as_str().into(), message: text.clone() });
        format!("the handler panicked: {text}")
    }
}

/// Runs an async handler, one message after the other.
pub(crate) async fn for_each<H, F>(
    mut reader: LaneReader<Message>,
    owner: Owner,
    mut handler: H,
    finished: watch::Sender<()>,
) where
    H: FnMut(Message) -> F,
    F: Future<Output = ()>,
{
    while let Some(message) = std::future::poll_fn(|cx| reader.poll_next(cx)).await {
        let call = AssertUnwindSafe(IN_HANDLER.scope((), async { handler(message).await }));
        if let Err(panic) = call.catch_unwind().await {
            owner.panicked(&*panic);
        }
    }
    drop(handler);
    drop(finished);
}

/// Runs an async service handler, up to `concurrency` calls at once.
pub(crate) async fn serve<H, F, A>(
    mut reader: LaneReader<Request>,
    owner: Owner,
    handler: H,
    concurrency: usize,
    finished: watch::Sender<()>,
) where
    H: Fn(Request) -> F,
    F: Future<Output = A>,
    A: IntoAnswer,
{
    let mut running = FuturesUnordered::new();
    let mut open = true;
    while open || !running.is_empty() {
        let next = std::future::poll_fn(|cx| {
            // Ended calls first: they make room.
            while let Poll::Ready(Some(())) = running.poll_next_unpin(cx) {}
            if !open {
                return if running.is_empty() { Poll::Ready(None) } else { Poll::Pending };
            }
            if running.len() >= concurrency { Poll::Pending } else { reader.poll_next(cx) }
        });
        match next.await {
            Some(request) if request.is_open() => running.push(one_call(&handler, request, &owner)),
            // Its time ran out in the lane; the publisher has been told.
            Some(_) => {}
            None => open = false,
        }
    }
    drop(running);
    drop(handler);
    drop(finished);
}

async fn one_call<H, F, A>(handler: &H, request: Request, owner: &Owner)
where
    H: Fn(Request) -> F,
    F: Future<Output = A>,
    A: IntoAnswer,
{
    let call = AssertUnwindSafe(IN_HANDLER.scope((), async { handler(request.clone()).await }));
    match call.catch_unwind().await {
        Ok(answer) => answer.answer(&request),
        Err(panic) => {
            let text = owner.panicked(&*panic);
            // Fails only if the handler had answered before it panicked.
            let _ = request.fail(Request::FAILED, text);
        }
    }
}

/// A blocking handler as a dispatcher's job. It is handed what is ready, and takes one by one.
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
        let mut ready = Ready { source: &self.source, cx, left: CALLS_A_TURN, turn: Turn::More };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.handler)(&mut ready))) {
            self.owner.panicked(&*panic);
        }
        ready.turn
    }
}

/// What a lane has ready for one turn of a job.
struct Ready<'a, 'w, T: LaneItem> {
    source: &'a Source<T>,
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

/// The same of a service, whose publisher is told of the panic.
pub(crate) fn each_request<H: Fn(Request)>(
    handler: H,
    owner: Owner,
) -> impl Fn(&mut dyn Iterator<Item = Request>) + use<H> {
    move |ready| {
        for request in ready {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| handler(request.clone()))) {
                let text = owner.panicked(&*panic);
                // Fails only if the handler had answered before it panicked.
                let _ = request.fail(Request::FAILED, text);
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
        for _ in 0..CALLS_A_TURN {
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

    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll(cx, LaneReader::poll_next)
    }

    /// Whether there is anything to take, or the end to be seen.
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(cx, LaneReader::poll_ready)
    }

    /// Whether nothing will ever be there to take.
    fn is_over(&self) -> bool {
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

/// A handler's future, boxed.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{AnyLane, Budget, Lane, LaneLimits};

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
        let source = Source::new(LaneReader::new(lane.clone()));
        (BlockingJob { source, handler, owner, _finished: finished }, watched)
    }

    fn turn(job: &mut impl Job) -> Turn {
        job.turn(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_batch_is_what_is_ready_and_wanted_and_no_more_than_a_turn() {
        let lane = lane_of((0..CALLS_A_TURN * 2 + 3).map(|n| (n, n != 1)));
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
