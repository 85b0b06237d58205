//! Injected faults.

use std::time::Duration;

use amop_devnet::{Devnet, Fault};

use crate::sdk::{BROADCAST, REQUEST, RESPONSE, Raw, Sdk, devnet, message, raw, seq};

fn sent() -> Raw {
    raw(REQUEST, seq("1"), message("t", "x"))
}

fn reply() -> Raw {
    raw(RESPONSE, seq("1"), message("t", "y"))
}

async fn pair() -> (Devnet, Sdk, Sdk) {
    let devnet = devnet(2, |b| b).await;
    let publisher = Sdk::connect(&devnet.node(0)).await;
    let subscriber = Sdk::subscriber(&devnet.node(1), &["t"]).await;
    (devnet, publisher, subscriber)
}

/// Publishes, and answers as the subscriber.
async fn exchange(publisher: &mut Sdk, subscriber: &mut Sdk) {
    publisher.send(&sent()).await;
    assert_eq!(subscriber.frame().await, sent());
    subscriber.send(&reply()).await;
}

#[tokio::test(start_paused = true)]
async fn lose_drops_one_reply() {
    let (devnet, mut publisher, mut subscriber) = pair().await;
    let fault = devnet.inject(Fault::lose().at(&devnet.node(0)).on_topic("t").on_type(0x31).times(1));
    exchange(&mut publisher, &mut subscriber).await;
    publisher.nothing_for(Duration::from_secs(40)).await;
    assert_eq!(devnet.hits(fault), Some(1));
    exchange(&mut publisher, &mut subscriber).await;
    assert_eq!(publisher.frame().await, reply());
    devnet.remove_fault(fault);
    assert_eq!(devnet.hits(fault), None);
}

#[tokio::test(start_paused = true)]
async fn message_is_delivered_again_if_its_reply_is_lost() {
    let (devnet, mut publisher, mut subscriber) = pair().await;
    let mut other = Sdk::subscriber(&devnet.node(1), &["t"]).await;
    devnet.inject(Fault::lose().from_clients().on_type(0x31).times(1));
    publisher.send(&sent()).await;
    let (mut first, mut second) = tokio::select! {
        _ = subscriber.frame() => (subscriber, other),
        _ = other.frame() => (other, subscriber),
    };
    first.send(&reply()).await;
    let (again, took) = second.timed_frame().await;
    assert_eq!((again, took.as_secs()), (sent(), 5));
    second.send(&reply()).await;
    assert_eq!(publisher.frame().await, reply());
}

#[tokio::test(start_paused = true)]
async fn frames_are_delayed_duplicated_and_changed() {
    let (devnet, mut publisher, mut subscriber) = pair().await;
    let on_replies = |fault: Fault| fault.at(&devnet.node(0)).on_type(0x31);

    let delay = devnet.inject(on_replies(Fault::delay(Duration::from_secs(3))));
    exchange(&mut publisher, &mut subscriber).await;
    let (late, took) = publisher.timed_frame().await;
    assert_eq!((late, took.as_secs()), (reply(), 3));
    devnet.remove_fault(delay);

    let twice = devnet.inject(on_replies(Fault::twice()));
    exchange(&mut publisher, &mut subscriber).await;
    assert_eq!((publisher.frame().await, publisher.frame().await), (reply(), reply()));
    devnet.remove_fault(twice);

    let other_seq = devnet.inject(on_replies(Fault::other_seq()));
    exchange(&mut publisher, &mut subscriber).await;
    let got = publisher.frame().await;
    assert!(got.seq != seq("1") && got.body == reply().body, "{got:?}");
    devnet.remove_fault(other_seq);

    devnet.inject(on_replies(Fault::other_type(0x35)));
    exchange(&mut publisher, &mut subscriber).await;
    assert_eq!(publisher.frame().await, Raw { kind: 0x35, ..reply() });
    devnet.clear_faults();
    exchange(&mut publisher, &mut subscriber).await;
    assert_eq!(publisher.frame().await, reply());
}

#[tokio::test(start_paused = true)]
async fn frames_from_clients_are_delayed_duplicated_and_changed() {
    let (devnet, mut publisher, mut subscriber) = pair().await;
    devnet.inject(Fault::twice().from_clients().on_type(0x35).times(1));
    devnet.inject(Fault::delay(Duration::from_secs(2)).from_clients().on_type(0x35).times(1));
    devnet.inject(Fault::other_seq().from_clients().on_type(0x35).times(1));
    devnet.inject(Fault::other_type(0x30).from_clients().on_type(0x35).times(1));
    let news = raw(BROADCAST, seq("9"), message("t", "news"));
    publisher.send(&news).await;
    for _ in 0..2 {
        assert_eq!(subscriber.frame().await, news);
        publisher.frame().await;
    }
    publisher.send(&news).await;
    let (late, took) = subscriber.timed_frame().await;
    assert_eq!((late, took.as_secs()), (news.clone(), 2));
    publisher.frame().await;
    publisher.send(&news).await;
    let got = subscriber.frame().await;
    assert!(got.seq != news.seq && got.body == news.body);
    assert_eq!(publisher.frame().await.seq, got.seq);
    publisher.send(&news).await;
    assert_eq!(subscriber.frame().await.kind, REQUEST);
}

#[tokio::test(start_paused = true)]
async fn garbage_has_the_length_of_the_frame() {
    let (devnet, mut publisher, mut subscriber) = pair().await;
    devnet.inject(Fault::garbage().at(&devnet.node(0)).on_type(0x31));
    exchange(&mut publisher, &mut subscriber).await;
    let bytes = publisher.bytes(reply().bytes().len()).await;
    assert_ne!(bytes, reply().bytes());
    publisher.quiet_for(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn cut_ends_the_connection_in_the_middle_of_a_frame() {
    let (devnet, mut publisher, mut subscriber) = pair().await;
    devnet.inject(Fault::cut_in_mid_frame().at(&devnet.node(0)).on_type(0x31).after(1));
    exchange(&mut publisher, &mut subscriber).await;
    assert_eq!(publisher.frame().await, reply());
    exchange(&mut publisher, &mut subscriber).await;
    let half = reply().bytes().len() / 2;
    assert_eq!(publisher.bytes(half).await, reply().bytes()[..half]);
    publisher.closed_mid_frame().await;
    assert_eq!(devnet.node(0).sessions().len(), 0);
    subscriber.ping().await;
}

#[tokio::test(start_paused = true)]
async fn close_and_reset_end_the_session_instead_of_a_frame() {
    for fault in
        [Fault::close(), Fault::reset(), Fault::close().from_clients(), Fault::reset().from_clients()]
    {
        let (devnet, mut publisher, _subscriber) = pair().await;
        let session = devnet.node(0).sessions()[0].clone();
        devnet.inject(fault.on_session(&session));
        publisher.send(&raw(0x13, seq("1"), "")).await;
        publisher.closed().await;
        assert!(!session.is_alive());
    }
}

#[tokio::test(start_paused = true)]
async fn stalled_session_is_neither_read_nor_written_until_resumed() {
    let (devnet, mut publisher, mut subscriber) = pair().await;
    devnet.inject(Fault::stall().at(&devnet.node(0)).on_type(0x31).times(1));
    exchange(&mut publisher, &mut subscriber).await;
    publisher.send(&raw(0x13, seq("2"), "")).await;
    publisher.nothing_for(Duration::from_secs(50)).await;
    let session = devnet.node(0).sessions()[0].clone();
    session.resume();
    assert_eq!(publisher.frame().await, reply());
    assert_eq!(publisher.frame().await.kind, 0x13);
    session.stall();
    publisher.send(&raw(0x13, seq("3"), "")).await;
    publisher.nothing_for(Duration::from_secs(5)).await;
    session.resume();
    assert_eq!(publisher.frame().await.seq, seq("3"));
}

#[tokio::test(start_paused = true)]
async fn session_handle_inspects_sends_and_ends() {
    let (devnet, mut publisher, mut subscriber) = pair().await;
    let session = devnet.node(1).sessions()[0].clone();
    assert_eq!((session.protocol(), session.topics()), (3, vec!["t".to_string()]));
    session.send_raw(&reply().bytes());
    assert_eq!(subscriber.frame().await, reply());
    session.send_raw(b"\0\0");
    session.close();
    assert_eq!(subscriber.bytes(2).await, b"\0\0");
    subscriber.closed_mid_frame().await;
    assert_eq!((session.is_alive(), session.protocol()), (false, 0));
    devnet.node(0).sessions()[0].cut();
    publisher.closed().await;
}
