//! A node's answers to HTTP requests: the upgrade to WebSocket frames, and refusals.

use amop::protocol::websocket::upgrade::{Request, read_request};

/// What real nodes call themselves.
const SERVER: &str = "Boost.Beast/345";

/// The headers of answers to requests that are not for WebSocket.
const PLAIN: &str = "Content-Type: application/json\r\nAccess-Control-Allow-Origin: *\r\n\
                     Access-Control-Allow-Methods: GET, POST, OPTIONS\r\n\
                     Access-Control-Allow-Headers: Content-Type, Authorization, X-Requested-With\r\n\
                     Access-Control-Max-Age: 86400\r\nAccess-Control-Allow-Credentials: true\r\n\
                     Content-Length: 0\r\n\r\n";

/// What a node does with a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It accepts it by this answer. Frames follow.
    Accepted(Vec<u8>),
    /// It refuses it by this answer, and reads the next request.
    Refused(Vec<u8>),
    /// It refuses it by this answer, and closes the connection.
    Closed(Vec<u8>),
    /// It closes the connection without an answer: this is not HTTP.
    NotHttp,
}

/// Reads the request at the start of `bytes`. Returns its length and the verdict, or `None` if it is not complete.
pub(super) fn read(bytes: &[u8]) -> Option<(usize, Verdict)> {
    match read_request(bytes, SERVER) {
        Ok(None) => None,
        Ok(Some((length, Request::Upgrade(answer)))) => Some((length, Verdict::Accepted(answer))),
        // Real nodes go on to read frames, which no client sends after a refusal.
        Ok(Some((length, Request::Refused(answer)))) => Some((length, Verdict::Closed(answer))),
        Ok(Some((length, Request::Http))) => Some((length, other(&bytes[..length]))),
        Err(_) => Some((bytes.len(), Verdict::NotHttp)),
    }
}

/// Returns the answer to a request that is not for WebSocket. Real nodes answer JSON-RPC here; this one has none over
/// HTTP.
fn other(head: &[u8]) -> Verdict {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let old = line.ends_with(b"HTTP/1.0");
    let version = if old { "1.0" } else { "1.1" };
    let status = match line.starts_with(b"OPTIONS ") {
        true => "204 No Content",
        false => "505 HTTP Version Not Supported",
    };
    let answer = format!("HTTP/{version} {status}\r\nServer: {SERVER}\r\n{PLAIN}").into_bytes();
    if old { Verdict::Closed(answer) } else { Verdict::Refused(answer) }
}
