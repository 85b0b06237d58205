//! The HTTP exchange by which a connection becomes one of WebSocket frames (RFC 6455, section 4), without I/O.

use tungstenite::handshake::client::{Response, generate_key};
use tungstenite::handshake::derive_accept_key;
use tungstenite::handshake::headers::MAX_HEADERS;
use tungstenite::handshake::machine::TryParse;
use tungstenite::http::{HeaderMap, StatusCode, header};

/// The longest head of an answer in bytes. Nodes send some 160 bytes.
pub const MAX_HEAD_LEN: usize = 16 * 1024;

/// A client's request to upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    key: String,
}

/// Why an answer is none to the request. All mean that no 3.x node answered, or not for AMOP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpgradeError {
    /// The first bytes are not an HTTP answer.
    #[error("the answer is not HTTP")]
    NotHttp,
    /// The head of the answer doesn't end.
    #[error("the head of the HTTP answer has more than {MAX_HEAD_LEN} bytes")]
    TooLong,
    /// Another status than 101.
    #[error("the HTTP answer is {status}{}", .server.as_deref().map(|server| format!(" by {server}")).unwrap_or_default())]
    Refused {
        /// Number and text of the status.
        status: StatusCode,
        /// What the server calls itself: any text.
        server: Option<String>,
    },
    /// A header that makes the answer one to an upgrade is missing or wrong.
    #[error("the HTTP answer accepts the upgrade, but its header {0} is missing or wrong")]
    Header(&'static str),
}

impl Upgrade {
    /// Returns a request with a random key.
    pub fn with_random_key() -> Upgrade {
        Upgrade::with_key(generate_key())
    }

    /// Returns a request with this key: 16 bytes in Base64.
    pub fn with_key(key: String) -> Upgrade {
        Upgrade { key }
    }

    /// Returns the bytes of the request. `host` is where the connection leads, `127.0.0.1:20200`.
    pub fn request(&self, host: &str) -> Vec<u8> {
        let key = &self.key;
        format!(
            "GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: {key}\r\n\
             Sec-WebSocket-Version: 13\r\n\r\n"
        )
        .into_bytes()
    }

    /// Returns the length of the answer's head at the start of `bytes`, `None` if it isn't complete. What follows are
    /// frames.
    ///
    /// # Errors
    /// Returns an error if the answer doesn't accept the request.
    pub fn read_answer(&self, bytes: &[u8]) -> Result<Option<usize>, UpgradeError> {
        const STATUS_LINE: &[u8] = b"HTTP/1.";
        let shown = bytes.len().min(STATUS_LINE.len());
        if bytes[..shown] != STATUS_LINE[..shown] {
            return Err(UpgradeError::NotHttp);
        }
        let head = &bytes[..bytes.len().min(MAX_HEAD_LEN)];
        let (len, answer) = match Response::try_parse(head) {
            Ok(Some(parsed)) => parsed,
            Ok(None) if bytes.len() >= MAX_HEAD_LEN => return Err(UpgradeError::TooLong),
            Ok(None) => return Ok(None),
            Err(_) => return Err(refusal_of(head)),
        };
        let headers = answer.headers();
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            let server =
                headers.get(header::SERVER).map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned());
            return Err(UpgradeError::Refused { status: answer.status(), server });
        }
        if !has_token(headers, header::UPGRADE, "websocket") {
            return Err(UpgradeError::Header("Upgrade"));
        }
        if !has_token(headers, header::CONNECTION, "upgrade") {
            return Err(UpgradeError::Header("Connection"));
        }
        let accept = derive_accept_key(self.key.as_bytes());
        if headers.get(header::SEC_WEBSOCKET_ACCEPT).is_none_or(|value| value.as_bytes() != accept.as_bytes())
        {
            return Err(UpgradeError::Header("Sec-WebSocket-Accept"));
        }
        // None was offered, so none can have been agreed on.
        for (name, shown) in [
            (header::SEC_WEBSOCKET_EXTENSIONS, "Sec-WebSocket-Extensions"),
            (header::SEC_WEBSOCKET_PROTOCOL, "Sec-WebSocket-Protocol"),
        ] {
            if headers.contains_key(name) {
                return Err(UpgradeError::Header(shown));
            }
        }
        Ok(Some(len))
    }
}

/// Returns the error for the head of an answer that is none of HTTP/1.1: what it refuses, if it is of HTTP/1.0.
fn refusal_of(head: &[u8]) -> UpgradeError {
    let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut answer = httparse::Response::new(&mut lines);
    let is_whole = answer.parse(head).is_ok_and(|status| status.is_complete());
    match answer.code.and_then(|code| StatusCode::from_u16(code).ok()) {
        Some(status) if is_whole => {
            let server = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case("Server"));
            let server = server.map(|header| String::from_utf8_lossy(header.value).into_owned());
            UpgradeError::Refused { status, server }
        }
        _ => UpgradeError::NotHttp,
    }
}

/// Returns whether a header lists a token, in any case.
fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name);
    values.iter().any(|value| {
        let value = value.to_str().unwrap_or_default();
        value.split(',').any(|listed| listed.trim().eq_ignore_ascii_case(token))
    })
}

/// What a node makes of an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// An upgrade. Send these bytes; what follows are frames.
    Upgrade(Vec<u8>),
    /// An upgrade that lacks something. Send these bytes; the connection isn't upgraded.
    Refused(Vec<u8>),
    /// Any other request, which a node answers as JSON-RPC over HTTP.
    Http,
}

/// Reads a request as a node does: its meaning, and the length of its head. `None` if the head isn't complete. `server` is
/// what the node calls itself in its answer.
///
/// # Errors
/// Returns [`UpgradeError::NotHttp`] or [`UpgradeError::TooLong`] for bytes that a node ends the connection on.
pub fn read_request(bytes: &[u8], server: &str) -> Result<Option<(usize, Request)>, UpgradeError> {
    let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut lines);
    let head = &bytes[..bytes.len().min(MAX_HEAD_LEN)];
    let len = match request.parse(head) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) if bytes.len() >= MAX_HEAD_LEN => return Err(UpgradeError::TooLong),
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(UpgradeError::NotHttp),
    };
    let value = |name: &str| {
        request
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    };
    let lists = |name: &str, token: &str| {
        let value = value(name).and_then(|value| str::from_utf8(value).ok()).unwrap_or_default();
        value.split(',').any(|listed| listed.trim().eq_ignore_ascii_case(token))
    };
    let is_upgrade = lists("Upgrade", "websocket") && lists("Connection", "upgrade");
    if request.method != Some("GET") || request.version != Some(1) || !is_upgrade {
        return Ok(Some((len, Request::Http)));
    }
    let missing = |name: &str| refusal("400 Bad Request", "", &format!("{name} field is missing"), server);
    let answer = match (value("Host"), value("Sec-WebSocket-Key"), value("Sec-WebSocket-Version")) {
        (None, _, _) => Request::Refused(missing("Host")),
        (_, None, _) => Request::Refused(missing("Sec-WebSocket-Key")),
        (_, _, None) => Request::Refused(missing("Sec-WebSocket-Version")),
        (Some(_), Some(key), Some(b"13")) => {
            let accept = derive_accept_key(key);
            Request::Upgrade(
                format!(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
                     Sec-WebSocket-Accept: {accept}\r\nServer: {server}\r\n\r\n"
                )
                .into_bytes(),
            )
        }
        (Some(_), Some(_), Some(_)) => Request::Refused(refusal(
            "426 Upgrade Required",
            "Sec-WebSocket-Version: 13\r\n",
            "Sec-WebSocket-Version field is invalid",
            server,
        )),
    };
    Ok(Some((len, answer)))
}

fn refusal(status: &str, header: &str, what: &str, server: &str) -> Vec<u8> {
    let body = format!("The WebSocket handshake {what}");
    let len = body.len();
    format!("HTTP/1.1 {status}\r\n{header}Content-Length: {len}\r\nServer: {server}\r\n\r\n{body}")
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
                          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nServer: Boost.Beast/345\r\n\r\n";

    fn ours() -> Upgrade {
        Upgrade::with_key("dGhlIHNhbXBsZSBub25jZQ==".into())
    }

    #[test]
    fn answer_is_read_in_pieces_and_frames_may_follow() {
        for len in 0..ANSWER.len() {
            assert_eq!(ours().read_answer(&ANSWER.as_bytes()[..len]), Ok(None), "{len}");
        }
        let followed = [ANSWER.as_bytes(), b"\x89\0"].concat();
        assert_eq!(ours().read_answer(&followed), Ok(Some(ANSWER.len())));
    }

    #[test]
    fn answers_that_accept_something_else_are_refused() {
        let error =
            |from: &str, to: &str| ours().read_answer(ANSWER.replace(from, to).as_bytes()).unwrap_err();
        assert_eq!(error("Upgrade: websocket", "Upgrade: h2c"), UpgradeError::Header("Upgrade"));
        assert_eq!(error("Connection: upgrade", "Connection: close"), UpgradeError::Header("Connection"));
        assert_eq!(error("s3pP", "S3pP"), UpgradeError::Header("Sec-WebSocket-Accept"));
        let extension = error("Server:", "Sec-WebSocket-Extensions: permessage-deflate\r\nServer:");
        assert_eq!(extension, UpgradeError::Header("Sec-WebSocket-Extensions"));
        let protocol = error("Server:", "Sec-WebSocket-Protocol: x\r\nServer:");
        assert_eq!(protocol, UpgradeError::Header("Sec-WebSocket-Protocol"));
        let refused = error("101 Switching Protocols", "403 Forbidden");
        assert_eq!(refused.to_string(), "the HTTP answer is 403 Forbidden by Boost.Beast/345");
        let old = ours().read_answer(b"HTTP/1.0 200 OK\r\nserver: SimpleHTTP/0.6\r\n\r\n").unwrap_err();
        assert_eq!(old.to_string(), "the HTTP answer is 200 OK by SimpleHTTP/0.6");
    }

    #[test]
    fn bytes_that_are_not_http_are_refused_at_once() {
        for bytes in [
            &b"\x15\x03\x03\0\x02\x02\x28"[..],
            b"\0\0\0\x2a",
            b"HTTP/2.0 101",
            b"SSH-2.0",
            b"HTTP/1.1 1\xff",
        ] {
            assert_eq!(ours().read_answer(bytes), Err(UpgradeError::NotHttp), "{bytes:?}");
        }
        assert_eq!(ours().read_answer(b""), Ok(None));
        let endless = format!("HTTP/1.1 101 x\r\nA: {}", "x".repeat(MAX_HEAD_LEN));
        assert_eq!(ours().read_answer(endless.as_bytes()), Err(UpgradeError::TooLong));
    }

    #[test]
    fn keys_are_random_and_have_16_bytes() {
        let keys = [Upgrade::with_random_key(), Upgrade::with_random_key()];
        assert_ne!(keys[0], keys[1]);
        assert!(keys.iter().all(|upgrade| upgrade.key.len() == 24 && upgrade.key.ends_with("==")));
    }
}
