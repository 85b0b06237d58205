//! The HTTP request that begins a connection.

use crate::peer::{Peer, Sent, UPGRADE, devnet, frame};

/// Returns the answer to a request, and whether the connection stays open for frames or another request.
async fn answer(request: &str) -> String {
    let devnet = devnet(1, |b| b).await;
    let mut peer = Peer::silent(&devnet.node(0));
    peer.send_bytes(request.as_bytes()).await;
    peer.http_answer().await
}

#[tokio::test(start_paused = true)]
async fn upgrade_is_accepted_on_any_path_and_offers_are_ignored() {
    let accepted = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
                    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nServer: Boost.Beast/345\r\n\r\n";
    assert_eq!(answer(UPGRADE).await, accepted);
    assert_eq!(answer(&UPGRADE.replace("GET / ", "GET /any/path?x=1 ")).await, accepted);
    let offers = "Sec-WebSocket-Protocol: x\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    assert_eq!(answer(&UPGRADE.replace("13\r\n\r\n", &format!("13\r\n{offers}"))).await, accepted);
}

#[tokio::test(start_paused = true)]
async fn upgrade_that_lacks_something_is_refused() {
    let missing = |field: &str| {
        let text = format!("The WebSocket handshake {field} field is missing");
        let length = text.len();
        format!(
            "HTTP/1.1 400 Bad Request\r\nContent-Length: {length}\r\nServer: Boost.Beast/345\r\n\r\n{text}"
        )
    };
    let without = |line: &str| UPGRADE.replace(line, "");
    assert_eq!(answer(&without("Host: 127.0.0.1:28200\r\n")).await, missing("Host"));
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    assert_eq!(answer(&without(key)).await, missing("Sec-WebSocket-Key"));
    assert_eq!(answer(&without("Sec-WebSocket-Version: 13\r\n")).await, missing("Sec-WebSocket-Version"));
    let other = answer(&UPGRADE.replace("Version: 13", "Version: 8")).await;
    assert!(other.starts_with("HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\n"), "{other}");
}

#[tokio::test(start_paused = true)]
async fn other_requests_are_answered_and_the_upgrade_may_follow() {
    let devnet = devnet(1, |b| b).await;
    let mut peer = Peer::silent(&devnet.node(0));
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "505 HTTP Version Not Supported"),
        (UPGRADE.replace("GET", "POST"), "505 HTTP Version Not Supported"),
        ("OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "204 No Content"),
    ] {
        peer.send_bytes(request.as_bytes()).await;
        let answer = peer.http_answer().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\nServer: Boost.Beast/345\r\n")), "{answer}");
    }
    peer.send_bytes(UPGRADE.as_bytes()).await;
    assert!(peer.http_answer().await.starts_with("HTTP/1.1 101 "));
    peer.read_frames(true);
    peer.sync().await;
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_http_end_the_connection_without_an_answer() {
    let devnet = devnet(1, |b| b).await;
    let mut peer = Peer::silent(&devnet.node(0));
    peer.send_bytes(b"\x16\x03\x01\x00\xf6\x01\x00\x00\xf2\x03\x03").await;
    assert_eq!(peer.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn frames_may_arrive_together_with_the_request() {
    let devnet = devnet(1, |b| b).await;
    let mut peer = Peer::silent(&devnet.node(0));
    let mut bytes = UPGRADE.as_bytes().to_vec();
    bytes.extend(frame(0x89, b"early"));
    peer.send_bytes(&bytes).await;
    assert!(peer.http_answer().await.starts_with("HTTP/1.1 101 "));
    assert_eq!(peer.next().await, Some(Sent::Pong(b"early".to_vec())));
}

#[tokio::test(start_paused = true)]
async fn client_that_asks_nothing_is_given_up() {
    let devnet = devnet(1, |b| b).await;
    let mut peer = Peer::silent(&devnet.node(0));
    peer.send_bytes(&UPGRADE.as_bytes()[..20]).await;
    assert_eq!(peer.next().await, None);
    assert!(peer.seconds() >= 60.0);
}
