//! The upgrade of an open connection to WebSocket.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{BoxedStream, Endpoint, OtherGeneration, is_tls_alert};
use crate::protocol::websocket::upgrade::{Upgrade, UpgradeError};
use crate::text::foreign;
use crate::{Error, ErrorKind, Result};

/// The bytes of a wrong answer that are shown: they name another protocol.
const SHOWN_OF_AN_ANSWER: usize = 40;

/// Asks the node at the other end of `stream` to go on with WebSocket frames. Reads nothing beyond its answer.
///
/// It has no time limit of its own: the caller sets one.
///
/// # Errors
/// Returns [`ErrorKind::Handshake`] if the other end answers something else or closes the connection.
pub async fn upgrade(stream: &mut BoxedStream, endpoint: &Endpoint) -> Result<()> {
    try_upgrade(stream, endpoint).await.map_err(|failed| failed.error)
}

/// Why no session is possible over a connection, and what that shows about the generation that was not tried.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: Error,
    pub(crate) other: OtherGeneration,
}

impl From<Error> for Failed {
    /// Returns the failure of an error that shows nothing about the other generation.
    fn from(error: Error) -> Failed {
        Failed { error, other: OtherGeneration::Possible }
    }
}

/// As [`upgrade`], for a caller who may try the other generation.
pub(crate) async fn try_upgrade(
    stream: &mut BoxedStream,
    endpoint: &Endpoint,
) -> std::result::Result<(), Failed> {
    let upgrade = Upgrade::with_random_key();
    let broke = |error: std::io::Error| failed(endpoint, format_args!("the connection broke: {error}"));
    stream.write_all(&upgrade.request(&endpoint.to_string())).await.map_err(broke)?;
    stream.flush().await.map_err(broke)?;
    let mut answer = Vec::new();
    let mut piece = [0; LINE_ENDS.len()];
    loop {
        let wanted = still_missing(&answer);
        let read = stream.read(&mut piece[..wanted]).await.map_err(broke)?;
        if read == 0 {
            return Err(closed(endpoint, &answer).into());
        }
        answer.extend_from_slice(&piece[..read]);
        match upgrade.read_answer(&answer) {
            Ok(None) => {}
            Ok(Some(_)) => return Ok(()),
            Err(error) => return Err(refused(endpoint, &answer, error)),
        }
    }
}

/// Returns the failure of an upgrade to which the peer answered something else.
fn refused(endpoint: &Endpoint, answer: &[u8], error: UpgradeError) -> Failed {
    // No node of 2.x answers HTTP.
    let other = match error {
        UpgradeError::NotHttp => OtherGeneration::Likely,
        _ => OtherGeneration::Excluded,
    };
    let error = match error {
        UpgradeError::NotHttp if is_tls_alert(answer) => {
            failed(endpoint, "it answered with an alert of TLS, so it expects TLS")
        }
        UpgradeError::NotHttp => {
            let seen = foreign(answer).limit(SHOWN_OF_AN_ANSWER);
            failed(endpoint, format_args!("it sent {seen:?}, which is not HTTP"))
        }
        UpgradeError::Refused { status, server } => {
            let server = server.unwrap_or_default();
            let server = foreign(&server).limit(SHOWN_OF_AN_ANSWER);
            failed(endpoint, format_args!("it answered HTTP {status} (server {server:?})"))
        }
        UpgradeError::TooLong | UpgradeError::Header(_) => failed(endpoint, error),
    };
    Failed { error, other }
}

/// What ends the head of an answer.
const LINE_ENDS: &[u8] = b"\r\n\r\n";

/// Returns how many bytes the head of the answer has at least beyond those that have arrived.
fn still_missing(answer: &[u8]) -> usize {
    let arrived = (1..LINE_ENDS.len()).rev().find(|len| answer.ends_with(&LINE_ENDS[..*len]));
    LINE_ENDS.len() - arrived.unwrap_or(0)
}

fn closed(endpoint: &Endpoint, answer: &[u8]) -> Error {
    match answer.is_empty() {
        true => failed(endpoint, "it closed the connection without an answer"),
        false => failed(endpoint, "it closed the connection in the middle of its answer"),
    }
}

fn failed(endpoint: &Endpoint, what: impl std::fmt::Display) -> Error {
    Error::undelivered(
        ErrorKind::Handshake,
        format!(
            "the upgrade to WebSocket at {endpoint} failed: {what}; check that this is the RPC port of a 3.x node \
             (usually 20200)"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::websocket::upgrade::{Request, read_request};

    /// Runs an upgrade against a peer that reads the request and sends `answer` of it; returns what it read beyond.
    async fn against(answer: impl FnOnce(Vec<u8>) -> Vec<u8>) -> (Result<()>, Vec<u8>) {
        let (client, mut node) = tokio::io::duplex(1 << 16);
        let mut client: BoxedStream = Box::new(client);
        let endpoint: Endpoint = "127.0.0.1:20200".parse().unwrap();
        let peer = async {
            let mut request = vec![0; 1000];
            let read = node.read(&mut request).await.unwrap();
            node.write_all(&answer(request[..read].to_vec())).await.unwrap();
            drop(node);
        };
        let (outcome, ()) = tokio::join!(upgrade(&mut client, &endpoint), peer);
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        (outcome, rest)
    }

    fn accept(request: Vec<u8>) -> Vec<u8> {
        match read_request(&request, "test") {
            Ok(Some((_, Request::Upgrade(answer)))) => answer,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn frames_that_follow_the_answer_are_left_in_the_stream() {
        let (outcome, rest) = against(|request| [accept(request), b"\x89\0more".to_vec()].concat()).await;
        outcome.unwrap();
        assert_eq!(rest, b"\x89\0more");
    }

    #[tokio::test]
    async fn other_answers_are_named() {
        for (answer, text) in [
            (&b""[..], "without an answer"),
            (b"HTTP/1.1 101", "in the middle of its answer"),
            (b"SSH-2.0-OpenSSH", "which is not HTTP"),
            (b"\x15\x03\x03\0\x02\x02\x28", "with an alert of TLS"),
            (b"\x15\x01\x01\0\x02\x02\x28", "with an alert of TLS"),
            (
                b"HTTP/1.1 405 Method Not Allowed\r\nServer: other\r\n\r\n",
                "HTTP 405 Method Not Allowed (server \"other\")",
            ),
            (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "header Upgrade is missing"),
        ] {
            let error = against(|_| answer.to_vec()).await.0.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Handshake);
            assert!(error.message().contains(text), "{error}");
        }
    }

    #[test]
    fn head_is_never_read_beyond_its_end() {
        for (answer, missing) in [("", 4), ("a", 4), ("a\r", 3), ("a\r\n", 2), ("a\r\n\r", 1), ("a\r\nb", 4)]
        {
            assert_eq!(still_missing(answer.as_bytes()), missing, "{answer:?}");
        }
    }
}
