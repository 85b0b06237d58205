//! One frame of each message type, byte by byte: what the encoders write is what stands here.

use amop::protocol::Seq;
use amop::protocol::channel::amop::put_head;
use amop::protocol::channel::frame::{MAX_FRAME_LEN, parse};
use amop::protocol::channel::handshake::{Choice, Offer};
use amop::protocol::channel::verify::{TopicStatus, VerifyRequest};
use amop::protocol::channel::{Frame, MessageType, heartbeat, rpc, topic_list};

const SEQ: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

/// A frame from its encoder, beside the same frame written out.
struct Pair {
    encoded: Vec<u8>,
    written: Vec<u8>,
}

/// A body in a frame with result 0.
fn around(kind: MessageType, body: &[u8]) -> Vec<u8> {
    Frame::new(kind, Seq::new(*SEQ), 0, body).to_bytes()
}

/// A frame with a topic body.
fn message(kind: MessageType, result: i32, topic: &str, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_head(&mut out, kind, Seq::new(*SEQ), result, topic.as_bytes(), data.len());
    out.extend_from_slice(data);
    out
}

/// Length, type, seq, result, body; `None` for numbers that have no type.
///
/// No catch-all: a new type has to be written out here.
fn pair(kind: MessageType) -> Option<Pair> {
    let (encoded, [length, number, result, body]): (_, [&[u8]; 4]) = match kind {
        MessageType::Rpc => (
            around(kind, &rpc::get_peers(1)),
            [
                &[0, 0, 0, 99],
                &[0, 0x12],
                &[0, 0, 0, 0],
                br#"{"jsonrpc":"2.0","method":"getPeers","params":[1],"id":1}"#,
            ],
        ),
        MessageType::Heartbeat => {
            (around(kind, heartbeat::request(1)), [&[0, 0, 0, 43], &[0, 0x13], &[0, 0, 0, 0], &[0x30]])
        }
        MessageType::Handshake => (
            around(
                kind,
                &Offer { minimum_support: 1, maximum_support: 3, client_type: "amop".into() }.encode(),
            ),
            [
                &[0, 0, 0, 101],
                &[0, 0x14],
                &[0, 0, 0, 0],
                br#"{"minimumSupport":1,"maximumSupport":3,"clientType":"amop"}"#,
            ],
        ),
        MessageType::RegisterEvent => {
            (around(kind, b"\x01{}"), [&[0, 0, 0, 45], &[0, 0x15], &[0, 0, 0, 0], &[1, b'{', b'}']])
        }
        MessageType::Request => (
            message(kind, 0, "hello", b"hi"),
            [&[0, 0, 0, 50], &[0, 0x30], &[0, 0, 0, 0], &[6, b'h', b'e', b'l', b'l', b'o', b'h', b'i']],
        ),
        MessageType::Response => (
            message(kind, -5000, "hello", b""),
            [&[0, 0, 0, 48], &[0, 0x31], &[0xff, 0xff, 0xec, 0x78], &[6, b'h', b'e', b'l', b'l', b'o']],
        ),
        MessageType::TopicList => (
            around(kind, &topic_list::encode(["hello", "中"])),
            [
                &[0, 0, 0, 57],
                &[0, 0x32],
                &[0, 0, 0, 0],
                &[b'[', b'"', b'h', b'e', b'l', b'l', b'o', b'"', b',', b'"', 0xe4, 0xb8, 0xad, b'"', b']'],
            ],
        ),
        MessageType::Broadcast => (
            message(kind, 0, "中", &[0, 0xff]),
            [&[0, 0, 0, 48], &[0, 0x35], &[0, 0, 0, 0], &[4, 0xe4, 0xb8, 0xad, 0, 0xff]],
        ),
        MessageType::RequestVerify => (
            around(
                kind,
                &VerifyRequest { node_id: "ab".into(), topic: "t".into(), topic_for_cert: "c".into() }
                    .encode(),
            ),
            [
                &[0, 0, 0, 89],
                &[0, 0x37],
                &[0, 0, 0, 0],
                b"{\"nodeId\":\"ab\",\"topic\":\"t\",\"topicForCert\":\"c\"}\n",
            ],
        ),
        MessageType::UpdateTopicStatus => {
            let body = br#"{"checkResult":0,"nodeId":"ab","topic":"t"}"#;
            let status = TopicStatus { check_result: 0, node_id: "ab".into(), topic: "t".into() };
            assert_eq!(TopicStatus::decode(body), Some(status));
            (around(kind, body), [&[0, 0, 0, 85], &[0, 0x38], &[0, 0, 0, 0], body])
        }
        MessageType::TransactionNotify => {
            (around(kind, b"{}"), [&[0, 0, 0, 44], &[0x10, 0x00], &[0, 0, 0, 0], b"{}"])
        }
        MessageType::BlockNotify => (
            message(kind, 0, "_block_notify_1", b"1,7"),
            [&[0, 0, 0, 61], &[0x10, 0x01], &[0, 0, 0, 0], b"\x10_block_notify_11,7"],
        ),
        MessageType::EventNotify => {
            (around(kind, b"{}"), [&[0, 0, 0, 44], &[0x10, 0x02], &[0, 0, 0, 0], b"{}"])
        }
        MessageType::Other(_) => return None,
    };
    Some(Pair { encoded, written: [length, number, SEQ, result, body].concat() })
}

#[test]
fn every_type_is_written_as_it_stands_here() {
    let mut types = 0;
    for number in 0..=u16::MAX {
        let kind = MessageType::from_wire(number);
        let Some(Pair { encoded, written }) = pair(kind) else { continue };
        assert_eq!(encoded, written, "{kind:?}");
        let frame = parse(&written, MAX_FRAME_LEN).unwrap().unwrap();
        assert_eq!((frame.kind, frame.seq), (kind, Seq::new(*SEQ)));
        assert_eq!(frame.body, &written[42..]);
        types += 1;
    }
    assert_eq!(types, 13);
}

#[test]
fn answers_of_a_node_as_they_stand_here() {
    let choice = Choice { node_version: "2.11.2".into(), protocol: 3 }.encode();
    assert_eq!(choice, b"{\"nodeVersion\":\"2.11.2\",\"protocol\":3}\n");
    assert_eq!(heartbeat::answer(1, b"0"), Some(&[0x31][..]));
    assert_eq!(heartbeat::answer(2, b""), Some(&b"{\"heartBeat\":1}\n"[..]));
}
