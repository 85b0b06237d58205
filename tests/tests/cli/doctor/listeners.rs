//! Findings at ports without a node, and problems before a port is reached.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use amop::text::is_unprintable;
use amop_devnet::Devnet;

use super::diagnosis::Diagnosis;
use super::openssl::rsa_chain;
use crate::amop::{Place, Unused, unresolvable};

/// A port that runs `serve` for each connection, until the test process exits.
pub(crate) fn listen(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    endpoint
}

/// Returns the first bytes that a client sends, at most `MOST`.
fn received(stream: &mut TcpStream) -> Vec<u8> {
    const MOST: usize = 4096;
    let mut bytes = vec![0; MOST];
    let read = stream.read(&mut bytes).unwrap_or(0);
    bytes.truncate(read);
    bytes
}

/// Sends this after receiving something that begins with `cue`, and closes.
pub(crate) fn answer(stream: &mut TcpStream, cue: &[u8], answer: &[u8]) {
    if received(stream).starts_with(cue) {
        // The client may close before everything is written.
        let _ = stream.write_all(answer);
    }
}

#[test]
fn bad_endpoint() {
    let place = Place::with_nodes();
    Diagnosis::of(&place, "127.0.0.1", &[]).is("endpoint", 2, "bad-endpoint", "the port is missing");
}

#[test]
fn unknown_name() {
    let place = Place::with_nodes();
    let diagnosis = Diagnosis::of(&place, &unresolvable(), &[]);
    diagnosis.is("endpoint", 4, "unknown-name", ".invalid");
    diagnosis.is_ok("credentials", "CN=sdk");
}

#[test]
fn nothing_listening() {
    let place = Place::with_nodes();
    Diagnosis::of(&place, &Unused::port().endpoint, &[]).is("tcp", 4, "nothing-listening", "refused");
}

/// If its queue of connections is full, the system drops further ones, as a firewall does.
#[test]
fn firewall() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    // A connection that fits the queue is established at once; a dropped one is repeated after one second.
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
        queued.push(stream);
    }
    let place = Place::with_nodes();
    let diagnosis = Diagnosis::of_silence("tcp", &place, &address.to_string());
    diagnosis.is("tcp", 4, "firewall", "no answer within 300 ms");
}

#[test]
fn unreachable() {
    let place = Place::with_nodes();
    // TCP can't connect to a multicast address.
    Diagnosis::of(&place, "224.0.0.1:20200", &[]).is("tcp", 4, "unreachable", "224.0.0.1");
}

#[test]
fn plain_tcp() {
    let place = Place::with_nodes();
    let silent = listen(|mut stream| while !received(&mut stream).is_empty() {});
    Diagnosis::of_silence("tls", &place, &silent).is("tls", 5, "plain-tcp", "doesn't respond");
    let closing = listen(drop);
    Diagnosis::of(&place, &closing, &[]).is("tls", 5, "plain-tcp", "closes it");
}

#[test]
fn wrong_port() {
    let place = Place::with_nodes();
    let ssh = listen(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
        received(&mut stream);
    });
    Diagnosis::of(&place, &ssh, &[]).is("tls", 5, "wrong-port", "SSH-2.0-OpenSSH");
    let web = listen(|mut stream| {
        answer(&mut stream, b"", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    Diagnosis::of(&place, &web, &[]).is("tls", 5, "wrong-port", "HTTP/1.1 400 Bad Request");
}

#[test]
fn answers_of_servers_are_escaped_and_bounded() {
    let place = Place::with_nodes();
    let status = ["HTTP/1.1 400 \x1b[2J\u{9b}2J\u{202e}".as_bytes(), &[b'x'; 1000], b"\r\n\r\n"].concat();
    let web = listen(move |mut stream| answer(&mut stream, b"", &status));
    let shown = r"400 \u{1b}[2J\u{9b}2J\u{202e}xxx";
    Diagnosis::of(&place, &web, &[]).is("tls", 5, "wrong-port", shown);
    let ended = place.run(&["doctor", &web]);
    let text = ended.stdout.iter().find(|line| line.contains(shown)).unwrap();
    assert!(text.len() < 500 && !text.chars().any(is_unprintable), "{text:?}");
}

#[test]
fn json_rpc_port() {
    let place = Place::with_nodes();
    let body = r#"{"id":1,"jsonrpc":"2.0","result":{"FISCO-BCOS Version":"2.11.2"}}"#;
    let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let json_rpc = listen(move |mut stream| answer(&mut stream, b"POST ", reply.as_bytes()));
    Diagnosis::of(&place, &json_rpc, &[]).is("tls", 5, "json-rpc-port", "answers JSON-RPC");
}

#[test]
fn node_3x_without_tls() {
    let place = Place::with_nodes();
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    let node = listen(|mut stream| answer(&mut stream, b"GET ", switch));
    Diagnosis::of(&place, &node, &[]).is("tls", 5, "plain-node-3x", "switches to WebSocket, without TLS");
}

#[test]
fn plain_channel() {
    let place = Place::with_nodes();
    let plain = Devnet::builder().plain(true).start_blocking().unwrap();
    let diagnosis = Diagnosis::of(&place, &plain.endpoints()[0], &[]);
    diagnosis.is("tls", 5, "plain-channel", "version 2.7.2");
}

/// A server that accepts a ClientHello that holds these bytes: it sends a ServerHello, an empty list of certificates, and
/// ServerHelloDone.
fn takes(mark: &'static [u8]) -> String {
    let flight: &[u8] = &[22, 3, 3, 0, 15, 2, 0, 0, 0, 11, 0, 0, 3, 0, 0, 0, 14, 0, 0, 0];
    listen(move |mut stream| {
        let hello = received(&mut stream);
        let taken = hello.windows(mark.len()).any(|window| window == mark);
        let refusal: &[u8] = &[21, 3, 3, 0, 2, 2, 40];
        let _ = stream.write_all(if taken { flight } else { refusal });
        received(&mut stream);
    })
}

#[test]
fn gm_channel() {
    let place = Place::with_nodes();
    // The only suite of GM channels; the version of TLCP and its first suite.
    let channel = takes(&[0, 2, 0xe0, 0x11, 1, 0]);
    Diagnosis::of(&place, &channel, &[]).is("tls", 5, "gm-channel", "0xE011");
    let tlcp = takes(&[0xe0, 0x13, 0xe0, 0x53]);
    Diagnosis::of(&place, &tlcp, &[]).is("tls", 5, "tlcp-channel", "TLCP");
    // Other verbs examine a node that shares nothing with them, whatever the credentials are.
    rsa_chain(&place.folder().join("own"));
    for credentials in ["amop-devnet/sdk", "own"] {
        let ended = place.run(&["publish", &channel, "hello", "hi", "--credentials", credentials]);
        assert_eq!(ended.code, 5, "{ended:?}");
        assert!(ended.stderr[0].contains("is a GM channel of a 2.x chain"), "{ended:?}");
    }
}

#[test]
fn tls_failed() {
    let place = Place::with_nodes();
    let picky = takes(b"no client says this");
    Diagnosis::of(&place, &picky, &[]).is("tls", 5, "tls-failed", "refused all offers (alert 40)");
}
