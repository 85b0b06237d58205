//! Nodes and credentials or options that don't fit each other: errors that name what was found.

use amop::{Client, ErrorKind, Tls};
use amop_devnet::{Devnet, Generation};

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

#[tokio::test]
async fn credentials_of_another_kind_of_chain_are_named() {
    let rsa = node(Generation::V3, Tls::Ecdhe).await;
    let sm = node(Generation::V3, Tls::Tlcp).await;
    let old = node(Generation::V2, Tls::Ecdhe).await;
    let gm = node(Generation::V2, Tls::Gm).await;
    let no_common = ErrorKind::TlsNoCommon;
    assert_error(&refused(&sm, &rsa, Tls::Auto).await, no_common, &["SM chain of 3.x", "are RSA ones"]);
    assert_error(&refused(&sm, &old, Tls::Auto).await, no_common, &["GM or SM one", "are ECDSA ones"]);
    assert_error(&refused(&rsa, &sm, Tls::Auto).await, no_common, &["not a GM or SM one", "SM2 ones"]);
    // Both speak TLS 1.2 with ECDHE, so that the certificate decides.
    let error = refused(&rsa, &old, Tls::Auto).await;
    assert_error(&error, ErrorKind::NodeCertificate, &["O=FISCO-BCOS", "does not lead to the CA"]);
    // The credentials are in memory, without names, so that both kinds of SM2 are tried.
    let error = refused(&gm, &sm, Tls::Auto).await;
    assert_error(&error, ErrorKind::NodeCertificate, &["does not lead to the CA"]);
}
