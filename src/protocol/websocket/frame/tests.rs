use super::*;

const MASK: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);

/// What arrived, with its bytes.
#[derive(Debug, PartialEq)]
enum Seen {
    Message(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
}

impl From<Received<'_>> for Seen {
    fn from(received: Received<'_>) -> Seen {
        match received {
            Received::Message(message) => Seen::Message(message.bytes().to_vec()),
            Received::Ping(payload) => Seen::Ping(payload.to_vec()),
            Received::Pong(payload) => Seen::Pong(payload.to_vec()),
            Received::Close(code) => Seen::Close(code),
        }
    }
}

/// Reads a stream that arrives in pieces of `step` bytes.
fn read(peer: Side, stream: &[u8], step: usize) -> (Vec<Seen>, Result<bool, FrameError>) {
    let mut reader = FrameReader::new(peer);
    let mut seen = Vec::new();
    for piece in stream.chunks(step) {
        reader.buffer().extend_from_slice(piece);
        loop {
            match reader.next() {
                Ok(Some(received)) => seen.push(received.into()),
                Ok(None) => break,
                Err(error) => return (seen, Err(error)),
            }
        }
    }
    (seen, Ok(reader.is_mid_frame()))
}

/// A frame of a node, from its first byte and payload.
fn node_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        len @ 0..126 => out.push(len as u8),
        len @ 126..65_536 => {
            out.push(126);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
    out
}

#[test]
fn messages_of_each_length_come_back_from_both_sides() {
    for len in [0, 1, 125, 126, 32_760, 32_768, 65_535, 65_536, 100_000] {
        let data: Vec<u8> = (0..len).map(|at| (at * 7) as u8).collect();
        let (head, tail) = data.split_at(len / 3);
        for (side, mask) in [(Side::Client, MASK), (Side::Node, None)] {
            let mut out = BytesMut::new();
            put_message(&mut out, mask, &[head, tail]);
            assert_eq!(out.len(), frame_len(side, len));
            for step in [1, 1000, out.len()] {
                if step == 1 && len > 1000 {
                    continue;
                }
                let (seen, end) = read(side, &out, step);
                assert_eq!(
                    (seen, end),
                    (vec![Seen::Message(data.clone())], Ok(false)),
                    "{len} bytes by {step}"
                );
            }
        }
    }
}

#[test]
fn masked_frame_has_the_documented_bytes() {
    let mut out = BytesMut::new();
    put_message(&mut out, MASK, &[b"ab", b"", b"cde"]);
    assert_eq!(out[..], [0x82, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x56, 0x98, 0x42, 0x59, 0x52]);
    out.clear();
    put_close(&mut out, None, 1000);
    put_ping(&mut out, None, b"");
    put_pong(&mut out, None, b"pp");
    assert_eq!(out[..], [0x88, 2, 3, 0xe8, 0x89, 0, 0x8a, 2, b'p', b'p']);
}

#[test]
fn fragments_are_one_message_and_control_frames_may_come_between() {
    let stream = [
        node_frame(0x02, b"ab"),
        node_frame(0x89, b"mid"),
        node_frame(0x00, b""),
        node_frame(0x8a, b""),
        node_frame(0x80, b"cd"),
        node_frame(0x82, b"next"),
        node_frame(0x88, b""),
    ]
    .concat();
    let expected = [
        Seen::Ping(b"mid".to_vec()),
        Seen::Pong(vec![]),
        Seen::Message(b"abcd".to_vec()),
        Seen::Message(b"next".to_vec()),
        Seen::Close(None),
    ];
    for step in [1, 2, 5, stream.len()] {
        let (seen, end) = read(Side::Node, &stream, step);
        assert_eq!(seen, expected, "in pieces of {step}");
        assert_eq!(end, Ok(false));
    }
    let (_, end) = read(Side::Node, &stream[..4], 100);
    assert_eq!(end, Ok(true), "a message has begun");
}

fn too_long(peer: Side, length: u64) -> FrameError {
    let limit = match peer {
        Side::Client => MAX_MESSAGE_LEN,
        Side::Node => MAX_NODE_MESSAGE_LEN,
    };
    FrameError::TooLong { length, limit }
}

#[test]
fn breaches_of_the_protocol_are_refused_with_their_code() {
    let long = vec![0; 126];
    let cases: [(&[u8], FrameError, u16); 14] = [
        (&[0xc2, 0], FrameError::ReservedBits, 1002),
        (&[0xa2, 0], FrameError::ReservedBits, 1002),
        (&[0x92, 0], FrameError::ReservedBits, 1002),
        (&[0x83, 0], FrameError::Opcode(3), 1002),
        (&[0x8b, 0], FrameError::Opcode(11), 1002),
        (&[0x82, 0x80, 1, 2, 3, 4], FrameError::Masked { masked: true }, 1002),
        (&[0x09, 0], FrameError::FragmentedControl, 1002),
        (&node_frame(0x89, &long), FrameError::LongControl(126), 1002),
        (&[0x82, 126, 0, 125], FrameError::NotMinimal(125), 1002),
        (&[0x82, 127, 0, 0, 0, 0, 0, 0, 255, 255], FrameError::NotMinimal(65_535), 1002),
        (&[0x80, 0], FrameError::NothingToContinue, 1002),
        (&[0x02, 0, 0x82, 0], FrameError::InsideAnother, 1002),
        (&[0x81, 1, 0xff], FrameError::NotUtf8, 1007),
        (&[0x82, 127, 0, 0, 0, 0, 2, 1, 0, 0], too_long(Side::Node, 33_619_968), 1009),
    ];
    for (bytes, error, code) in cases {
        let (seen, end) = read(Side::Node, bytes, 1);
        assert_eq!((seen, end, error.close_code()), (vec![], Err(error), code), "{bytes:?}");
    }
    let of_client = [&[0x82, 0xff][..], &33_554_433_u64.to_be_bytes(), &[1, 2, 3, 4]].concat();
    assert_eq!(read(Side::Client, &of_client, 1).1, Err(too_long(Side::Client, 33_554_433)));
    let unmasked = read(Side::Client, &[0x82, 0], 1).1;
    assert_eq!(unmasked, Err(FrameError::Masked { masked: false }));
}

#[test]
fn limit_counts_all_fragments_before_they_arrive() {
    let mut reader = FrameReader::new(Side::Node);
    reader.buffer().extend_from_slice(&node_frame(0x02, &vec![1; MAX_NODE_MESSAGE_LEN - 10]));
    assert!(reader.next().unwrap().is_none());
    reader.buffer().extend_from_slice(&[0x00, 10]);
    assert!(reader.next().unwrap().is_none(), "the limit itself is allowed");
    reader.buffer().extend_from_slice(&[2; 10]);
    reader.buffer().extend_from_slice(&[0x80, 1]);
    let error = too_long(Side::Node, MAX_NODE_MESSAGE_LEN as u64 + 1);
    assert_eq!(reader.next().unwrap_err(), error);
    let endless = [&[0x82, 127][..], &[0xff; 8]].concat();
    assert_eq!(read(Side::Node, &endless, 1).1, Err(too_long(Side::Node, u64::MAX)));
}

#[test]
fn text_is_a_message_if_it_is_utf8() {
    let stream = [node_frame(0x01, "ä".as_bytes()), node_frame(0x80, b"b")].concat();
    assert_eq!(read(Side::Node, &stream, 1).0, [Seen::Message("äb".into())]);
    // A character may be cut by fragments.
    let stream = [node_frame(0x01, &[0xc3]), node_frame(0x80, &[0xa4])].concat();
    assert_eq!(read(Side::Node, &stream, 3).0, [Seen::Message("ä".into())]);
}

#[test]
fn closes_are_checked() {
    let close = |payload: &[u8]| read(Side::Node, &node_frame(0x88, payload), 1);
    assert_eq!(close(&[3, 0xe8]).0, [Seen::Close(Some(1000))]);
    assert_eq!(close(&[3, 0xe9, b'b', b'y', b'e']).0, [Seen::Close(Some(1001))]);
    for malformed in [&[3][..], &[3, 0xe7], &[3, 0xed], &[0x13, 0x88], &[3, 0xe8, 0xff, 0xfe]] {
        assert_eq!(close(malformed).1, Err(FrameError::Close), "{malformed:?}");
    }
}

#[test]
fn large_message_is_shared_and_small_one_copied() {
    let data = vec![7; 100_000];
    let mut reader = FrameReader::new(Side::Node);
    for (payload, fragments) in
        [(&data[..], false), (&data[..], true), (&data[..100], false), (&data[..100], true)]
    {
        let (first, second) = payload.split_at(payload.len() / 2);
        let stream = match fragments {
            true => [node_frame(0x02, first), node_frame(0x80, second)].concat(),
            false => node_frame(0x82, payload),
        };
        reader.buffer().extend_from_slice(&stream);
        let Some(Received::Message(message)) = reader.next().unwrap() else { panic!("a message") };
        let kept = message.keep();
        assert_eq!(kept, payload);
        let is_shared = std::ptr::eq(kept.as_ptr(), reader.current().unwrap().bytes().as_ptr());
        assert_eq!(is_shared, payload.len() > READ_CHUNK, "{} bytes, fragments: {fragments}", payload.len());
        assert!(reader.next().unwrap().is_none() && reader.current().is_none());
    }
}

#[test]
fn announced_length_reserves_one_buffer() {
    let mut reader = FrameReader::new(Side::Node);
    reader.buffer().extend_from_slice(&[0x82, 127, 0, 0, 0, 0, 0, 0x10, 0, 0]);
    let mut filled = 10;
    let first = reader.buffer().as_ptr();
    while filled < (1 << 20) + 10 {
        let buffer = reader.buffer();
        assert_eq!(buffer.as_ptr(), first, "nothing is moved while the message arrives");
        let piece = ((1 << 20) + 10 - filled).min(10_000);
        buffer.extend_from_slice(&vec![3; piece]);
        filled += piece;
    }
    assert!(matches!(reader.next().unwrap(), Some(Received::Message(message)) if message.len() == 1 << 20));
    assert!(reader.buffer().capacity() <= READ_CHUNK, "the reader itself pins no more");
}
