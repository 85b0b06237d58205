//! Every message decodes to what another program read in it, and encodes back to the same bytes.

use amop::protocol::websocket::amop::{AmopError, put_head, split};
use amop::protocol::websocket::{Message, MessageError, MessageType};
use serde_json::Value;

use super::{Layer, of_layer, unhex};

/// Text, or bytes in hex where they are no text.
fn bytes(fields: &Value, name: &str) -> Option<Vec<u8>> {
    let hex = fields.get(format!("{name}_hex")).and_then(Value::as_str).map(unhex);
    hex.or_else(|| fields.get(name).and_then(Value::as_str).map(|text| text.as_bytes().to_vec()))
}

fn number(fields: &Value, name: &str) -> i64 {
    match &fields[name] {
        Value::String(hex) => i64::from_str_radix(hex.trim_start_matches("0x"), 16).unwrap(),
        number => number.as_i64().unwrap_or_else(|| panic!("{name} in {fields}")),
    }
}

#[test]
fn every_message_comes_back_byte_for_byte() {
    let mut count = 0;
    for vector in of_layer(Layer::Message) {
        let (name, bytes) = (&vector.name, vector.bytes());
        if name == "danger_seq_length_past_end" {
            assert_eq!(Message::parse(&bytes), Err(MessageError::SeqPastEnd { seq: 999, rest: 18 }));
            continue;
        }
        let message = Message::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(message.to_bytes(), bytes, "{name}");
        count += 1;
    }
    assert_eq!(count, 255);
}

#[test]
fn every_message_holds_what_another_program_read() {
    for vector in of_layer(Layer::Message) {
        let (name, fields, whole) = (&vector.name, &vector.fields, vector.bytes());
        let Ok(message) = Message::parse(&whole) else { continue };
        assert_eq!(i64::from(message.version), number(fields, "version"), "{name}");
        assert_eq!(i64::from(message.kind.to_wire()), number(fields, "type"), "{name}");
        assert_eq!(i64::from(message.status), number(fields, "status"), "{name}");
        assert_eq!(i64::from(message.ext), number(fields, "ext"), "{name}");
        assert_eq!(Some(message.seq), bytes(fields, "seq").as_deref(), "{name}");
        match fields.get("amop") {
            None => assert_eq!(Some(message.payload), bytes(fields, "payload").as_deref(), "{name}"),
            Some(amop) => {
                let (topic, data) = split(message.payload).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(Some(topic), bytes(amop, "topic").as_deref(), "{name}");
                assert_eq!(Some(data), bytes(amop, "data").as_deref(), "{name}");
            }
        }
    }
}

#[test]
fn every_topic_and_its_data_come_back() {
    let mut count = 0;
    for vector in of_layer(Layer::Message) {
        let whole = vector.bytes();
        let Ok(message) = Message::parse(&whole) else { continue };
        if !matches!(message.kind, MessageType::Request | MessageType::Broadcast) {
            continue;
        }
        // What a node doesn't read as a topic: it stops handling messages, or reads the empty topic.
        let expected = match vector.name.as_str() {
            "danger_topic_length_past_end" => Some(AmopError::TopicPastEnd { topic: 100, rest: 3 }),
            "danger_5_bytes" => Some(AmopError::TooShort(5)),
            "danger_2_bytes" => Some(AmopError::TooShort(2)),
            "unicast_payload_0_bytes_publish" => Some(AmopError::TooShort(0)),
            "unicast_payload_1_byte_publish" => Some(AmopError::TooShort(1)),
            _ => None,
        };
        let (topic, data) = match (split(message.payload), expected) {
            (Ok(parts), None) => parts,
            (parts, expected) => {
                assert_eq!(parts.err(), expected, "{}", vector.name);
                continue;
            }
        };
        let mut payload = Vec::new();
        put_head(&mut payload, topic);
        payload.extend_from_slice(data);
        // Bytes 0 to 3 are a version that nobody reads; 9 in a few vectors.
        assert_eq!(payload[4..], message.payload[4..], "{}", vector.name);
        count += 1;
    }
    assert!(count > 100, "{count}");
}
