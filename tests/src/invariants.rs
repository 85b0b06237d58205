//! What must hold for any input of a decoder, whoever sent it: checked by the property tests and by `fuzz/`.
//!
//! Each function panics where a rule is broken, and when a decoder does.

use std::path::Path;

use amop::config::{Config, KeySource, PrivateRole, PrivateTopic};
use amop::protocol::channel::amop::{TopicBodyError, put_topic, split};
use amop::protocol::channel::frame::{HEADER_LEN, parse};
use amop::protocol::channel::handshake::{Choice, MAX_NODE_VERSION, Offer};
use amop::protocol::channel::rpc::{
    MAX_NODE_TEXT, MAX_NODES, NodeTopics, Refused, decode_node_info, decode_peers,
};
use amop::protocol::channel::verify::{TopicStatus, VerifyRequest};
use amop::protocol::channel::{FrameError, FrameReader, MessageType, topic_list};
use amop::text::foreign;
use amop::transport::{CredentialSource, Credentials, Endpoint, RustlsConnector};
use amop::{ErrorKind, PrivateKey, PublicKey};
use serde_json::json;

/// A stream is cut into the same frames, and ends the same way, however it arrives: in pieces of these sizes
/// (again and again; 0 counts as 1) or at once. Bodies kept from frames stay as they were.
pub fn frames(stream: &[u8], sizes: &[usize], limit: usize) {
    let mut at_once = Vec::new();
    let mut rest = stream;
    let expected = loop {
        match parse(rest, limit) {
            Ok(Some(frame)) => {
                let length = HEADER_LEN + frame.body.len();
                assert_eq!(frame.to_bytes(), rest[..length], "a frame is not written as it was read");
                at_once.push(&rest[..length]);
                rest = &rest[length..];
            }
            Ok(None) => break Ok(!rest.is_empty()),
            Err(error) => break Err(error),
        }
    };

    let reader = FrameReader::new(limit);
    let (seen, end) = read_in_pieces(reader, stream, sizes);
    let frames: Vec<_> = seen.into_iter().map(|seen| seen.frame).collect();
    assert_eq!(frames, at_once, "frames in pieces differ from frames at once");
    assert_eq!(end, expected);

    // The same with a limit for some bodies: those come out empty, the others as before.
    let (seen, _) = read_in_pieces(FrameReader::with_body_limits(limit, body_limit), stream, sizes);
    assert!(seen.len() >= at_once.len(), "a limit for bodies loses frames");
    for (seen, expected) in seen.iter().zip(&at_once) {
        let body_len = expected.len() - HEADER_LEN;
        if body_len > body_limit(seen.kind) {
            assert_eq!((seen.frame.len(), seen.discarded), (HEADER_LEN, body_len));
            assert_eq!(seen.frame[4..], expected[4..HEADER_LEN], "a header is not read as it was written");
        } else {
            assert_eq!((&seen.frame[..], seen.discarded), (*expected, 0));
        }
    }
    // A body to be discarded is reported before it is complete.
    assert!(seen[at_once.len()..].iter().all(|seen| seen.discarded > 0));
}

/// Allows bodies of 8 bytes for types that are odd.
fn body_limit(kind: MessageType) -> usize {
    if kind.to_wire() % 2 == 1 { 8 } else { usize::MAX }
}

struct SeenFrame {
    kind: MessageType,
    frame: Vec<u8>,
    discarded: usize,
}

/// Reads a stream in pieces of these sizes. Returns the frames, and how the stream ended: an error, or whether a frame
/// was left unfinished.
fn read_in_pieces(
    mut reader: FrameReader,
    stream: &[u8],
    sizes: &[usize],
) -> (Vec<SeenFrame>, Result<bool, FrameError>) {
    let mut seen = Vec::new();
    let mut kept = Vec::new();
    let mut end = Ok(());
    let mut rest = stream;
    let mut sizes = sizes.iter().copied().cycle();
    while !rest.is_empty() && end.is_ok() {
        let size = sizes.next().unwrap_or(usize::MAX).clamp(1, rest.len());
        let piece;
        (piece, rest) = rest.split_at(size);
        reader.buffer().extend_from_slice(piece);
        end = loop {
            match reader.next() {
                Ok(Some(frame)) => {
                    let (kind, discarded) = (frame.kind, frame.discarded);
                    seen.push(SeenFrame { kind, frame: frame.to_bytes(), discarded });
                    kept.push(frame.keep(frame.body));
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
    }
    for (seen, body) in seen.iter().zip(kept) {
        assert_eq!(seen.frame[HEADER_LEN..], body, "a kept body has changed");
    }
    (seen, end.map(|()| reader.is_mid_frame()))
}

/// A topic body is split without loss, or named for what it lacks.
pub fn topic_body(body: &[u8]) {
    match split(body) {
        Ok((topic, data)) => {
            let mut again = Vec::new();
            put_topic(&mut again, topic);
            again.extend_from_slice(data);
            assert_eq!(again, body);
        }
        Err(TopicBodyError::Empty) => assert!(body.is_empty()),
        Err(TopicBodyError::LengthByte(byte)) => assert!(byte < 2 && byte == body[0]),
        Err(TopicBodyError::Truncated { topic, rest }) => {
            assert_eq!((topic, rest), (usize::from(body[0]) - 1, body.len() - 1));
            assert!(topic > rest);
        }
    }
}

/// What is read of an offer or a choice is what would be written for it.
pub fn handshake(body: &[u8]) {
    if let Some(offer) = Offer::decode(body) {
        assert_eq!(Offer::decode(&offer.encode()), Some(offer));
    }
    if let Some(choice) = Choice::decode(body) {
        // An escaped character takes up to 10 bytes, `\u{e0041}`, in place of at least one.
        let version = &choice.node_version;
        assert!(version.len() <= 10 * MAX_NODE_VERSION && !version.contains(char::is_control), "{version}");
        if version.len() > MAX_NODE_VERSION {
            return;
        }
        assert_eq!(Choice::decode(&choice.encode()), Some(choice));
    }
}

/// A list holds each topic once, and comes back in the same order.
pub fn topics(body: &[u8]) {
    let Some(topics) = topic_list::decode(body) else { return };
    assert_eq!(topics.iter().collect::<std::collections::HashSet<_>>().len(), topics.len());
    let again = topic_list::encode(topics.iter().map(String::as_str));
    assert_eq!(topic_list::decode(&again), Some(topics));
}

/// What is read of a node's answers is bounded, and read again of the same answer written anew.
pub fn node_topics(body: &[u8]) {
    let written = |node: &NodeTopics| {
        let NodeTopics { node_id, agency, address, topics } = node;
        for text in [node_id, agency, address] {
            assert!(text.len() <= MAX_NODE_TEXT);
        }
        json!({ "NodeID": node_id, "Agency": agency, "IPAndPort": address, "Topic": topics })
    };
    let is_printable = |refused: Refused| assert!(!refused.message.contains(char::is_control), "{refused:?}");
    match decode_node_info(body) {
        Ok(node) => {
            let answer = json!({ "result": written(&node) }).to_string();
            assert_eq!(decode_node_info(answer.as_bytes()), Ok(node));
        }
        Err(refused) => is_printable(refused),
    }
    match decode_peers(body) {
        Ok(peers) => {
            assert!(peers.len() <= MAX_NODES);
            let answer = json!({ "result": peers.iter().map(written).collect::<Vec<_>>() }).to_string();
            assert_eq!(decode_peers(answer.as_bytes()), Ok(peers));
        }
        Err(refused) => is_printable(refused),
    }
}

/// Both bodies of topic verification come back.
pub fn verification(body: &[u8]) {
    if let Some(request) = VerifyRequest::decode(body) {
        assert_eq!(VerifyRequest::decode(&request.encode()), Some(request));
    }
    if let Some(status) = TopicStatus::decode(body) {
        let again = serde_json::to_vec(&status).expect("plain data is JSON");
        assert_eq!(TopicStatus::decode(&again), Some(status));
    }
}

/// An endpoint names a host and a port and is read again as itself; what is none is quoted.
pub fn endpoint(text: &str) {
    match text.parse::<Endpoint>() {
        Ok(endpoint) => {
            assert!(!endpoint.host().is_empty() && endpoint.port() != 0);
            assert_eq!(endpoint.to_string().parse::<Endpoint>().expect("its own text"), endpoint);
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidEndpoint);
            let message = error.message();
            assert!(message.contains(&format!("{:?}", foreign(text))), "{error}");
            assert!(!message.contains(char::is_control), "{error:?}");
        }
    }
}

/// Credentials from memory load or are refused for what they are; no text shows a private key.
pub fn credentials(ca: &[u8], cert: &[u8], key: &[u8]) {
    let source = CredentialSource::Pem { ca: ca.to_vec(), cert: cert.to_vec(), key: key.to_vec().into() };
    for loaded in [Credentials::load(&source), Credentials::load_any_date(&source)] {
        match loaded {
            Ok(credentials) => {
                let chain = credentials.check_chain();
                let connector = RustlsConnector::new(&credentials);
                for error in [chain.err(), connector.err()].into_iter().flatten() {
                    hides_key(&error, key);
                }
            }
            Err(error) => {
                use ErrorKind::{CertificateDates, CredentialsInvalid, KeyEncrypted, KeyMismatch};
                let kinds = [CredentialsInvalid, KeyEncrypted, KeyMismatch, CertificateDates];
                assert!(kinds.contains(&error.kind()), "{error}");
                hides_key(&error, key);
            }
        }
    }
}

/// The shortest run of a key's text that would give something away; words of an error's text are shorter.
const SECRET_LEN: usize = 40;

fn hides_key(error: &amop::Error, key: &[u8]) {
    let text = error.to_string();
    for line in key.split(|byte| byte.is_ascii_whitespace()).filter(|line| line.len() >= SECRET_LEN) {
        let shown = text.as_bytes().windows(SECRET_LEN).any(|window| window == &line[..SECRET_LEN]);
        assert!(!shown, "an error shows a part of the key");
    }
}

/// A key of private topics is read or refused for what it is; what is read is read again in the forms that are written; no
/// text shows a part of it.
pub fn topic_keys(bytes: &[u8], password: &str) {
    use ErrorKind::{CredentialsInvalid, KeyEncrypted};
    for given in [None, Some(password)] {
        match PrivateKey::read(bytes, given) {
            Ok(key) => {
                let public = key.public_key();
                for form in [key.to_hex(), key.to_pem().expect("a key")] {
                    let again = PrivateKey::read(form.as_bytes(), None).expect("its own form");
                    assert_eq!(again.public_key(), public);
                }
                for form in [public.to_hex(), public.to_pem().expect("a key")] {
                    assert_eq!(PublicKey::read(&form).expect("its own form"), public);
                }
            }
            Err(error) => {
                assert!([CredentialsInvalid, KeyEncrypted].contains(&error.kind()), "{error}");
                hides_key(&error, bytes);
            }
        }
    }
    match PublicKey::read(bytes) {
        Ok(key) => assert_eq!(key.to_string().parse::<PublicKey>().expect("its own form"), key),
        Err(error) => assert_eq!(error.kind(), CredentialsInvalid, "{error}"),
    }
}

/// A configuration file is read or refused, whatever is in it. What was read can be written as a file of ours, and that is
/// read again.
pub fn config(before: &str, content: &[u8], after: &str) {
    let file = [before.as_bytes(), content, after.as_bytes()].concat();
    let Ok(config) = Config::parse(Path::new("/app/config"), &file) else { return };
    let _ = format!("{config:?}");
    // Private keys that the file itself holds are not written.
    let has_keys = matches!(
        config.settings.credentials,
        Some(CredentialSource::Pem { .. } | CredentialSource::GmPem { .. })
    );
    let is_secret = |topic: &PrivateTopic| {
        matches!(topic.role, PrivateRole::Subscriber { private_key: KeySource::Hex(_), .. })
    };
    if has_keys || config.private_topics.iter().any(is_secret) {
        return;
    }
    let text = config.to_toml().expect("the paths are UTF-8");
    let again = Config::parse(Path::new("/app/amop.toml"), text.as_bytes());
    // A file that states nothing becomes one without options, which is of no kind.
    let is_empty = text.lines().all(|line| line.starts_with('#'));
    assert!(again.is_ok() || is_empty, "what was written is refused: {again:?}\n{text}");
}
