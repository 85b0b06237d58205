//! Faults of messages, and of sessions.

use amop_devnet::Fault;

use crate::peer::{Peer, REQUEST, RESPONSE, Sent, devnet, message, raw};

#[tokio::test(start_paused = true)]
async fn faults_apply_to_messages_by_type_and_topic() {
    let devnet = devnet(2, |b| b).await;
    let mut publisher = Peer::connect(&devnet.node(0)).await;
    let mut subscriber = Peer::subscriber(&devnet.node(1), &["t"]).await;
    devnet.control("fault twice type=0x111 times=1 topic=t").await.unwrap();
    publisher.send(&raw(REQUEST, "1", message("t", "x"))).await;
    let delivery = subscriber.message().await;
    assert_eq!(subscriber.message().await, delivery);
    let lost = devnet.inject(Fault::lose().from_clients().on_type(RESPONSE).times(1));
    subscriber.send(&raw(RESPONSE, &delivery.seq, "lost")).await;
    subscriber.send(&raw(RESPONSE, &delivery.seq, "second")).await;
    assert_eq!(publisher.message().await.payload, b"second");
    assert_eq!(devnet.hits(lost), Some(1));
}

#[tokio::test(start_paused = true)]
async fn garbage_and_cuts_end_what_the_client_can_read() {
    let devnet = devnet(1, |b| b).await;
    let mut peer = Peer::connect(&devnet.node(0)).await;
    devnet.inject(Fault::other_seq().on_type(0).times(1));
    peer.send(&raw(REQUEST, "1", message("t", "x"))).await;
    assert_ne!(peer.message().await.seq, b"1");
    devnet.inject(Fault::close().on_type(0).times(1));
    peer.send(&raw(REQUEST, "1", message("t", "x"))).await;
    assert_eq!(peer.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn session_can_be_sent_any_bytes_and_closed() {
    let devnet = devnet(1, |b| b).await;
    let mut peer = Peer::passive(&devnet.node(0)).await;
    let session = devnet.node(0).sessions().remove(0);
    session.send_raw(b"\x89\x02hi");
    assert_eq!(peer.next().await, Some(Sent::Ping(b"hi".to_vec())));
    session.close();
    assert_eq!(peer.next().await, None);
}
