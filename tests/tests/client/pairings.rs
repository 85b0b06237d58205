//! Nodes and credentials or options that don't fit each other: errors that name what was found.

use amop::{Client, ErrorKind, Generations, Tls};
use amop_devnet::{Devnet, Generation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::fixture::{GUARD, devnet_with, soon};

/// Starts one node.
async fn node(generation: Generation, tls: Tls) -> Devnet {
    devnet_with(Devnet::builder().generation(generation).nodes(1), tls).await
}

/// Connects to `node` as to a node of another kind: with its credentials, or without TLS. Returns the error.
async fn refused(node: &Devnet, like: &Devnet, tls: Tls) -> amop::Error {
    let builder = Client::builder().endpoint(node.node(0).endpoint()).connect_timeout(GUARD).tls(tls);
    let connecting = builder.credential_source(like.credentials()).connect();
    soon("the refusal", connecting).await.unwrap_err()
}

fn assert_error(error: &amop::Error, kind: ErrorKind, parts: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    for part in parts {
        assert!(error.message().contains(part), "{part:?} isn't in: {error}");
    }
}

#[tokio::test]
async fn plain_client_at_a_tls_port_gets_an_error_about_the_option() {
    for (generation, tls) in
        [(Generation::V2, Tls::Ecdhe), (Generation::V3, Tls::Ecdhe), (Generation::V3, Tls::Tlcp)]
    {
        let node = node(generation, tls).await;
        let error = refused(&node, &node, Tls::Off).await;
        assert_error(&error, ErrorKind::Handshake, &["its option tls is off", "give credentials"]);
    }
}

#[tokio::test]
async fn tls_client_at_a_plain_port_gets_an_error_about_the_option() {
    for generation in [Generation::V2, Generation::V3] {
        let plain = node(generation, Tls::Off).await;
        for like in [
            node(Generation::V2, Tls::Ecdhe).await,
            node(Generation::V3, Tls::Ecdhe).await,
            node(Generation::V3, Tls::Tlcp).await,
        ] {
            let error = refused(&plain, &like, Tls::Auto).await;
            assert_error(&error, ErrorKind::Tls, &["needs the option tls = off"]);
        }
    }
}

/// The kinds of chains, and what an error says of their credentials.
const CHAINS: [(Generation, Tls, &str); 5] = [
    (Generation::V2, Tls::Ecdhe, "are ECDSA ones"),
    (Generation::V2, Tls::StaticRsa, "are RSA ones"),
    (Generation::V2, Tls::Gm, "are SM2 ones"),
    (Generation::V3, Tls::Ecdhe, "are RSA ones"),
    (Generation::V3, Tls::Tlcp, "are SM2 ones"),
];

/// What the error says of a node when these credentials are used there. `None` for the credentials of the chain itself.
fn expected(node: usize, credentials: usize) -> Option<(ErrorKind, &'static str)> {
    let foreign = |text| Some((ErrorKind::NodeCertificate, text));
    let nothing_common = |text| Some((ErrorKind::TlsNoCommon, text));
    match (node, credentials) {
        (node, credentials) if node == credentials => None,
        // Both sides agree on a cipher suite, so that the certificate decides.
        (0, 1 | 3) => foreign("whose key is RSA while that of the certificate is ECDSA on secp256k1"),
        (3, 0) => foreign("whose key is ECDSA on secp256k1 while that of the certificate is RSA"),
        (1, 3) | (3, 1) | (2, 4) | (4, 2) => foreign("does not lead to the CA that is trusted here"),
        (0 | 1 | 3, 2 | 4) => nothing_common("not a GM or SM one"),
        (1, 0) => nothing_common("has RSA certificates"),
        (2 | 4, 0) => nothing_common("is a GM or SM one"),
        (2 | 4, _) => nothing_common("a GM channel (-G) or is of an SM chain of 3.x"),
        pair => unreachable!("{pair:?}"),
    }
}

#[tokio::test]
async fn credentials_of_another_kind_of_chain_are_named() {
    let mut nodes = Vec::new();
    for (generation, tls, _) in CHAINS {
        nodes.push(node(generation, tls).await);
    }
    for (at, node) in nodes.iter().enumerate() {
        for (other, (like, (_, _, credentials))) in nodes.iter().zip(CHAINS).enumerate() {
            let Some((kind, text)) = expected(at, other) else { continue };
            let error = refused(node, like, Tls::Auto).await;
            assert_error(&error, kind, &[text, "chain"]);
            if kind == ErrorKind::TlsNoCommon {
                assert_error(
                    &error,
                    kind,
                    &[credentials, "use the SDK folder that was made with this chain"],
                );
            }
        }
    }
}

#[tokio::test]
async fn generation_that_is_pinned_wrongly_is_named() {
    for (generation, tls, _) in CHAINS {
        let node = node(generation, tls).await;
        let (pinned, text) = match generation {
            Generation::V2 => (Generations::V3, "only tries nodes of generation 3.x (its option generation)"),
            Generation::V3 => (Generations::V2, "only tries nodes of generation 2.x (its option generation)"),
        };
        let connecting = node.client().connect_timeout(GUARD).generation(pinned).connect();
        let error = soon("the refusal", connecting).await.unwrap_err();
        assert_error(&error, ErrorKind::Handshake, &[text, "leave the option at auto"]);
    }
}

/// The JSON-RPC port of a 2.x node speaks HTTP without TLS.
#[tokio::test]
async fn port_that_speaks_http_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener.local_addr().unwrap().to_string();
    let serving = async {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            // The client may have gone.
            let _ = tcp.read(&mut request).await;
            let _ =
                tcp.write_all(b"HTTP/1.0 400 Bad Request\r\nServer: rpc\r\nContent-Length: 0\r\n\r\n").await;
            let _ = tcp.shutdown().await;
        }
    };
    let asking = async {
        for (generation, tls, _) in CHAINS {
            let like = node(generation, tls).await;
            let builder = Client::builder().endpoint(&endpoint).connect_timeout(GUARD);
            let connecting = builder.credential_source(like.credentials()).connect();
            let error = soon("the refusal", connecting).await.unwrap_err();
            assert_error(
                &error,
                ErrorKind::Tls,
                &["does not speak TLS", "not its P2P port (30300) or JSON-RPC port"],
            );
        }
        let connecting = Client::builder().endpoint(&endpoint).connect_timeout(GUARD).tls(Tls::Off).connect();
        let error = soon("the refusal", connecting).await.unwrap_err();
        assert_error(
            &error,
            ErrorKind::Handshake,
            &["HTTP 400 Bad Request (server \"rpc\")", "RPC port of a 3.x node"],
        );
        assert!(!error.message().contains("its option tls is off"), "TLS is not the reason: {error}");
    };
    tokio::select! {
        () = asking => {}
        () = serving => unreachable!("the server does not end"),
    }
}
