//! Step 6: the handshake of either generation, and what it is that speaks neither protocol.

use std::time::Duration;

use amop::Generations;
use amop::text::foreign;
use amop::transport::{BoxedStream, Generation};

use super::finding::Finding;
use super::http::{self, Http};
use super::report::Problem;
use super::tls::Handshakes;
use crate::channel::ChannelError;
use crate::session::{Session, SessionError};
use crate::websocket::WebSocketError;

/// Does a handshake over `stream`, that of the generation `first`; if the node is not of it, the other over a new connection.
/// A session of a generation that is not among `wanted` is a problem.
pub(super) async fn agree(
    stream: BoxedStream,
    tls: &Handshakes,
    first: Generation,
    wanted: Generations,
    limit: Duration,
) -> Result<Session, Problem> {
    let allowed = wanted.in_order(first);
    let first = allowed[0];
    let failed = match Session::open(first, stream, tls.endpoint(), limit).await {
        Ok(session) => return Ok(session),
        Err(failed) if failed.excludes_other_generation() => {
            return Err(Problem::new(Finding::NoCommonProtocol, failed.to_string()));
        }
        Err(failed) => failed,
    };
    let other = match tls.connect().await {
        Some(stream) => Some(Session::open(first.other(), stream, tls.endpoint(), limit).await),
        None => None,
    };
    let failed = match other {
        Some(Ok(session)) if allowed.contains(&first.other()) => return Ok(session),
        Some(Ok(Session::V2(_, choice))) => {
            let seen = format!("it answers the channel handshake (version {})", choice.node_version);
            return Err(Problem::new(Finding::Node2x, seen));
        }
        Some(Ok(Session::V3(..))) => {
            return Err(Problem::new(Finding::Node3x, "it answers the handshake of 3.x over WebSocket"));
        }
        Some(Err(other)) => vec![failed, other],
        None => vec![failed],
    };
    Err(explain(&failed, tls, limit).await)
}

/// Returns the problem of a server with which no session was made.
async fn explain(failed: &[SessionError], tls: &Handshakes, limit: Duration) -> Problem {
    let of_2x = failed.iter().find_map(|error| match error {
        SessionError::V2(error) => Some(error),
        SessionError::V3(_) => None,
    });
    let of_3x = failed.iter().find_map(|error| match error {
        SessionError::V2(_) => None,
        SessionError::V3(error) => Some(error),
    });
    if let Some(ChannelError::NoFrame(bytes)) = of_2x
        && let Some(seen) = p2p_greeting(bytes)
    {
        return Problem::new(Finding::P2pPort, seen);
    }
    if tls.is_plain() && tls.is_tls_port().await {
        return Problem::new(Finding::TlsPort, "it answers a TLS ClientHello");
    }
    let websocket = async { http::request_websocket(tls.connect().await?, limit).await };
    let json_rpc = async { http::request_json_rpc(tls.connect().await?, limit).await };
    match (websocket.await, of_3x, of_2x) {
        (Some(Http::WebSocket), Some(WebSocketError::Silent(_)), _) => {
            Problem::new(Finding::DeafNode, "it switched to WebSocket, but did not answer the handshake")
        }
        (Some(Http::WebSocket), Some(error), _) => Problem::new(Finding::NoCommonProtocol, error.to_string()),
        (Some(Http::Other(status)), ..) => match json_rpc.await {
            Some(Http::JsonRpc) => Problem::new(Finding::JsonRpcPort, "it answers JSON-RPC over HTTP"),
            _ => Problem::new(Finding::WrongPort, format!("it is a web server: {:?}", foreign(&status))),
        },
        // A node without a common version closes the connection without an answer, and so do other servers. But an
        // explicit refusal can only come from a channel.
        (
            _,
            _,
            Some(
                error @ (ChannelError::Unreadable(_)
                | ChannelError::TooLong(_)
                | ChannelError::Version(_)
                | ChannelError::Refused(_)),
            ),
        ) => Problem::new(Finding::NoCommonProtocol, error.to_string()),
        (_, _, Some(error)) => Problem::new(Finding::NoChannel, error.to_string()),
        (_, Some(error), None) => Problem::new(Finding::NoChannel, error.to_string()),
        (_, None, None) => Problem::new(Finding::NoChannel, "no session was made"),
    }
}

/// Returns what the bytes are that begin a P2P session, `None` if they don't.
fn p2p_greeting(bytes: &[u8]) -> Option<&'static str> {
    if is_p2p_greeting(bytes) {
        Some("it sends the number of its topic list, as nodes do to each other")
    } else if is_p2p_heartbeat_of_3x(bytes) {
        Some("it sends a heartbeat, as nodes of 3.x do to each other")
    } else {
        None
    }
}

/// Returns whether the bytes begin a P2P session of 3.x: a message of type 1 (heartbeat) or 2 (handshake). Its length comes
/// first (4 bytes), then version, type, seq (4 bytes) and ext. This is read in the source of 3.16, not seen.
fn is_p2p_heartbeat_of_3x(bytes: &[u8]) -> bool {
    const HEADER: usize = 14;
    const MOST: usize = 4096;
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return false };
    let length = u32::from_be_bytes(*length) as usize;
    let Some(([0, _, 0, kind], _)) = rest.split_first_chunk::<4>() else { return false };
    (HEADER..=MOST).contains(&length) && bytes.len() >= HEADER && matches!(kind, 1 | 2)
}

/// Returns whether the bytes begin a P2P session. The node sends a frame: length, version (not in the oldest form), protocol
/// 2 (topics), packet 1 (number of the topic list), seq, and the number as text.
fn is_p2p_greeting(bytes: &[u8]) -> bool {
    const OLDEST_HEADER: usize = 12;
    const HEADER: usize = 16;
    const MOST_DIGITS: usize = 10;
    let Some((length, _)) = bytes.split_first_chunk::<4>() else { return false };
    let length = u32::from_be_bytes(*length) as usize;
    if !(OLDEST_HEADER + 1..=HEADER + MOST_DIGITS).contains(&length) {
        return false;
    }
    let Some(frame) = bytes.get(..length) else { return false };
    let names_the_topic_list = frame[4..OLDEST_HEADER].windows(4).any(|window| window == [0, 2, 0, 1]);
    names_the_topic_list && frame.last().is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greetings_of_both_forms_are_recognised() {
        let now = [0, 0, 0, 17, 0, 3, 0, 0, 0, 2, 0, 1, 0, 0, 0, 5, b'7'];
        assert!(is_p2p_greeting(&now));
        let oldest = [0, 0, 0, 14, 0, 2, 0, 1, 0, 0, 0, 5, b'1', b'0'];
        assert!(is_p2p_greeting(&oldest));
        assert!(!is_p2p_greeting(&now[..16]), "not all of it");
        assert!(!is_p2p_greeting(b"HTTP/1.1 400"));
        let mut other = now;
        other[9] = 8;
        assert!(!is_p2p_greeting(&other), "another protocol");
        let heartbeat = [0, 0, 0, 14, 0, 1, 0, 1, 0, 0, 0, 9, 0, 0];
        assert!(is_p2p_heartbeat_of_3x(&heartbeat) && !is_p2p_greeting(&heartbeat));
        assert!(!is_p2p_heartbeat_of_3x(&heartbeat[..13]) && !is_p2p_heartbeat_of_3x(b"HTTP/1.1 400 Bad"));
    }
}
