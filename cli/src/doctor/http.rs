//! Identifies HTTP servers by one request and the beginning of its answer: a node's JSON-RPC port, a 3.x node, or a web
//! server.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The kind of HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Http {
    /// It switches to WebSocket, as 3.x nodes do.
    WebSocket,
    /// It answers JSON-RPC.
    JsonRpc,
    /// Another server, with its status line.
    Other(String),
}

/// Requests a switch to WebSocket. Returns `None` if the answer isn't HTTP.
pub(super) async fn request_websocket(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    limit: Duration,
) -> Option<Http> {
    // The key is that of the example in RFC 6455, because nothing is sent over this connection.
    let request = "GET / HTTP/1.1\r\nHost: node\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let answer = ask(stream, request, limit).await?;
    let status = answer.lines().next().unwrap_or_default().trim_end().to_owned();
    Some(if status.split(' ').nth(1) == Some("101") { Http::WebSocket } else { Http::Other(status) })
}

/// Sends a JSON-RPC call that every 2.x node answers. Returns `None` if the answer isn't HTTP.
pub(super) async fn request_json_rpc(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    limit: Duration,
) -> Option<Http> {
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"getClientVersion","params":[]}"#;
    let request = format!(
        "POST / HTTP/1.1\r\nHost: node\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{call}",
        call.len()
    );
    let answer = ask(stream, &request, limit).await?;
    let status = answer.lines().next().unwrap_or_default().trim_end().to_owned();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Some(if body.contains("\"jsonrpc\"") { Http::JsonRpc } else { Http::Other(status) })
}

/// The number of bytes of the answer that are read.
const MOST: usize = 16 * 1024;

async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &str,
    limit: Duration,
) -> Option<String> {
    let mut seen = Vec::new();
    let talk = async {
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        while seen.len() < MOST && !is_complete(&seen) && stream.read_buf(&mut seen).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // An answer that ends early, or isn't complete in time, may be enough.
    let _ = tokio::time::timeout(limit, talk).await;
    let text = String::from_utf8_lossy(&seen).into_owned();
    text.starts_with("HTTP/").then_some(text)
}

/// Returns whether no more bytes are needed: headers and the announced body are complete, or it isn't HTTP.
fn is_complete(seen: &[u8]) -> bool {
    if !seen.starts_with(&b"HTTP/"[..seen.len().min(5)]) {
        return true;
    }
    let text = String::from_utf8_lossy(seen);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let switches = head.split(' ').nth(1) == Some("101");
    switches || length.is_some_and(|length| body.len() >= length)
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    /// Returns how a server is identified that sends `answer`.
    async fn websocket(answer: &str) -> Option<Http> {
        let (own, mut other) = duplex(4096);
        other.write_all(answer.as_bytes()).await.unwrap();
        let server = tokio::spawn(async move {
            let mut request = vec![0; 20];
            other.read_exact(&mut request).await.unwrap();
            assert!(request.starts_with(b"GET / HTTP/1.1\r\n"));
        });
        let seen = request_websocket(own, LIMIT).await;
        server.await.unwrap();
        seen
    }

    #[tokio::test]
    async fn websocket_other_answers_and_silence_are_distinguished() {
        let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
        assert_eq!(websocket(switch).await, Some(Http::WebSocket));
        let refusal = "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 2\r\n\r\nno";
        assert_eq!(websocket(refusal).await, Some(Http::Other("HTTP/1.1 405 Method Not Allowed".into())));
        assert_eq!(websocket("").await, None);
        assert_eq!(websocket("SSH-2.0-x\r\n").await, None);
    }
}
