//! Dialling an endpoint, and the errors for an endpoint that isn't a node.

use std::io::IoSlice;

use amop::ErrorKind;
use amop::transport::{Connector, Endpoint, dial};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::fixture::*;

#[tokio::test]
async fn http_port_is_reported_as_a_wrong_port() {
    let web = RawNode::start(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
    let error = refused(&web.endpoint, &connector(&Network::mint().sdk)).await;
    assert_error(&error, ErrorKind::Tls, &["does not speak TLS", "port for SDKs", "8545", "30300"]);
    assert!(error.message().contains(&web.endpoint.to_string()), "{error}");
}

#[tokio::test]
async fn port_that_closes_at_once_is_reported_as_a_wrong_port() {
    let closed = RawNode::start(b"").await;
    let error = refused(&closed.endpoint, &connector(&Network::mint().sdk)).await;
    assert_error(&error, ErrorKind::Tls, &["closed the connection", "port for SDKs"]);
}

#[tokio::test]
async fn garbage_after_the_first_message_is_a_tls_error() {
    let client = connector(&Network::mint().sdk);
    let answers: [&[u8]; 7] = [
        b"\0",
        b"\0\0\0\x2a\0\x13 a frame of the channel protocol, unprotected",
        // Records that are too long, empty, of an unknown kind, cut short, and without a message.
        &[0x16, 0x03, 0x03, 0xff, 0xff, 0x02],
        &[0x16, 0x03, 0x03, 0x00, 0x00],
        &[0x99, 0x03, 0x03, 0x00, 0x01, 0x00],
        &[0x16, 0x03, 0x03, 0x00, 0x30, 0x02, 0x00],
        &[0x16, 0x03, 0x03, 0x00, 0x04, 0x02, 0x00, 0x00, 0x00],
    ];
    for answer in answers {
        let node = RawNode::start(answer).await;
        let error = refused(&node.endpoint, &client).await;
        assert_error(&error, ErrorKind::Tls, &[&node.endpoint.to_string()]);
    }
}

#[tokio::test]
async fn connect_error_names_each_address_and_the_cause() {
    let (endpoint, listener) = listen().await;
    drop(listener);
    let error = refused(&endpoint, &Connector::Plain).await;
    assert_error(
        &error,
        ErrorKind::Connect,
        &[&endpoint.to_string(), "refused", "channel_listen_port", "listen_port of [rpc]"],
    );
    assert!(error.is_retriable());
}

#[tokio::test]
async fn all_addresses_of_a_name_are_tried() {
    // The listener has one of the two addresses that localhost usually has.
    let (endpoint, listener) = listen().await;
    let name: Endpoint = format!("localhost:{}", endpoint.port()).parse().unwrap();
    let (stream, accepted) = tokio::join!(connect(&name, &Connector::Plain), listener.accept());
    drop((stream.unwrap(), accepted.unwrap()));
    drop(listener);
    let addresses: Vec<_> = name.resolve().await.unwrap().iter().map(ToString::to_string).collect();
    let error = refused(&name, &Connector::Plain).await;
    let expected: Vec<_> = addresses.iter().map(String::as_str).collect();
    assert_error(&error, ErrorKind::Connect, &expected);
}

#[tokio::test]
async fn dropping_the_attempt_closes_the_connection() {
    let network = Network::mint();
    let (endpoint, listener) = listen().await;
    let client = connector(&network.sdk);
    let mut dialling = Box::pin(dial(&endpoint, &client));
    let mut silent = tokio::select! {
        _ = &mut dialling => panic!("a silent listener completes no handshake"),
        accepted = listener.accept() => accepted.unwrap().0,
    };
    let mut hello = [0; 5];
    tokio::select! {
        _ = &mut dialling => panic!("a silent listener completes no handshake"),
        read = silent.read_exact(&mut hello) => assert_eq!(read.unwrap(), 5),
    }
    drop(dialling);
    let mut rest = Vec::new();
    tokio::time::timeout(GUARD, silent.read_to_end(&mut rest)).await.expect("the socket is closed").unwrap();
}

#[tokio::test]
async fn vectored_writes_pass_through_the_boxed_stream() {
    let network = Network::mint();
    let node = EchoNode::start(&network.node).await;
    let mut stream = connect(&node.endpoint, &connector(&network.sdk)).await.unwrap();
    assert!(stream.is_write_vectored());
    let parts = [IoSlice::new(b"header "), IoSlice::new(b"and "), IoSlice::new(b"payload")];
    assert_eq!(stream.write_vectored(&parts).await.unwrap(), 18);
    stream.flush().await.unwrap();
    let mut back = [0; 18];
    tokio::time::timeout(GUARD, stream.read_exact(&mut back)).await.unwrap().unwrap();
    assert_eq!(&back, b"header and payload");

    let (endpoint, listener) = listen().await;
    let (plain, _accepted) = tokio::join!(connect(&endpoint, &Connector::Plain), listener.accept());
    assert!(plain.unwrap().is_write_vectored());
}
