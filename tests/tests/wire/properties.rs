//! What holds for any bytes: frames and topic bodies.

use amop::protocol::channel::amop::{put_topic, split};
use amop::protocol::channel::{Frame, FrameReader, MessageType};
use amop::protocol::{Seq, Topic};
use amop_tests::invariants;
use proptest::collection::vec;
use proptest::prelude::*;

/// The longest frame read here: some of those made are longer.
const LIMIT: usize = 50_000;

/// One frame, whole: any type, seq and result; bodies small, around the size from which they are shared, and long.
fn frame_bytes() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![8 => 0..300usize, 1 => 32_700..32_800usize, 1 => 32_700..LIMIT - 42];
    (any::<u16>(), any::<[u8; 32]>(), any::<i32>(), len, any::<u8>()).prop_map(
        |(number, seq, result, len, fill)| {
            let body: Vec<u8> = (0..len).map(|at| fill.wrapping_add(at as u8)).collect();
            Frame::new(MessageType::from_wire(number), Seq::new(seq), result, &body).to_bytes()
        },
    )
}

/// The frames that come out of a reader that gets `stream` in pieces of these sizes (again and again), and
/// whether one is left unfinished.
fn read(stream: &[u8], sizes: &[usize]) -> (Vec<Vec<u8>>, bool) {
    let mut reader = FrameReader::new(LIMIT);
    let mut frames = Vec::new();
    let mut rest = stream;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let piece;
        (piece, rest) = rest.split_at((*sizes.next().expect("at least one size")).min(rest.len()));
        reader.buffer().extend_from_slice(piece);
        while let Some(frame) = reader.next().expect("frames only") {
            frames.push(frame.to_bytes());
        }
    }
    (frames, reader.is_mid_frame())
}

/// JSON with the names of answers about topics in any place, nested a few levels.
fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    const NAMES: [&str; 10] =
        ["result", "error", "code", "message", "NodeID", "Agency", "IPAndPort", "Topic", "Node", "jsonrpc"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(Value::from("f".repeat(513))),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let name = proptest::sample::select(&NAMES[..]).prop_map(str::to_owned);
        let nodes = proptest::collection::btree_map(name, inner.clone(), 0..6);
        prop_oneof![
            vec(inner, 0..6).prop_map(Value::from),
            nodes.prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn frames_come_out_as_they_went_in_wherever_they_are_cut(
        frames in vec(frame_bytes(), 0..8),
        sizes in vec(1..20_000usize, 1..5),
        missing in 0..60usize,
    ) {
        let whole = frames.concat();
        let (seen, end) = read(&whole, &sizes);
        prop_assert_eq!(&seen, &frames);
        prop_assert!(!end);

        let cut = whole.len().saturating_sub(missing);
        let (seen, end) = read(&whole[..cut], &sizes);
        let complete = frames.iter().scan(0, |end, frame| { *end += frame.len(); Some(*end) });
        let complete: Vec<usize> = complete.take_while(|&end| end <= cut).collect();
        prop_assert_eq!(seen.len(), complete.len());
        prop_assert_eq!(end, cut > complete.last().copied().unwrap_or(0));
    }

    #[test]
    fn any_bytes_are_read_alike_in_pieces_and_at_once(
        lengths in vec(prop_oneof![8 => 42..80u32, 1 => 0..42u32, 1 => Just(LIMIT as u32 + 1), 1 => any::<u32>()], 1..6),
        noise in vec(any::<u8>(), 1..400),
        sizes in vec(1..100usize, 1..5),
    ) {
        // Lengths between noise, most of them possible, so that reading gets beyond the first frame.
        let mut stream = Vec::new();
        for (i, length) in lengths.iter().enumerate() {
            stream.extend_from_slice(&length.to_be_bytes());
            let rest = (*length as usize).saturating_sub(4).min(76);
            stream.extend(noise.iter().cycle().skip(i).take(rest));
        }
        invariants::frames(&stream, &sizes, LIMIT);
    }

    #[test]
    fn a_topic_and_its_data_come_back(name in "[^\t\0]{1,84}", data in vec(any::<u8>(), 0..300)) {
        prop_assume!(name.len() <= 254);
        let topic = Topic::new(&name).unwrap();
        let mut body = Vec::new();
        put_topic(&mut body, topic.as_bytes());
        prop_assert_eq!(usize::from(body[0]), name.len() + 1);
        body.extend_from_slice(&data);
        prop_assert_eq!(split(&body), Ok((name.as_bytes(), &data[..])));
    }

    #[test]
    fn any_body_is_split_without_loss_or_named_for_what_it_lacks(body in vec(any::<u8>(), 0..600)) {
        invariants::topic_body(&body);
    }

    #[test]
    fn a_name_is_a_topic_or_is_refused_by_a_rule(name in any::<String>()) {
        let allowed = (1..=65_535).contains(&name.len()) && !name.contains(['\t', '\0']);
        prop_assert_eq!(Topic::new(&name).is_ok(), allowed);
    }

    #[test]
    fn an_endpoint_is_read_or_its_error_quotes_it(text in "\\PC*|[a-z0-9.:/%\\[\\] ,\\x00-\\x1f]{0,400}") {
        invariants::endpoint(&text);
    }

    #[test]
    fn answers_about_topics_are_read_within_bounds(
        answer in json(),
        cut in any::<prop::sample::Index>(),
        change in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let answers = [answer.clone(), serde_json::json!({ "result": answer }), serde_json::json!({ "result": [answer] })];
        for answer in answers {
            let mut body = answer.to_string().into_bytes();
            invariants::node_topics(&body);
            if let Some((place, byte)) = change {
                *place.get_mut(&mut body) = byte;
                invariants::node_topics(&body);
            }
            invariants::node_topics(&body[..cut.index(body.len())]);
        }
    }
}
