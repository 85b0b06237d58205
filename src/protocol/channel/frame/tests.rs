//! Frames cut out of a stream of bytes.

use super::*;

fn seq() -> Seq {
    Seq::new(*b"00112233445566778899aabbccddeeff")
}

#[test]
fn header_has_the_documented_layout() {
    let bytes = Frame::new(MessageType::Request, seq(), -2, b"xyz").to_bytes();
    let mut expected = vec![0, 0, 0, 45, 0x00, 0x30];
    expected.extend_from_slice(b"00112233445566778899aabbccddeeff");
    expected.extend_from_slice(&[0xff, 0xff, 0xff, 0xfe, b'x', b'y', b'z']);
    assert_eq!(bytes, expected);
}

#[test]
fn every_type_keeps_its_number() {
    for number in 0..=u16::MAX {
        assert_eq!(MessageType::from_wire(number).to_wire(), number);
    }
    assert_eq!(MessageType::from_wire(0x35), MessageType::Broadcast);
    assert_eq!(MessageType::from_wire(0x33), MessageType::Other(0x33));
}

#[test]
fn frames_cut_anywhere_come_out_whole() {
    let bodies: [&[u8]; 4] = [b"", b"one", &[7; 40_000], b"end"];
    let mut stream = Vec::new();
    for body in bodies {
        stream.extend(Frame::new(MessageType::Broadcast, seq(), 0, body).to_bytes());
    }
    for step in [1, 41, 42, 43, 1000, 39_999, stream.len()] {
        let mut reader = FrameReader::new(MAX_FRAME_LEN);
        let mut seen = Vec::new();
        for piece in stream.chunks(step) {
            reader.buffer().extend_from_slice(piece);
            while let Some(frame) = reader.next().unwrap() {
                seen.push(frame.keep(frame.body));
            }
        }
        assert_eq!(seen, bodies, "step {step}");
        assert!(!reader.is_mid_frame());
    }
}

#[test]
fn lengths_outside_the_limits_are_refused() {
    for length in 0..42u32 {
        let mut reader = FrameReader::new(1000);
        reader.buffer().extend_from_slice(&length.to_be_bytes());
        assert_eq!(reader.next().unwrap_err(), FrameError::TooShort(length));
    }
    let mut reader = FrameReader::new(1000);
    reader.buffer().extend_from_slice(&1001u32.to_be_bytes());
    assert_eq!(reader.next().unwrap_err(), FrameError::TooLong { length: 1001, limit: 1000 });
}

#[test]
fn only_small_frames_are_copied_when_kept() {
    let mut reader = FrameReader::new(MAX_FRAME_LEN);
    reader.buffer().extend_from_slice(&Frame::new(MessageType::Request, seq(), 0, &[1; 60_000]).to_bytes());
    let frame = reader.next().unwrap().unwrap();
    assert_eq!(frame.keep(frame.body).as_ptr(), frame.body.as_ptr());
    reader.buffer().extend_from_slice(&Frame::new(MessageType::Request, seq(), 0, &[1; 100]).to_bytes());
    let frame = reader.next().unwrap().unwrap();
    assert_ne!(frame.keep(frame.body).as_ptr(), frame.body.as_ptr());
}

/// Reads as a connection does, into the spare capacity of the buffer. Returns the bodies to keep.
fn read(reader: &mut FrameReader, mut bytes: &[u8], keep: impl Fn(&Frame<'_>) -> bool) -> Vec<Bytes> {
    let mut kept = Vec::new();
    while !bytes.is_empty() {
        let buffer = reader.buffer();
        let piece = bytes.len().min(buffer.capacity() - buffer.len());
        assert!(piece > 0, "a read of nothing means that the connection has ended");
        buffer.extend_from_slice(&bytes[..piece]);
        bytes = &bytes[piece..];
        while let Some(frame) = reader.next().unwrap() {
            if keep(&frame) {
                kept.push(frame.keep(frame.body));
            }
        }
    }
    kept
}

#[test]
fn kept_body_does_not_pin_an_earlier_large_frame() {
    const KEPT: usize = 33 * 1024;
    let mut reader = FrameReader::new(MAX_FRAME_LEN);
    let mut kept = Vec::new();
    for round in 0..20 {
        let mut stream = Vec::new();
        for len in [1 << 20, 100 * round, KEPT, READ_CHUNK, 7, KEPT, 3 * READ_CHUNK, KEPT] {
            stream.extend(Frame::new(MessageType::Request, seq(), 0, &vec![1; len]).to_bytes());
        }
        kept.extend(read(&mut reader, &stream, |frame| frame.body.len() == KEPT));
        assert!(reader.buffer().capacity() <= READ_CHUNK, "the reader itself pins no more");
    }
    drop(reader);
    assert_eq!(kept.len(), 60);
    for body in kept {
        let mut memory = body.try_into_mut().expect("nobody else holds it");
        memory.clear();
        assert!(!memory.try_reclaim(READ_CHUNK + 1), "it lies in {} bytes", memory.capacity());
    }
}

/// A limit for the tests: JSON-RPC bodies of at most 1,000 bytes.
fn rpc_limit(kind: MessageType) -> usize {
    if kind == MessageType::Rpc { 1000 } else { usize::MAX }
}

#[test]
fn oversized_body_is_discarded_without_being_buffered() {
    const HUGE: usize = 29_000_000;
    let mut reader = FrameReader::with_body_limits(MAX_FRAME_LEN, client_body_limit);
    let mut header = Vec::new();
    put_header(&mut header, MessageType::Rpc, seq(), 7, HUGE);
    reader.buffer().extend_from_slice(&header[..HEADER_LEN - 1]);
    assert!(reader.next().unwrap().is_none(), "its type and seq are not complete");
    assert!(reader.buffer().capacity() <= READ_CHUNK);
    reader.buffer().extend_from_slice(&header[HEADER_LEN - 1..]);
    let frame = reader.next().unwrap().unwrap();
    assert_eq!((frame.kind, frame.seq, frame.result), (MessageType::Rpc, seq(), 7));
    assert_eq!((frame.body, frame.discarded), (&[][..], HUGE));
    let mut left = HUGE;
    while left > 0 {
        assert!(reader.is_mid_frame());
        let buffer = reader.buffer();
        assert!(buffer.is_empty() && buffer.capacity() <= READ_CHUNK, "nothing of it is kept");
        let piece = left.min(buffer.capacity());
        buffer.resize(piece, b'x');
        left -= piece;
        assert!(reader.next().unwrap().is_none());
    }
    assert!(!reader.is_mid_frame());
}

#[test]
fn frames_around_an_oversized_one_come_out_whole() {
    let frames = [
        Frame::new(MessageType::Request, seq(), 1, &[1; 2000]),
        Frame::new(MessageType::Rpc, seq(), 2, &[2; 1000]),
        Frame::new(MessageType::Rpc, seq(), 3, &[3; 1001]),
        Frame::new(MessageType::Rpc, seq(), 4, b"four"),
    ];
    let stream: Vec<u8> = frames.iter().flat_map(Frame::to_bytes).collect();
    for step in [1, 41, 42, 43, 1000, stream.len()] {
        let mut reader = FrameReader::with_body_limits(MAX_FRAME_LEN, rpc_limit);
        let mut seen = Vec::new();
        for piece in stream.chunks(step) {
            reader.buffer().extend_from_slice(piece);
            while let Some(frame) = reader.next().unwrap() {
                seen.push((frame.result, frame.body.len(), frame.discarded));
            }
        }
        assert_eq!(seen, [(1, 2000, 0), (2, 1000, 0), (3, 0, 1001), (4, 4, 0)], "step {step}");
        assert!(!reader.is_mid_frame());
    }
}

#[test]
fn messages_may_fill_a_frame_and_control_frames_may_not() {
    for number in 0..=u16::MAX {
        let kind = MessageType::from_wire(number);
        let expected = match number {
            0x30 | 0x31 | 0x35 => usize::MAX,
            0x12 => 4 << 20,
            _ => 64 << 10,
        };
        assert_eq!(client_body_limit(kind), expected, "{number:#x}");
    }
}
