//! The HTTP exchange: the client's request, what nodes answer, and what a node makes of requests.

use amop::protocol::websocket::upgrade::{Request, Upgrade, UpgradeError, read_request};

use super::{Layer, named, of_layer};

const SERVER: &str = "Boost.Beast/345";

#[test]
fn request_is_that_of_the_official_client() {
    let vectors = of_layer(Layer::Http);
    let ours = |key: &str, host: &str| Upgrade::with_key(key.into()).request(host);
    let request = named(&vectors, "http_upgrade_request").bytes();
    assert_eq!(ours("dGhlIHNhbXBsZSBub25jZQ==", "127.0.0.1:28200"), request);
    let official = named(&vectors, "http_upgrade_request_official_client").bytes();
    assert_eq!(ours("/BEPOLaSAHtNfm7MDuYhQw==", "127.0.0.1:28290"), official);
}

#[test]
fn requests_are_answered_as_nodes_did() {
    let vectors = of_layer(Layer::Http);
    let mut cases = [0; 3];
    for vector in &vectors {
        let Some(case) = vector.name.strip_suffix("_request") else { continue };
        let recorded = named(&vectors, &format!("{case}_answer")).bytes();
        let request = vector.bytes();
        match read_request(&request, SERVER) {
            Ok(Some((len, Request::Upgrade(answer)))) => {
                assert_eq!((len, &answer), (request.len(), &recorded), "{case}");
                cases[0] += 1;
            }
            Ok(Some((len, Request::Refused(answer)))) => {
                assert_eq!(len, request.len(), "{case}");
                // Nodes send a close frame after it, though the connection was not upgraded.
                assert!(recorded.starts_with(&answer), "{case}: {}", String::from_utf8_lossy(&answer));
                assert_eq!(recorded[answer.len()], 0x88, "{case}");
                cases[1] += 1;
            }
            Ok(Some((_, Request::Http))) => {
                let status = String::from_utf8_lossy(&recorded[9..12]).into_owned();
                assert!(["505", "204"].contains(&&*status), "{case}: {status}");
                cases[2] += 1;
            }
            other => assert_eq!((other, recorded.len()), (Err(UpgradeError::NotHttp), 0), "{case}"),
        }
    }
    assert_eq!(cases, [5, 4, 4]);
}

#[test]
fn answers_of_nodes_accept_or_name_the_status() {
    for vector in of_layer(Layer::Http) {
        let Some(case) = vector.name.strip_suffix("_answer") else { continue };
        let bytes = vector.bytes();
        let key = if case == "http_short_key" { "abc" } else { "dGhlIHNhbXBsZSBub25jZQ==" };
        match Upgrade::with_key(key.into()).read_answer(&bytes) {
            Ok(Some(len)) => assert!(len == bytes.len() && bytes.starts_with(b"HTTP/1.1 101"), "{case}"),
            Ok(None) => assert!(bytes.is_empty(), "{case}"),
            Err(UpgradeError::Refused { status, server }) => {
                assert_eq!(status.as_str().as_bytes(), &bytes[9..12], "{case}");
                assert_eq!(server.as_deref(), Some(SERVER), "{case}");
            }
            // The answer to a request of HTTP/1.0.
            Err(error) => assert_eq!((error, case), (UpgradeError::NotHttp, "http_http_1_0")),
        }
    }
}
