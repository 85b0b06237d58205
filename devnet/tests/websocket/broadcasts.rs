//! Broadcasts.

use crate::peer::{BROADCAST, Peer, devnet, frame, message, raw};

#[tokio::test(start_paused = true)]
async fn copies_of_other_nodes_carry_no_seq_and_nothing_is_acknowledged() {
    let devnet = devnet(2, |b| b).await;
    let mut publisher = Peer::subscriber(&devnet.node(0), &["t"]).await;
    let mut own = Peer::subscriber(&devnet.node(0), &["t"]).await;
    let mut remote = Peer::subscriber(&devnet.node(1), &["t"]).await;
    let mut other = Peer::subscriber(&devnet.node(1), &["u"]).await;
    let mut sent = raw(BROADCAST, "seq", message("t", "all")).with_status(5);
    sent.ext = 3;
    publisher.send(&sent).await;
    assert_eq!(publisher.message().await, sent, "the publisher's own copy, not an acknowledgement");
    assert_eq!(own.message().await, sent);
    assert_eq!(remote.message().await, raw(BROADCAST, "", message("t", "all")));
    // Answers are ignored.
    remote.send(&raw(0x113, "", "thanks")).await;
    own.send(&raw(0x113, "seq", "thanks")).await;
    own.sync().await;
    other.gets_no_message().await;
}

#[tokio::test(start_paused = true)]
async fn broadcast_without_subscribers_is_silent() {
    let devnet = devnet(2, |b| b).await;
    let mut publisher = Peer::connect(&devnet.node(0)).await;
    publisher.send(&raw(BROADCAST, "seq", message("t", "all"))).await;
    publisher.gets_no_message().await;
}

#[tokio::test(start_paused = true)]
async fn messages_that_arrive_together_are_processed_the_last_first_like_3_16() {
    const COUNT: usize = 100;
    let devnet = devnet(1, |b| b.like_3_16()).await;
    let mut publisher = Peer::connect(&devnet.node(0)).await;
    let mut subscriber = Peer::subscriber(&devnet.node(0), &["t"]).await;
    let broadcast = |n: usize| frame(0x82, &raw(BROADCAST, "", message("t", &n.to_string())).bytes());
    publisher.send_bytes(&(0..COUNT).flat_map(broadcast).collect::<Vec<_>>()).await;
    for n in (0..COUNT).rev() {
        assert_eq!(subscriber.message().await.payload, message("t", &n.to_string()));
    }
}
