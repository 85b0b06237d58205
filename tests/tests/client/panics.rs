//! A panic in a link's task, as a bug of the library would cause: the link is started again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use amop::transport::{Endpoint, Resolve, Resolving};
use amop::{Client, Delivery, ErrorKind, Event};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};

use crate::fixture::{builder, client, event, soon, two_nodes, until};

/// Panics without the output of the default hook.
fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("injected"))
}

/// Panics once when a log message of the wire contains `text`, inside the task that logs it.
struct PanicAt {
    text: &'static str,
    armed: Arc<AtomicBool>,
}

impl Subscriber for PanicAt {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "amop::wire"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Message(String);
        impl Visit for Message {
            fn record_debug(&mut self, _: &Field, value: &dyn std::fmt::Debug) {
                self.0 = format!("{value:?}");
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        if message.0.contains(self.text) && self.armed.swap(false, Ordering::SeqCst) {
            panic_quietly();
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn panic_in_a_session_ends_its_calls_and_restarts_the_link() {
    let armed = Arc::new(AtomicBool::new(false));
    // With a single subscriber in the process, tracing would ask the threads of other tests, which have none, whether a
    // message is enabled, and remember the answer.
    let _other = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    // For this thread, on which the client runs.
    let at_reply = PanicAt { text: "received Response", armed: armed.clone() };
    let _default = tracing::subscriber::set_default(at_reply);
    let here = tokio::runtime::Handle::current();
    let devnet = two_nodes().await;
    let publisher = builder(&devnet, 0).runtime(here).reconnect_min(Duration::from_millis(1));
    let (publisher, server) = (publisher.connect().await.unwrap(), client(&devnet, 1).await);
    let mut events = publisher.events();
    let mut requests = server.serve("slow").await.unwrap();
    let in_flight = tokio::spawn(publisher.publish("slow", "1").into_future());
    let _held = soon("the request", requests.next()).await.unwrap();
    armed.store(true, Ordering::SeqCst);
    let answered = tokio::spawn(publisher.publish("slow", "2").into_future());
    soon("the second request", requests.next()).await.unwrap().reply("received with the panic").unwrap();
    for call in [in_flight, answered] {
        let error = soon("the end of a call", call).await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::ConnectionLost, Delivery::Maybe), "{error}");
    }
    let lost = |event| match event {
        Event::Lost { error, .. } => Some(error.kind()),
        _ => None,
    };
    assert_eq!(event(&mut events, "the loss", lost).await, ErrorKind::Internal);
    event(&mut events, "the return", |event| matches!(event, Event::Reconnected { .. }).then_some(())).await;
    let call = tokio::spawn(publisher.publish("slow", "3").wait_for_subscriber(true).into_future());
    soon("the request", requests.next()).await.unwrap().reply("again").unwrap();
    assert_eq!(soon("the reply", call).await.unwrap().unwrap().data(), "again");
    let endpoint = publisher.stats().endpoints[0].clone();
    assert_eq!((endpoint.losses, endpoint.connects), (1, 2));
    assert_eq!((endpoint.in_flight, endpoint.queued_bytes), (0, 0));
}

/// Panics once when asked.
#[derive(Debug)]
struct PanickingResolver {
    address: SocketAddr,
    armed: Arc<AtomicBool>,
}

impl Resolve for PanickingResolver {
    fn resolve<'a>(&'a self, _: &'a Endpoint) -> Resolving<'a> {
        if self.armed.swap(false, Ordering::SeqCst) {
            panic_quietly();
        }
        Box::pin(async { Ok(vec![self.address]) })
    }
}

#[tokio::test]
async fn panic_while_connecting_restarts_the_link() {
    let devnet = two_nodes().await;
    let armed = Arc::new(AtomicBool::new(false));
    let resolver = PanickingResolver { address: devnet.node(0).address(), armed: armed.clone() };
    let client = Client::builder().credential_source(devnet.credentials()).endpoint("node.invalid:20200");
    let client = client.resolver(resolver).reconnect_min(Duration::from_millis(1)).connect().await.unwrap();
    armed.store(true, Ordering::SeqCst);
    devnet.node(0).cut_sessions();
    until("the panic", || !armed.load(Ordering::SeqCst)).await;
    until("the return", || client.stats().endpoints[0].connects == 2).await;
    let endpoint = client.stats().endpoints[0].clone();
    assert_eq!((endpoint.losses, endpoint.failed_connects), (1, 1));
}
