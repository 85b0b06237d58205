//! Step 6: the channel handshake, and what it is that speaks TLS but not the channel protocol.

use std::time::Duration;

use amop::protocol::channel::handshake::Choice;
use amop::text::foreign;
use amop::transport::BoxedStream;

use super::finding::Finding;
use super::http::{self, Http};
use super::report::Problem;
use super::tls::Handshakes;
use crate::channel::{Channel, ChannelError};

/// Does the channel handshake over `stream`.
pub(super) async fn agree(
    stream: BoxedStream,
    tls: &Handshakes,
    limit: Duration,
) -> Result<(Channel, Choice), Problem> {
    let mut channel = Channel::new(stream, limit);
    match channel.handshake().await {
        Ok(choice) => Ok((channel, choice)),
        Err(ChannelError::NoFrame(bytes)) if is_p2p_greeting(&bytes) => Err(Problem::new(
            Finding::P2pPort,
            "it sends the number of its topic list, as nodes do to each other",
        )),
        Err(error) => Err(no_channel(&error, tls, limit).await),
    }
}

async fn no_channel(error: &ChannelError, tls: &Handshakes, limit: Duration) -> Problem {
    let http = async { http::request_websocket(tls.connect().await?, limit).await };
    match (http.await, error) {
        (Some(Http::WebSocket), _) => Problem::new(Finding::Node3x, "it switches to WebSocket"),
        (Some(Http::Other(status)), _) => {
            Problem::new(Finding::WrongPort, format!("it is a web server: {:?}", foreign(&status)))
        }
        // A node without a common version closes the connection without an answer, and so do other servers. But an
        // explicit refusal can only come from a channel.
        (
            Some(Http::JsonRpc) | None,
            ChannelError::Unreadable(_) | ChannelError::TooLong(_) | ChannelError::Refused(_),
        ) => Problem::new(Finding::NoCommonProtocol, error.to_string()),
        (
            Some(Http::JsonRpc) | None,
            ChannelError::Silent(_) | ChannelError::Closed | ChannelError::Io(_) | ChannelError::NoFrame(_),
        ) => Problem::new(Finding::NoChannel, error.to_string()),
    }
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
    }
}
