//! The division of frames into TLS records. go-sdk decodes one frame per read.

use std::sync::{Arc, Mutex};

use amop::protocol::Seq;
use amop::protocol::channel::frame::MAX_FRAME_LEN;
use amop::protocol::channel::{Frame, FrameReader, MessageType};
use amop::transport::BoxedStream;
use amop_devnet::Devnet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{connect, guarded, until};

const APPLICATION_DATA: u8 = 23;

/// Starts a relay in front of a node that records what the node sends.
async fn relay(node: std::net::SocketAddr) -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener.local_addr().unwrap().to_string();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = seen.clone();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_node, mut to_node) = TcpStream::connect(node).await.unwrap().into_split();
        tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_node).await });
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from_node.read(&mut bytes).await {
            kept.lock().unwrap().extend_from_slice(&bytes[..count]);
            if to_client.write_all(&bytes[..count]).await.is_err() {
                break;
            }
        }
    });
    (endpoint, seen)
}

/// Returns the lengths of the records with application data.
fn lengths(mut bytes: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let Some((header, rest)) = bytes.split_at_checked(5) {
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        if header[0] == APPLICATION_DATA {
            lengths.push(length);
        }
        bytes = &rest[length..];
    }
    lengths
}

/// Returns the number of records with application data.
fn records(bytes: &[u8]) -> usize {
    lengths(bytes).len()
}

async fn read_frames(stream: &mut BoxedStream, count: usize) {
    let mut reader = FrameReader::new(MAX_FRAME_LEN);
    let mut read = 0;
    loop {
        while reader.next().unwrap().is_some() {
            read += 1;
        }
        if read == count {
            return;
        }
        assert!(stream.read_buf(reader.buffer()).await.unwrap() > 0);
    }
}

fn frame(kind: u16, body: &[u8]) -> Vec<u8> {
    Frame::new(MessageType::from_wire(kind), Seq::new([b'1'; 32]), 0, body).to_bytes()
}

/// Sends a handshake and waits for the answer.
async fn handshake(stream: &mut BoxedStream, client_type: &str) {
    let offer = format!(r#"{{"minimumSupport":1,"maximumSupport":3,"clientType":"{client_type}"}}"#);
    stream.write_all(&frame(0x14, offer.as_bytes())).await.unwrap();
    stream.flush().await.unwrap();
    read_frames(stream, 1).await;
}

/// Returns the number of records for 50 acknowledgements after an optional handshake as `client_type`.
async fn records_for_50_acks(client_type: Option<&str>, nagle: bool) -> usize {
    let devnet = Devnet::builder().nodes(1).nagle(nagle).start().await.unwrap();
    let (endpoint, seen) = relay(devnet.node(0).address()).await;
    let mut stream = connect(&devnet, &endpoint).await.unwrap();
    if let Some(client_type) = client_type {
        handshake(&mut stream, client_type).await;
    }
    let before = records(&seen.lock().unwrap());
    stream.write_all(&frame(0x35, b"\x02tx").repeat(50)).await.unwrap();
    stream.flush().await.unwrap();
    read_frames(&mut stream, 50).await;
    let records = records(&seen.lock().unwrap()) - before;
    let counters = devnet.node(0).counters();
    assert_eq!(counters.records_out, (before + records) as u64);
    assert_eq!(counters.frames_out, 50 + u64::from(client_type.is_some()));
    assert_eq!(counters.frames_in, counters.frames_out);
    devnet.stop().await;
    records
}

#[tokio::test]
async fn go_sdk_receives_one_frame_per_record() {
    guarded(async {
        assert_eq!(records_for_50_acks(Some("Go-SDK"), false).await, 50);
        assert_eq!(records_for_50_acks(None, false).await, 50);
        // The 50 frames arrive in one record and are answered in one, or in a few if they are read in parts.
        assert!(records_for_50_acks(Some("amop"), false).await < 10);
    })
    .await;
}

#[tokio::test]
async fn nodes_with_nagle_write_each_frame_by_itself() {
    guarded(async {
        assert_eq!(records_for_50_acks(Some("amop"), true).await, 50);
    })
    .await;
}

/// go-sdk reads a wrong length if a record contains less than four bytes of a frame.
#[tokio::test]
async fn go_sdk_receives_whole_frames_when_it_reads_slowly() {
    guarded(async {
        let devnet = Devnet::builder().nodes(1).start().await.unwrap();
        let node = devnet.node(0);
        let (endpoint, seen) = relay(node.address()).await;
        let mut slow = connect(&devnet, &endpoint).await.unwrap();
        handshake(&mut slow, "Go-SDK").await;
        slow.write_all(&frame(0x32, br#"["t"]"#)).await.unwrap();
        slow.flush().await.unwrap();
        until("the topic is listed", || node.topics() == ["t"]).await;
        let before = records(&seen.lock().unwrap());

        let mut publisher = connect(&devnet, &node.endpoint()).await.unwrap();
        handshake(&mut publisher, "test").await;
        let mut message = b"\x02t".to_vec();
        message.resize(5_000, 7);
        let message = frame(0x35, &message);
        // More than all buffers on the path can hold.
        let mut sent = 0;
        while devnet.counters().held_bytes < 4 << 20 {
            publisher.write_all(&message).await.unwrap();
            publisher.flush().await.unwrap();
            read_frames(&mut publisher, 1).await;
            sent += 1;
        }
        read_frames(&mut slow, sent).await;
        let mut lengths = lengths(&seen.lock().unwrap()).split_off(before);
        assert_eq!(lengths.len(), sent);
        lengths.dedup();
        assert_eq!(lengths.len(), 1, "{lengths:?}");
        devnet.stop().await;
    })
    .await;
}
