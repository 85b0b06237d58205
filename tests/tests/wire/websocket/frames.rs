//! WebSocket frames of both sides, what breaks the protocol, and properties of the reader.

use amop::protocol::websocket::Side;
use amop::protocol::websocket::frame::{put_close, put_message, put_ping, put_pong};
use amop_tests::websocket_invariants::{Seen, frames, message, read_frames as read, upgrade};
use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::{Direction, Layer, Vector, of_layer, unhex, vectors};

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// What another program read in whole frames: fragments put together.
fn expected(vector: &Vector) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut message = Vec::new();
    for frame in vector.fields.as_array().expect("frames") {
        let opcode = frame["opcode"].as_u64().unwrap() as u8;
        let mut payload = frame.get("payload_hex").and_then(Value::as_str).map(unhex).unwrap_or_default();
        match (opcode, frame["fin"].as_bool().unwrap()) {
            (8, _) => {
                let code = frame.get("code").and_then(Value::as_u64).map(|code| (code as u16).to_be_bytes());
                seen.push((8, code.map(|code| code.to_vec()).unwrap_or_default()));
            }
            (0..=2, fin) => {
                message.append(&mut payload);
                if fin {
                    seen.push((2, std::mem::take(&mut message)));
                }
            }
            (opcode, _) => seen.push((opcode, payload)),
        }
    }
    seen
}

#[test]
fn every_frame_of_a_real_peer_is_read() {
    let mut valid = 0;
    for vector in of_layer(Layer::Websocket) {
        let (name, bytes) = (&vector.name, vector.bytes());
        let peer = if vector.direction == Direction::ToNode { Side::Client } else { Side::Node };
        // Only the header of a message of the largest size is there.
        if name == "size_limit_frame_header" {
            assert_eq!(read(peer, &bytes, &[1]), (vec![], Ok(true)), "{name}");
            continue;
        }
        for sizes in [[1], [3], [1000]] {
            match read(peer, &bytes, &sizes) {
                (seen, Ok(mid_frame)) => {
                    assert_eq!((seen, mid_frame), (expected(&vector), false), "{name}");
                    valid += 1;
                }
                (_, Err(error)) => {
                    let answer = format!("{}_answer", name.replace("client_close_", "node_close_after_"));
                    let answer =
                        if name.starts_with("client_close") { answer.replace("_answer", "") } else { answer };
                    let answer = if name.starts_with("size_") { "size_close_1009".into() } else { answer };
                    let vectors = vectors();
                    let closed = expected(super::named(&vectors, &answer)).pop();
                    assert_eq!(
                        closed,
                        Some((8, error.close_code().to_be_bytes().to_vec())),
                        "{name}: {error}"
                    );
                }
            }
        }
    }
    assert_eq!(valid, 3 * 61);
}

#[test]
fn control_frames_are_written_as_real_peers_do() {
    let vectors = of_layer(Layer::Websocket);
    let check = |name: &str, write: &dyn Fn(&mut BytesMut)| {
        let mut out = BytesMut::new();
        write(&mut out);
        assert_eq!(out, super::named(&vectors, name).bytes(), "{name}");
    };
    check("node_ping", &|out| put_ping(out, None, b""));
    check("node_pong_payload", &|out| put_pong(out, None, b"abc"));
    check("client_ping_empty", &|out| put_ping(out, Some(MASK), b""));
    check("client_ping_payload", &|out| put_ping(out, Some(MASK), b"abc"));
    check("client_pong_empty", &|out| put_pong(out, Some(MASK), b""));
    check("client_close_1000", &|out| put_close(out, Some(MASK), 1000));
    check("client_close_1001", &|out| put_close(out, Some(MASK), 1001));
    check("node_close_after_1000", &|out| put_close(out, None, 1000));
    check("size_close_1009", &|out| put_close(out, None, 1009));
}

#[test]
fn messages_are_written_in_the_frames_they_came_in() {
    let mut count = 0;
    for vector in of_layer(Layer::Message) {
        let Some(header) = vector.ws_header() else { continue };
        let masked = header[1] & 0x80 != 0;
        let mask = masked.then(|| *header.last_chunk().unwrap());
        let mut out = BytesMut::new();
        let message = vector.bytes();
        put_message(&mut out, mask, &[&message]);
        assert!(out.starts_with(&header), "{}: {:x?}", vector.name, &out[..14]);
        let peer = if masked { Side::Client } else { Side::Node };
        assert_eq!(read(peer, &out, &[7]), (vec![(2, message)], Ok(false)), "{}", vector.name);
        count += 1;
    }
    assert_eq!(count, 124);
    let frame = super::named(&vectors(), "ws_frame_handshake").bytes();
    let message = super::named(&vectors(), "handshake_max_2_request").bytes();
    let mut out = BytesMut::new();
    put_message(&mut out, Some(MASK), &[&message[..50], &message[50..]]);
    assert_eq!(out, frame);
}

proptest! {
    #[test]
    fn messages_come_out_as_they_went_in_wherever_they_are_cut(
        messages in vec((vec(any::<u8>(), 0..300), any::<[u8; 4]>(), any::<bool>()), 0..8),
        long in 0..70_000usize,
        sizes in vec(1..20_000usize, 1..5),
        missing in 0..60usize,
    ) {
        for peer in [Side::Client, Side::Node] {
            let mut out = BytesMut::new();
            let mut ends = Vec::new();
            let mut all: Vec<Seen> = Vec::new();
            for (payload, mask, is_ping) in messages.iter().cloned().chain([(vec![9; long], [1, 2, 3, 4], false)]) {
                let mask = (peer == Side::Client).then_some(mask);
                if is_ping {
                    let payload = &payload[..payload.len().min(125)];
                    put_ping(&mut out, mask, payload);
                    all.push((9, payload.to_vec()));
                } else {
                    put_message(&mut out, mask, &[&payload[..payload.len() / 2], &payload[payload.len() / 2..]]);
                    all.push((2, payload));
                }
                ends.push(out.len());
            }
            let (seen, end) = read(peer, &out, &sizes);
            prop_assert!(seen == all && end == Ok(false));
            let cut = out.len().saturating_sub(missing);
            let complete = ends.iter().filter(|end| **end <= cut).count();
            let (seen, end) = read(peer, &out[..cut], &sizes);
            prop_assert_eq!(seen.len(), complete);
            prop_assert_eq!(end, Ok(cut > complete.checked_sub(1).map_or(0, |last| ends[last])));
        }
    }

    #[test]
    fn any_bytes_are_read_alike_in_pieces_and_at_once(
        bytes in vec(prop_oneof![3 => any::<u8>(), 1 => Just(0x82), 1 => Just(0x02), 1 => Just(0x80), 1 => 0..8u8], 0..400),
        sizes in vec(1..50usize, 1..5),
    ) {
        frames(&bytes, &sizes);
    }

    #[test]
    fn any_message_is_read_without_loss_or_refused(
        kind in prop_oneof![Just(0x100u16), Just(0x110), Just(0x111), Just(0x112), any::<u16>()],
        seq_len in prop_oneof![8 => 0..40u16, 1 => any::<u16>()],
        rest in vec(any::<u8>(), 0..200),
        json in prop_oneof![
            Just("{\"topics\":[\"a\",7,null,true,\"\\u4e3b\"]}"),
            Just("{\"maxVersion\":2,\"minVersion\":0,\"moduleID\":2}"),
            Just("{\"protocolVersion\":2,\"groupInfoList\":[{\"nodeList\":[{\"iniConfig\":\"{}\"}]}]}"),
        ],
    ) {
        let mut bytes = vec![0, 0];
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(seq_len.to_be_bytes());
        bytes.extend(&rest);
        message(&bytes);
        bytes.truncate(6);
        bytes.extend([0, 0, 0, 0]);
        bytes.extend(json.as_bytes());
        message(&bytes);
        upgrade(&rest);
    }
}
