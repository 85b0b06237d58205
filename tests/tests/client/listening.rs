//! Listeners for events: set before the client exists, and removed before it is closed.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Duration;

use amop::{Client, ErrorKind, Event};
use amop_devnet::Devnet;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::fixture::{GUARD, builder, client, devnet, event, soon};

/// The kind of an event.
fn kind(event: &Event) -> &'static str {
    match event {
        Event::Connected { .. } => "connected",
        Event::Lost { .. } => "lost",
        Event::Reconnected { .. } => "reconnected",
        Event::ConnectFailed { .. } => "connect failed",
        Event::Closed => "closed",
        _ => "other",
    }
}

#[tokio::test]
async fn listeners_of_a_builder_receive_the_events_of_connecting() {
    let devnet = devnet(Devnet::builder().nodes(1)).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (handled, mut handles) = unbounded_channel();
    let record = seen.clone();
    let (settings, mut events) = builder(&devnet, 0)
        .reconnect_min(Duration::from_millis(1))
        .on_event(move |event| {
            record.lock().unwrap().push(kind(&event));
            handled.send(kind(&event)).unwrap();
        })
        .listen();
    let again = settings.clone();
    let client = settings.connect().await.unwrap();
    assert_eq!(soon("the event", events.next()).await.as_ref().map(kind), Some("connected"));
    assert_eq!(soon("the call", handles.recv()).await, Some("connected"));
    client.close().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["connected", "closed"], "the last call has returned");
    assert_eq!(soon("the end", events.next()).await.as_ref().map(kind), Some("closed"));
    assert!(soon("the end", events.next()).await.is_none());

    // The handler serves the next client too. No call follows a connect that has failed.
    devnet.node(0).kill().await;
    again.connect().await.unwrap_err();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!((seen[2], *seen.last().unwrap()), ("connect failed", "closed"));
}

#[tokio::test]
async fn stream_of_settings_without_a_client_ends() {
    let (settings, mut events) = Client::builder().listen();
    let clone = settings.clone();
    let error = settings.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    drop(clone);
    assert_eq!(soon("the end", events.next()).await.as_ref().map(kind), Some("closed"));
    assert!(soon("the end", events.next()).await.is_none());
}

/// Waits for a call of a handler.
async fn called(calls: &mut UnboundedReceiver<&'static str>, wanted: &str) {
    while soon("a call", calls.recv()).await.unwrap() != wanted {}
}

#[tokio::test]
async fn removed_handler_of_events_is_not_called_any_more() {
    let devnet = devnet(Devnet::builder().nodes(1)).await;
    let client = builder(&devnet, 0).reconnect_min(Duration::from_millis(1)).connect().await.unwrap();
    let mut events = client.events();
    let held = Arc::new(());
    let (calls, mut called_with) = unbounded_channel();
    let (release, released) = mpsc::channel::<()>();
    let kept = held.clone();
    let listener = client
        .on_event(move |event| {
            let _ = &kept;
            calls.send(kind(&event)).unwrap();
            let _ = released.recv();
        })
        .unwrap();
    devnet.node(0).kill().await;
    called(&mut called_with, "lost").await;
    let error = listener.end(Some(Duration::from_millis(20))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "a call runs");
    assert_eq!(Arc::strong_count(&held), 2);
    drop(release);
    soon("the removal", listener.end(Some(GUARD))).await.unwrap();
    assert_eq!(Arc::strong_count(&held), 1, "the handler is dropped");
    devnet.node(0).restart().await.unwrap();
    event(&mut events, "the return", |event| matches!(event, Event::Reconnected { .. }).then_some(())).await;
    assert!(called_with.try_recv().is_err(), "events that it was not called for are discarded");
    client.close().await.unwrap();
    soon("a further wait", listener.removed()).await.unwrap();
    assert_eq!(client.on_event(drop).unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn handler_of_events_may_remove_itself() {
    let devnet = devnet(Devnet::builder().nodes(1)).await;
    let client = client(&devnet, 0).await;
    let listener = Arc::new(Mutex::new(None::<amop::EventListener>));
    let (calls, mut called_with) = unbounded_channel();
    let own = listener.clone();
    let made = client
        .on_event(move |event| {
            let own = own.lock().unwrap();
            let ended = futures::executor::block_on(own.as_ref().unwrap().end(None));
            calls.send((kind(&event), ended.is_ok())).unwrap();
        })
        .unwrap();
    *listener.lock().unwrap() = Some(made);
    devnet.node(0).kill().await;
    assert_eq!(soon("the call", called_with.recv()).await, Some(("lost", true)));
    assert_eq!(soon("the end of the handler", called_with.recv()).await, None, "it is dropped");
    client.close().await.unwrap();
}
