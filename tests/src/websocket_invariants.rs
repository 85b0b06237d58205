//! What holds for any bytes that a 3.x peer may send; for property tests and fuzzing.

use amop::protocol::websocket::frame::{put_close, put_message, put_ping, put_pong};
use amop::protocol::websocket::handshake::{Choice, Offer};
use amop::protocol::websocket::upgrade::{MAX_HEAD_LEN, Upgrade, read_request};
use amop::protocol::websocket::{
    FrameError, FrameReader, Message, Received, Side, amop as topic_and_data, topic_list,
};
use bytes::BytesMut;

/// What arrived: its opcode, and its bytes or close code.
pub type Seen = (u8, Vec<u8>);

/// Reads a stream that arrives in pieces of these sizes. Returns what arrived, and whether a frame is left unfinished or
/// why the rest can't be read. Messages that are kept must not change while the reader goes on.
pub fn read_frames(peer: Side, stream: &[u8], sizes: &[usize]) -> (Vec<Seen>, Result<bool, FrameError>) {
    let mut reader = FrameReader::new(peer);
    let (mut seen, mut kept) = (Vec::new(), Vec::new());
    let mut end = Ok(());
    let (mut rest, mut sizes) = (stream, sizes.iter().copied().cycle());
    while !rest.is_empty() && end.is_ok() {
        let piece;
        (piece, rest) = rest.split_at(sizes.next().unwrap_or(usize::MAX).clamp(1, rest.len()));
        reader.buffer().extend_from_slice(piece);
        end = loop {
            match reader.next() {
                Ok(Some(Received::Message(message))) => {
                    kept.push((seen.len(), message.keep()));
                    seen.push((2, message.bytes().to_vec()));
                }
                Ok(Some(Received::Ping(payload))) => seen.push((9, payload.to_vec())),
                Ok(Some(Received::Pong(payload))) => seen.push((10, payload.to_vec())),
                Ok(Some(Received::Close(code))) => {
                    seen.push((8, code.map(|code| code.to_be_bytes().to_vec()).unwrap_or_default()));
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
    }
    assert!(kept.iter().all(|(at, message)| seen[*at].1 == message[..]), "a kept message has changed");
    (seen, end.map(|()| reader.is_mid_frame()))
}

/// A stream of either side is read alike in pieces and at once, and what arrived comes back when it is written again.
pub fn frames(stream: &[u8], sizes: &[usize]) {
    for (peer, mask) in [(Side::Node, None), (Side::Client, Some([0x37, 0xfa, 0x21, 0x3d]))] {
        let (seen, end) = read_frames(peer, stream, sizes);
        assert_eq!(read_frames(peer, stream, &[stream.len()]), (seen.clone(), end), "in pieces and at once");
        let mut written = BytesMut::new();
        for (opcode, bytes) in &seen {
            match (opcode, bytes.first_chunk()) {
                (2, _) => put_message(&mut written, mask, &[bytes]),
                (9, _) => put_ping(&mut written, mask, bytes),
                (10, _) => put_pong(&mut written, mask, bytes),
                (_, Some(code)) => put_close(&mut written, mask, u16::from_be_bytes(*code)),
                // A close without a code is never written.
                (_, None) => return,
            }
        }
        assert_eq!(read_frames(peer, &written, &[7]), (seen, Ok(false)));
    }
}

/// A message, its topic, and what else it may hold are read without loss, or refused.
pub fn message(bytes: &[u8]) {
    let Ok(message) = Message::parse(bytes) else { return };
    assert_eq!(message.to_bytes(), bytes);
    if let Ok((topic, data)) = topic_and_data::split(message.payload) {
        let mut payload = Vec::new();
        topic_and_data::put_head(&mut payload, topic);
        payload.extend_from_slice(data);
        assert_eq!(payload[4..], message.payload[4..]);
    }
    if let Some(choice) = Choice::decode(message.payload) {
        assert!(choice.node_version.len() <= 640 && !choice.node_version.contains(char::is_control));
    }
    if let Some(offer) = Offer::decode(message.payload) {
        assert_eq!(Offer::decode(&offer.encode()), Some(offer));
    }
    if let Some(topics) = topic_list::decode(message.payload) {
        let again = topic_list::encode(topics.iter().map(String::as_str));
        assert!(again.is_ascii());
        assert_eq!(topic_list::decode(&again), Some(topics));
    }
}

/// HTTP heads of either side are read within their bound, and never as longer than they are.
pub fn upgrade(bytes: &[u8]) {
    if let Ok(Some(len)) = Upgrade::with_key("dGhlIHNhbXBsZSBub25jZQ==".into()).read_answer(bytes) {
        assert!(len <= bytes.len().min(MAX_HEAD_LEN));
    }
    if let Ok(Some((len, _))) = read_request(bytes, "test") {
        assert!(len <= bytes.len().min(MAX_HEAD_LEN));
    }
}
