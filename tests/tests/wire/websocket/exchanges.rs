//! What nodes answer to handshakes and topic lists, and the numbers of their errors.

use amop::protocol::websocket::handshake::{Choice, Group, Node, Offer, encode_answer};
use amop::protocol::websocket::{Message, MessageType, status, topic_list};
use serde_json::Value;

use super::{Layer, Vector, named, vectors};

/// The payload of a message.
fn payload(vector: &Vector) -> Vec<u8> {
    Message::parse(&vector.bytes()).expect("a message").payload.to_vec()
}

#[test]
fn offers_are_read_as_nodes_answered_them() {
    let vectors = vectors();
    let mut cases = 0;
    for vector in &vectors {
        let Some(case) =
            vector.name.strip_prefix("handshake_").and_then(|name| name.strip_suffix("_request"))
        else {
            continue;
        };
        let offer = Offer::decode(&payload(vector));
        let answer = named(&vectors, &format!("handshake_{case}_answer"));
        match answer.layer {
            // No answer, and the session stays usable.
            Layer::None => assert_eq!(offer, None, "{case}"),
            // The node closes the connection.
            Layer::Websocket => assert_eq!(offer.expect("an offer").choose(2), None, "{case}"),
            Layer::Message => {
                let choice = Choice::decode(&payload(answer)).expect("a choice");
                assert_eq!(choice.node_version, "3.16.4", "{case}");
                // Other sessions of this recording had already agreed on version 2, so only the upper bound shows.
                let chosen = offer.unwrap_or_else(|| panic!("{case}")).choose(2).expect("a version");
                assert!(chosen <= choice.protocol_version.max(2) && choice.protocol_version <= 2, "{case}");
            }
            Layer::Http => panic!("{case}"),
        }
        cases += 1;
    }
    assert_eq!(cases, 29);
    assert_eq!(payload(named(&vectors, "handshake_max_2_request")), Offer::OURS.encode());
}

#[test]
fn answer_to_a_handshake_is_written_as_a_node_does() {
    let vectors = vectors();
    let node = Node { name: "node0".into(), id: "0".repeat(128), release: [3, 16, 4] };
    let mut group = Group {
        chain_id: "chain0".into(),
        group_id: "group0".into(),
        block_number: 0,
        is_sm: false,
        nodes: vec![node],
    };
    let recorded = payload(named(&vectors, "handshake_max_2_answer"));
    let id = serde_json::from_slice::<Value>(&recorded).unwrap()["groupInfoList"][0]["nodeList"][0]["nodeID"]
        .clone();
    group.nodes[0].id = id.as_str().unwrap().to_owned();
    let written = encode_answer(2, std::slice::from_ref(&group));
    assert_eq!(String::from_utf8(written).unwrap(), String::from_utf8(recorded).unwrap());
    let notify: Value = serde_json::from_slice(&payload(named(&vectors, "group_notify"))).unwrap();
    // Another node of that group.
    let node = &notify["nodeList"][0];
    group.nodes[0].name = node["name"].as_str().unwrap().to_owned();
    group.nodes[0].id = node["nodeID"].as_str().unwrap().to_owned();
    assert_eq!(notify, group.to_json());
}

#[test]
fn topic_lists_are_written_and_read_as_real_ones() {
    let vectors = vectors();
    let listed = |name: &str| topic_list::decode(&payload(named(&vectors, name)));
    let texts = |topics: &[&str]| Some(topics.iter().map(|topic| (*topic).to_owned()).collect::<Vec<_>>());
    assert_eq!(listed("topics_two"), texts(&["h9_ta", "h9_tb"]));
    assert_eq!(listed("topics_none"), texts(&[]));
    assert_eq!(listed("topics_unicode"), texts(&["h9_主题"]));
    assert_eq!(listed("topics_raw_utf8"), texts(&["h9_主题r"]));
    assert_eq!(listed("topics_numbers"), texts(&["17", "true"]));
    assert_eq!(listed("topics_empty_topic"), texts(&[""]));
    for ignored in
        ["topics_object", "topics_not_json", "topics_no_topics", "topics_no_array", "topics_array_root"]
    {
        assert_eq!(listed(ignored), None, "{ignored}");
    }
    // Those of the official client, which the client writes the same.
    for name in
        ["topics_two", "topics_none", "topics_unicode", "topics_empty_topic", "subscribe_official_client"]
    {
        let body = payload(named(&vectors, name));
        let topics = topic_list::decode(&body).expect("topics");
        assert_eq!(topic_list::encode(topics.iter().map(String::as_str)), body, "{name}");
    }
}

#[test]
fn errors_of_nodes_have_type_0_and_the_known_numbers() {
    let vectors = vectors();
    for (name, number) in [
        ("error_3001_answer", status::NO_SUBSCRIBER),
        ("error_3002_answer", status::SUBSCRIBER_GONE),
        ("error_3003_answer", status::NOT_SENT_TO_NODE),
        ("error_4006_answer", status::SUBSCRIBER_DISCONNECTED),
        ("error_4008_answer", status::SUBSCRIBER_SILENT),
    ] {
        let bytes = named(&vectors, name).bytes();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.kind, message.status), (MessageType::Error, number), "{name}");
        let publish = named(&vectors, &name.replace("answer", "publish")).bytes();
        assert_eq!(message.seq, Message::parse(&publish).unwrap().seq, "{name}");
    }
    for name in ["silent_local_end", "drop_local_end"] {
        let bytes = named(&vectors, name).bytes();
        assert_eq!(Message::parse(&bytes), Ok(Message::new(MessageType::Error, 0, b"", b"")), "{name}");
    }
}
