//! A node, or another SDK through a node, that wants to harm a client: what it gets is bounded, and the rest goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use amop::protocol::Seq;
use amop::protocol::channel::{Frame, FrameReader, MessageType, amop as amop_body};
use amop::{ErrorKind, Request};
use amop_devnet::Devnet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::unbounded_channel;

use crate::fixture::{devnet, soon, until};
use crate::garbage::{FakeNode, builder_at};

/// Longer than any test takes.
const NEVER: Duration = Duration::from_secs(24 * 3600);

const BOUND: usize = 1 << 20;

/// What the library's own answers may take beyond the bound.
const RESERVE: usize = 256 << 10;

fn message(kind: MessageType, seq: Seq, topic: &str, data: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    amop_body::put_topic(&mut body, topic.as_bytes());
    body.extend_from_slice(data);
    Frame::new(kind, seq, 0, &body).to_bytes()
}

fn id(n: usize) -> Seq {
    Seq::from_halves(9, n as u64)
}

#[tokio::test]
async fn node_that_reads_nothing_stops_the_reading_of_requests() {
    // More answers than the sockets' buffers and the bounds take.
    const REQUESTS: usize = 200_000;
    let devnet = devnet(Devnet::builder().nodes(1)).await;
    let node = FakeNode::new(&devnet).await;
    let builder = builder_at(&devnet, &node).heartbeat(NEVER).max_send_bytes(BOUND);
    let (client, stream) = tokio::join!(builder.connect(), node.accept_ready());
    let client = client.unwrap();
    let (mut read, mut write) = tokio::io::split(stream);
    let written = Arc::new(AtomicUsize::new(0));
    let writer = tokio::spawn({
        let written = written.clone();
        async move {
            let topic = "t".repeat(100);
            for first in (0..REQUESTS).step_by(1000) {
                let requests =
                    (first..first + 1000).map(|n| message(MessageType::Request, id(n), &topic, b"?"));
                write.write_all(&requests.flatten().collect::<Vec<_>>()).await.unwrap();
                written.fetch_add(1000, Ordering::Relaxed);
            }
            write.flush().await.unwrap();
            write
        }
    });
    let queued = || client.stats().endpoints[0].queued_bytes;
    until("a queue over its bound", || queued() > BOUND).await;
    // As long as the writer goes on, so does the client's reading of what lies in the sockets' buffers.
    let mut before = usize::MAX;
    while std::mem::replace(&mut before, written.load(Ordering::Relaxed)) != before {
        for _ in 0..100 {
            assert!(queued() <= BOUND + RESERVE, "{} bytes wait", queued());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    assert!(before < REQUESTS, "the client stops reading");
    let mut reader = FrameReader::new(1 << 20);
    let mut answers = 0;
    while answers < REQUESTS {
        soon("an answer", read.read_buf(reader.buffer())).await.unwrap();
        while let Some(answer) = reader.next().unwrap() {
            answers += usize::from(answer.kind == MessageType::Response);
        }
    }
    soon("the writer", writer).await.unwrap();
    until("an empty queue", || queued() == 0).await;
}

#[tokio::test]
async fn replies_beyond_the_bound_are_overloaded_and_can_be_given_later() {
    const DATA: usize = 256 << 10;
    let devnet = devnet(Devnet::builder().nodes(1)).await;
    let node = FakeNode::new(&devnet).await;
    let builder = builder_at(&devnet, &node).heartbeat(NEVER).max_send_bytes(BOUND);
    let (client, mut stream) = tokio::join!(builder.connect(), node.accept_ready());
    let client = client.unwrap();
    let (requests, mut received) = unbounded_channel();
    let served = client.serve("t").for_each(move |request: Request| {
        let requests = requests.clone();
        async move { requests.send(request).unwrap() }
    });
    let mut reader = FrameReader::new(1 << 20);
    let refusing = async {
        loop {
            stream.read_buf(reader.buffer()).await.unwrap();
            while let Some(frame) = reader.next().unwrap() {
                if frame.kind == MessageType::Rpc {
                    let refusal = br#"{"error":{"code":-32601,"message":"no"}}"#;
                    let answer = Frame::new(MessageType::Rpc, frame.seq, 0, refusal).to_bytes();
                    stream.write_all(&answer).await.unwrap();
                    stream.flush().await.unwrap();
                    return;
                }
            }
        }
    };
    let (service, ()) = soon("the service", async { tokio::join!(served, refusing) }).await;
    let _service = service.unwrap();
    let mut refused = None;
    for n in 0.. {
        stream.write_all(&message(MessageType::Request, id(n), "t", b"?")).await.unwrap();
        stream.flush().await.unwrap();
        let request: Request = soon("the request", received.recv()).await.unwrap();
        if let Err(error) = request.reply(vec![0; DATA]) {
            refused = Some((request, error));
            break;
        }
        assert!(client.stats().endpoints[0].queued_bytes <= BOUND);
    }
    let (request, error) = refused.unwrap();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert!(request.is_open());
    assert_eq!(client.stats().endpoints[0].overloaded, 1);
    // Once the node reads, the reply is accepted.
    let last = request.message().seq().to_vec();
    let mut given = false;
    loop {
        soon("an answer", stream.read_buf(reader.buffer())).await.unwrap();
        while let Some(frame) = reader.next().unwrap() {
            if frame.seq.as_bytes() == &last[..] {
                assert_eq!(frame.body.len(), 2 + DATA);
                return;
            }
        }
        given = given || request.reply(vec![0; DATA]).is_ok();
    }
}
