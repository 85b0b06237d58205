//! WebSocket frames: what nodes take, what they close the connection for, and their pings.

use std::time::Duration;

use tokio::time::sleep;

use crate::peer::{Peer, REQUEST, Sent, devnet, frame, message, raw};

/// A unicast that nobody subscribes to, whose answer shows that the node has read it.
fn unheard() -> Vec<u8> {
    raw(REQUEST, "1", message("nobody", "x")).bytes()
}

/// Asserts that the node has read [`unheard`].
async fn is_answered(peer: &mut Peer) {
    let answer = peer.message().await;
    assert_eq!((answer.kind, answer.status), (0, 3001));
}

async fn connected() -> (amop_devnet::Devnet, Peer) {
    let devnet = devnet(1, |b| b).await;
    let peer = Peer::connect(&devnet.node(0)).await;
    (devnet, peer)
}

/// As [`connected`], with pings left to the test.
async fn passive() -> (amop_devnet::Devnet, Peer) {
    let devnet = devnet(1, |b| b).await;
    let peer = Peer::passive(&devnet.node(0)).await;
    (devnet, peer)
}

#[tokio::test(start_paused = true)]
async fn text_and_fragments_are_taken() {
    let (_devnet, mut peer) = connected().await;
    peer.send_bytes(&frame(0x81, &unheard())).await;
    is_answered(&mut peer).await;
    let whole = unheard();
    peer.send_bytes(&frame(0x02, &whole[..5])).await;
    peer.send_bytes(&frame(0x89, b"mid")).await;
    peer.send_bytes(&frame(0x00, &whole[5..20])).await;
    peer.send_bytes(&frame(0x80, &whole[20..])).await;
    assert_eq!(peer.next().await, Some(Sent::Pong(b"mid".to_vec())));
    is_answered(&mut peer).await;
    // Two messages in one write.
    let both = [frame(0x82, &whole), frame(0x82, &whole)].concat();
    peer.send_bytes(&both).await;
    is_answered(&mut peer).await;
    is_answered(&mut peer).await;
}

#[tokio::test(start_paused = true)]
async fn breaches_of_the_protocol_are_closed_with_their_codes() {
    let mut unmasked = vec![0x82, 60];
    unmasked.extend_from_slice(&[0; 60]);
    let not_minimal = [&[0x82, 0xfe, 0, 60, 0x37, 0xfa, 0x21, 0x3d][..], &[0; 60]].concat();
    let too_long = [&[0x82, 0xff][..], &33_554_433_u64.to_be_bytes(), &[1, 2, 3, 4]].concat();
    for (bytes, code) in [
        (unmasked, 1002),
        (frame(0x81, b"\x00\x00\x01\x11\x00\x00\x00\x00\x00\x00\xff"), 1007),
        (frame(0x80, &unheard()), 1002),
        ([frame(0x02, b"12345"), frame(0x82, &unheard())].concat(), 1002),
        (frame(0xc2, &unheard()), 1002),
        (frame(0x83, &unheard()), 1002),
        (frame(0x8b, b""), 1002),
        (frame(0x89, &[b'p'; 126]), 1002),
        (frame(0x09, b"p"), 1002),
        (not_minimal, 1002),
        (too_long, 1009),
        (frame(0x82, b""), 1000),
        (frame(0x82, &[0; 9]), 1000),
        // Closes of the client are answered with their own code.
        (frame(0x88, b""), 1000),
        (frame(0x88, &1000_u16.to_be_bytes()), 1000),
        (frame(0x88, &4321_u16.to_be_bytes()), 4321),
        (frame(0x88, &1005_u16.to_be_bytes()), 1002),
        (frame(0x88, b"x"), 1002),
    ] {
        let (_devnet, mut peer) = connected().await;
        peer.send_bytes(&bytes).await;
        peer.is_closed_with(code).await;
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_mean_nothing_are_ignored() {
    let (_devnet, mut peer) = connected().await;
    peer.send_bytes(&frame(0x82, &[0; 10])).await;
    peer.send(&raw(0x999, "1", "x")).await;
    peer.send(&raw(0x113, "1", "unasked")).await;
    // Real nodes would process no further messages at all after these.
    for payload in [&b"\0\0"[..], b"\0\0\0\0\0", b"\0\0\0\0\0\xffabc"] {
        peer.send(&raw(REQUEST, "1", payload)).await;
        peer.send(&raw(0x112, "1", payload)).await;
    }
    peer.send_bytes(&frame(0x82, &unheard())).await;
    is_answered(&mut peer).await;
}

#[tokio::test(start_paused = true)]
async fn seq_past_the_end_makes_its_session_deaf() {
    let (devnet, mut peer) = connected().await;
    let mut other = Peer::connect(&devnet.node(0)).await;
    peer.send_bytes(&frame(0x82, b"\0\0\x01\x11\0\0\x03\xe7xxxxxxxxxxxxxxxxxxxx")).await;
    peer.send_bytes(&frame(0x82, &unheard())).await;
    peer.sync().await;
    peer.gets_no_message().await;
    other.send_bytes(&frame(0x82, &unheard())).await;
    is_answered(&mut other).await;
}

#[tokio::test(start_paused = true)]
async fn silent_client_gets_a_ping_and_is_cut() {
    let (_devnet, mut peer) = passive().await;
    assert_eq!(peer.next().await, Some(Sent::Ping(vec![])));
    assert_eq!(peer.seconds(), 5.0);
    assert_eq!(peer.next().await, None, "no close frame");
    assert_eq!(peer.seconds(), 10.0);
}

#[tokio::test(start_paused = true)]
async fn data_restarts_the_clock_of_pings() {
    for bytes in [frame(0x82, &[0; 10]), vec![0x82]] {
        let (_devnet, mut peer) = passive().await;
        sleep(Duration::from_secs(3)).await;
        peer.send_bytes(&bytes).await;
        assert_eq!(peer.next().await, Some(Sent::Ping(vec![])));
        assert_eq!(peer.seconds(), 8.0);
        assert_eq!(peer.next().await, None);
        assert_eq!(peer.seconds(), 13.0);
    }
}

#[tokio::test(start_paused = true)]
async fn pings_and_pongs_keep_the_session_but_not_the_clock() {
    let (_devnet, mut peer) = passive().await;
    sleep(Duration::from_secs(3)).await;
    peer.sync().await;
    assert_eq!(peer.next().await, Some(Sent::Ping(vec![])));
    assert_eq!(peer.seconds(), 5.0);
    sleep(Duration::from_millis(500)).await;
    peer.send_bytes(&frame(0x8a, b"")).await;
    assert_eq!(peer.next().await, Some(Sent::Ping(vec![])));
    assert_eq!(peer.seconds(), 10.0);
    assert_eq!(peer.next().await, None);
    assert_eq!(peer.seconds(), 15.0);
}
