//! Many clients, and clients that do not read.

use amop::protocol::Seq;
use amop::protocol::channel::{Frame, MessageType};
use amop_devnet::Devnet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::fixture::{connect, guarded, until};

fn frame(kind: u16, body: &[u8]) -> Vec<u8> {
    Frame::new(MessageType::from_wire(kind), Seq::new([b'1'; 32]), 0, body).to_bytes()
}

/// Connects, subscribes to `t`, and returns once the node has processed it.
async fn subscriber(devnet: &Devnet, node: usize) -> amop::transport::BoxedStream {
    let mut stream = connect(devnet, &devnet.node(node).endpoint()).await.unwrap();
    stream.write_all(&frame(0x32, br#"["t"]"#)).await.unwrap();
    stream.flush().await.unwrap();
    until("the topic is listed", || devnet.node(node).topics() == ["t"]).await;
    stream
}

#[tokio::test]
async fn ten_thousand_connections_leave_nothing() {
    guarded(async {
        let devnet = Devnet::builder().nodes(1).start().await.unwrap();
        let address = devnet.node(0).address();
        for number in 0..10_000 {
            let mut tcp = TcpStream::connect(address).await.unwrap();
            if number % 2 == 0 {
                // A reset avoids TIME_WAIT, which would exhaust the ports of this machine.
                tcp.set_zero_linger().unwrap();
            } else {
                let _ = tcp.write_all(b"hello").await;
            }
        }
        for _ in 0..20 {
            connect(&devnet, &devnet.node(0).endpoint()).await.unwrap();
        }
        until("all connections have ended", || devnet.counters().tasks == 1).await;
        let counters = devnet.counters();
        assert_eq!((counters.accepted, counters.refused), (10_020, 10_000));
        assert_eq!((counters.sessions, counters.held_bytes), (0, 0));
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn subscriber_that_does_not_read_is_cut() {
    guarded(async {
        let devnet = Devnet::builder().nodes(1).max_queued_bytes(1 << 20).start().await.unwrap();
        let mut deaf = subscriber(&devnet, 0).await;
        let mut body = b"\x02t".to_vec();
        body.resize(256 << 10, 7);
        let message = frame(0x35, &body);
        let mut good = connect(&devnet, &devnet.node(0).endpoint()).await.unwrap();
        let mut sent = 0;
        let mut bytes = vec![0; message.len()];
        while devnet.counters().slow_readers == 0 {
            good.write_all(&message).await.unwrap();
            good.flush().await.unwrap();
            good.read_exact(&mut bytes).await.unwrap();
            sent += 1;
            assert!(devnet.counters().held_bytes <= (1 << 20) + message.len());
        }
        let mut got = 0;
        while let Ok(count @ 1..) = deaf.read(&mut bytes).await {
            got += count;
        }
        assert!(got < sent * message.len(), "the session was cut with frames unsent");
        good.write_all(&message).await.unwrap();
        good.flush().await.unwrap();
        good.read_exact(&mut bytes).await.unwrap();
        until("nothing is held", || devnet.counters().held_bytes == 0).await;
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn stop_does_not_wait_for_clients_that_do_not_read() {
    guarded(async {
        let limit = std::time::Duration::from_millis(100);
        let devnet = Devnet::builder().nodes(1).close_limit(limit).start().await.unwrap();
        let _deaf = subscriber(&devnet, 0).await;
        let mut body = b"\x02t".to_vec();
        body.resize(16 << 20, 7);
        let mut publisher = connect(&devnet, &devnet.node(0).endpoint()).await.unwrap();
        publisher.write_all(&frame(0x35, &body)).await.unwrap();
        publisher.flush().await.unwrap();
        until("the message is queued", || devnet.counters().held_bytes > 16 << 20).await;
        devnet.stop().await;
    })
    .await;
}
