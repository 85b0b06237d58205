use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::*;
use crate::delivery::budget::MESSAGE_OVERHEAD;
use crate::delivery::{LaneLimits, LaneReader, Wire};
use crate::protocol::message::{MessageId, Payload};

struct PanickingWaker;

impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        // A test that fails drops the consumers.
        assert!(std::thread::panicking(), "the waker of a subscription panics");
    }
}

/// Notes whether the table of duplicates is unlocked when it wakes.
struct LockingWaker {
    shared: Arc<DeliveryShared>,
    unlocked: AtomicBool,
}

impl Wake for LockingWaker {
    fn wake(self: Arc<Self>) {
        self.unlocked.store(self.shared.duplicates.try_lock().is_ok(), Ordering::SeqCst);
    }
}

fn router() -> Router {
    let shared = DeliveryShared {
        budget: Arc::new(Budget::new(1 << 20)),
        duplicates: Arc::new(Mutex::new(Duplicates::new(Duration::from_secs(60), 100))),
        events: Arc::new(EventHub::new(16)),
        seqs: Arc::new(SeqSource::new().unwrap()),
        discarded: DiscardCounters::default(),
        echo: false,
    };
    Router::new(Arc::new(shared), "node:1".into(), Arc::new(Wire::default()))
}

fn subscribe(router: &mut Router, topic: &Topic, count: usize) -> Vec<LaneReader<Message>> {
    let limits = LaneLimits { max_messages: 4, ..LaneLimits::default() };
    let lanes = (0..count).map(|_| Lane::new(limits, router.shared.budget.clone()));
    let subscriptions: Vec<_> = lanes.collect();
    let readers = subscriptions.iter().map(|lane| LaneReader::new(lane.clone())).collect();
    router.set(topic.clone(), RouteSpec { subscriptions, ..RouteSpec::default() });
    readers
}

fn receive(router: &mut Router, topics: &[&Topic], id: u8) {
    router.batch(Instant::now(), |batch| {
        for topic in topics {
            let incoming = Incoming {
                kind: MessageKind::Broadcast,
                id: MessageId::new(&[id]),
                topic: topic.as_bytes(),
                data: Payload::new(b"data", None),
                is_own: false,
            };
            assert!(matches!(batch.offer(&incoming), Verdict::NoAnswer));
        }
    });
}

fn take(reader: &mut LaneReader<Message>) -> Option<Message> {
    match reader.poll_next(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(message) => message,
        Poll::Pending => None,
    }
}

#[test]
fn panic_of_one_waker_keeps_no_message_from_other_consumers() {
    let topics = ["a", "b", "c"].map(|name| Topic::new(name).unwrap());
    let mut router = router();
    let mut readers: Vec<_> = topics.iter().flat_map(|topic| subscribe(&mut router, topic, 2)).collect();
    let panicking = Waker::from(Arc::new(PanickingWaker));
    for reader in readers.iter_mut().step_by(2) {
        assert!(reader.poll_next(&mut Context::from_waker(&panicking)).is_pending());
    }
    // Each panic wakes one of the three consumers that panic.
    for id in 1..=3 {
        let received = catch_unwind(AssertUnwindSafe(|| receive(&mut router, &topics.each_ref(), id)));
        assert!(received.is_err(), "the waker panics on the thread of the connection");
    }
    receive(&mut router, &topics.each_ref(), 4);
    for reader in &mut readers {
        let ids: Vec<u8> = std::iter::from_fn(|| take(reader)).map(|message| message.seq()[0]).collect();
        assert_eq!(ids, [1, 2, 3, 4]);
    }
}

#[test]
fn slow_consumer_is_reported_without_a_lock() {
    let topic = Topic::new("t").unwrap();
    let mut router = router();
    let _readers = subscribe(&mut router, &topic, 1);
    let mut events = router.shared.events.listen();
    let waker = Arc::new(LockingWaker { shared: router.shared.clone(), unlocked: AtomicBool::new(false) });
    assert!(events.poll_next(&mut Context::from_waker(&Waker::from(waker.clone()))).is_pending());
    (1..=6).for_each(|id| receive(&mut router, &[&topic], id));
    assert!(waker.unlocked.load(Ordering::SeqCst));
    let mut next = || events.poll_next(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(next(), Poll::Ready(Some(Event::SlowConsumer { topic })) if *topic == *"t"));
    assert!(next().is_pending(), "one report for an episode");
}

#[test]
fn long_ids_count_against_the_limits_on_bytes() {
    const LONG: usize = 60_000;
    let topic = Topic::new("t").unwrap();
    let mut router = router();
    let lane = Lane::new(LaneLimits::default(), router.shared.budget.clone());
    let spec = RouteSpec { subscriptions: vec![lane.clone()], ..RouteSpec::default() };
    router.set(topic.clone(), spec);
    router.batch(Instant::now(), |batch| {
        for n in 0..100 {
            let id = MessageId::new(&[n; LONG]);
            let (kind, data) = (MessageKind::Broadcast, Payload::new(b"", None));
            let incoming = Incoming { kind, id, topic: topic.as_bytes(), data, is_own: false };
            assert!(matches!(batch.offer(&incoming), Verdict::NoAnswer));
        }
    });
    // The budget of all lanes is 1 MiB.
    let accepted = (1 << 20) / (LONG + MESSAGE_OVERHEAD);
    assert_eq!(router.shared.budget.held(), accepted * LONG);
    let mut reader = LaneReader::new(lane);
    while take(&mut reader).is_some() {}
    drop(reader);
    assert_eq!(router.shared.budget.held(), 0);
}
