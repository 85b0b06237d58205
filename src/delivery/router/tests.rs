use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::*;
use crate::delivery::{LaneLimits, LaneReader, Wire};
use crate::protocol::message::{MessageId, Payload};

struct PanickingWaker;

impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        panic!("the waker of a subscription panics");
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
    let lanes = (0..count).map(|_| Lane::new(LaneLimits::default(), router.shared.budget.clone()));
    let subscriptions: Vec<_> = lanes.collect();
    let readers = subscriptions.iter().map(|lane| LaneReader::new(lane.clone())).collect();
    router.set(topic.clone(), RouteSpec { subscriptions, service: None });
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
