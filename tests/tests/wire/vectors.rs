//! `tests/vectors/channel-2x.json`: every frame that real nodes and SDKs exchanged decodes, and encodes back to
//! the same bytes; the body too, by the codec of its type.

use std::collections::BTreeMap;

use amop::protocol::channel::amop::{TopicBodyError, put_head, split};
use amop::protocol::channel::frame::{MAX_FRAME_LEN, parse};
use amop::protocol::channel::handshake::{Choice, Offer};
use amop::protocol::channel::verify::{TopicStatus, VerifyRequest};
use amop::protocol::channel::{Frame, FrameReader, MessageType, heartbeat, rpc, topic_list};
use amop::protocol::result;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Vector {
    name: String,
    direction: Direction,
    hex: String,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
enum Direction {
    #[serde(rename = "sdk->node")]
    ToNode,
    #[serde(rename = "node->sdk")]
    ToSdk,
}

impl Vector {
    fn bytes(&self) -> Vec<u8> {
        assert!(self.hex.len().is_multiple_of(2), "{}", self.name);
        (0..self.hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&self.hex[at..at + 2], 16).expect("hex digits"))
            .collect()
    }
}

/// All vectors by name.
fn vectors() -> BTreeMap<String, (Direction, Vec<u8>)> {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../vectors/channel-2x.json")).unwrap();
    let count = vectors.len();
    let by_name: BTreeMap<_, _> =
        vectors.into_iter().map(|vector| (vector.name.clone(), (vector.direction, vector.bytes()))).collect();
    assert_eq!(by_name.len(), count, "two vectors have the same name");
    by_name
}

/// The only frame in `bytes`.
fn frame(bytes: &[u8]) -> Frame<'_> {
    let frame = parse(bytes, MAX_FRAME_LEN).expect("a valid length").expect("a whole frame");
    assert_eq!(frame.body.len() + 42, bytes.len());
    frame
}

#[test]
fn every_frame_comes_back_byte_for_byte() {
    for (name, (_, bytes)) in vectors() {
        assert_eq!(frame(&bytes).to_bytes(), bytes, "{name}");
    }
}

#[test]
fn one_stream_of_all_of_them_is_cut_into_the_same_frames() {
    let vectors = vectors();
    let stream: Vec<u8> = vectors.values().flat_map(|(_, bytes)| bytes.clone()).collect();
    for step in [1, 7, 1000, stream.len()] {
        let mut reader = FrameReader::new(MAX_FRAME_LEN);
        let mut expected = vectors.values();
        for piece in stream.chunks(step) {
            reader.buffer().extend_from_slice(piece);
            while let Some(frame) = reader.next().unwrap() {
                assert_eq!(frame.to_bytes(), expected.next().expect("one more").1, "step {step}");
            }
        }
        assert!(expected.next().is_none());
        assert!(!reader.is_mid_frame());
    }
}

#[test]
fn every_body_comes_back_by_the_codec_of_its_type() {
    for (name, (direction, bytes)) in vectors() {
        let frame = frame(&bytes);
        match (frame.kind, direction) {
            (MessageType::Rpc, Direction::ToNode) => rpc_request(&name, frame.body),
            (MessageType::Rpc, Direction::ToSdk) => rpc_answer(&name, frame.body),
            (MessageType::Heartbeat, direction) => heartbeat_body(&name, direction, frame.body),
            (MessageType::Handshake, Direction::ToNode) => {
                assert_eq!(Offer::decode(frame.body).expect("an offer").encode(), frame.body, "{name}");
            }
            (MessageType::Handshake, Direction::ToSdk) => {
                assert_eq!(Choice::decode(frame.body).expect("a choice").encode(), frame.body, "{name}");
            }
            (MessageType::TopicList, _) => topics(&name, frame.body),
            (MessageType::Response, _) if frame.body.is_empty() => {
                assert_eq!(split(frame.body), Err(TopicBodyError::Empty), "{name}");
            }
            (
                MessageType::Request
                | MessageType::Response
                | MessageType::Broadcast
                | MessageType::BlockNotify,
                _,
            ) => {
                topic_body(&name, &frame, &bytes);
            }
            (MessageType::RequestVerify, Direction::ToSdk) => {
                let request = VerifyRequest::decode(frame.body).expect("a request to verify");
                assert_eq!(request.encode(), frame.body, "{name}");
            }
            (MessageType::RequestVerify, Direction::ToNode) => assert!(frame.body.is_empty(), "{name}"),
            (MessageType::UpdateTopicStatus, _) => {
                let status = TopicStatus::decode(frame.body).expect("a verdict");
                let plain = serde_json::from_slice::<Value>(frame.body).unwrap();
                assert_eq!(serde_json::to_value(&status).unwrap(), plain, "{name}");
            }
            // Contract events are no part of AMOP: known by number, their bodies pass as they are.
            (MessageType::RegisterEvent, _) => assert_eq!(frame.body[0], 1, "{name}"),
            (MessageType::TransactionNotify | MessageType::EventNotify | MessageType::Other(_), _) => {
                panic!("{name}: say here what its body has to be");
            }
        }
    }
}

fn rpc_request(name: &str, body: &[u8]) {
    let request: Value = serde_json::from_slice(body).unwrap();
    let params = request["params"].as_array().expect("params");
    let numbers: Option<Vec<i64>> = params.iter().map(Value::as_i64).collect();
    match numbers {
        Some(numbers) => {
            assert_eq!(rpc::request(request["method"].as_str().unwrap(), &numbers), body, "{name}");
        }
        // The client never sends a text: see that this one stays the only such vector.
        None => assert_eq!(name, "rpc_getSystemConfigByKey_request"),
    }
}

fn rpc_answer(name: &str, body: &[u8]) {
    assert_eq!(body.last(), Some(&b'\n'), "{name}");
    let answer: Value = serde_json::from_slice(body).unwrap();
    match name {
        "rpc_getNodeInfo_response" => {
            let node = rpc::decode_node_info(body).unwrap();
            assert_eq!(answer["result"]["NodeID"], node.node_id);
            assert_eq!(answer["result"]["Topic"], serde_json::to_value(node.topics).unwrap());
        }
        "rpc_getPeers_response" => {
            let peers = rpc::decode_peers(body).unwrap();
            assert_eq!(peers.len(), 1);
            assert_eq!(answer["result"][0]["NodeID"], peers[0].node_id);
        }
        "rpc_nope_response" => {
            let refused = rpc::decode_node_info(body).unwrap_err();
            assert_eq!(refused.code, -32601);
            assert_eq!(answer["error"]["message"], refused.message);
        }
        // What the client doesn't ask: not what it asks either.
        _ => assert!(rpc::decode_node_info(body).is_err() && rpc::decode_peers(body).is_err(), "{name}"),
    }
}

fn heartbeat_body(name: &str, direction: Direction, body: &[u8]) {
    let protocols: &[u32] = if name.starts_with("heartbeat_v1") { &[1] } else { &[2, 3] };
    for &protocol in protocols {
        let request = heartbeat::request(protocol);
        match direction {
            Direction::ToNode => assert_eq!(request, body, "{name}"),
            Direction::ToSdk => assert_eq!(heartbeat::answer(protocol, request), Some(body), "{name}"),
        }
    }
}

fn topics(name: &str, body: &[u8]) {
    let topics = topic_list::decode(body).expect("a list");
    let encoded = topic_list::encode(topics.iter().map(String::as_str));
    // One SDK writes a space between two topics.
    let dense = String::from_utf8(body.to_vec()).unwrap().replace("\", \"", "\",\"");
    assert_eq!(String::from_utf8(encoded).unwrap(), dense, "{name}");
}

fn topic_body(name: &str, frame: &Frame<'_>, bytes: &[u8]) {
    let (topic, data) = split(frame.body).unwrap();
    let mut encoded = Vec::new();
    put_head(&mut encoded, frame.kind, frame.seq, frame.result, topic, data.len());
    encoded.extend_from_slice(data);
    assert_eq!(encoded, bytes, "{name}");
}

/// What the names say, so that a vector that decodes to something else is noticed.
#[test]
fn results_topics_and_data_are_those_of_the_story() {
    let vectors = vectors();
    let check = |name: &str, kind: MessageType, result: i32, body: Option<(&str, &str)>| {
        let frame = frame(&vectors[name].1);
        let body = body.map(|(topic, data)| (topic.as_bytes(), data.as_bytes()));
        assert_eq!((frame.kind, frame.result, split(frame.body).ok()), (kind, result, body), "{name}");
    };
    use MessageType::{BlockNotify, Broadcast, Request, Response};
    check("unicast_100_unknown_topic_response", Response, result::NO_SUBSCRIBER, None);
    check("unicast_103_bandwidth", Response, result::BANDWIDTH, None);
    check("multicast_103_bandwidth", Response, result::BANDWIDTH, None);
    let unreachable = result::SUBSCRIBER_UNREACHABLE;
    check("unicast_104_silent_subscriber_response", Response, unreachable, Some(("demo/topic", "ping")));
    check("unicast_echo_request", Request, result::OK, Some(("demo/topic", "ping")));
    check("unicast_echo_pushed", Request, result::OK, Some(("demo/topic", "ping")));
    check("unicast_echo_response", Response, result::OK, Some(("demo/topic", "pong")));
    check("unicast_err_response", Response, -7, Some(("demo/topic", "bad")));
    check("unicast_emptydata_response", Response, result::OK, Some(("demo/topic", "")));
    check("unicast_emptybody_response", Response, result::OK, None);
    check("multicast_ack_response", Response, result::OK, Some(("demo/topic", "news")));
    check("multicast_pushed", Broadcast, result::OK, Some(("demo/topic", "news")));
    check("unicast_utf8_topic_response", Response, result::OK, Some(("中文", "pong")));
    check("unicast_private_response", Response, result::OK, Some(("#!$TopicNeedVerify_secret", "pong")));
    check("block_notify_protocol1", BlockNotify, result::OK, Some(("_block_notify_1", "1,1")));
}

#[test]
fn answers_carry_their_requests_seq() {
    let vectors = vectors();
    let mut pairs = 0;
    for (name, (_, bytes)) in &vectors {
        let Some(stem) = name.strip_suffix("_response") else { continue };
        let (_, request) = &vectors[&format!("{stem}_request")];
        assert_eq!(frame(request).seq, frame(bytes).seq, "{stem}");
        pairs += 1;
    }
    assert!(pairs > 20, "{pairs}");
}
