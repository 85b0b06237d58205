//! Nodes with RSA and GM channels, like chains of the official script since release 2.9.0 and with `-g -G`.

use amop::transport::{Connector, CredentialSource, Credentials, Security, dial};
use amop::{Client, ErrorKind, Tls};
use amop_devnet::chain::{Algorithm, Chain, ChainKind, ChainOptions, LeafOptions, Period, Role};
use amop_devnet::{Devnet, DevnetBuilder, Generation, NodeCertificate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::fixture::{GUARD, guarded, until};

/// The kinds of channels that the engine serves, with the keys of their chains.
const CHANNELS: [(Tls, Security, Algorithm); 2] =
    [(Tls::StaticRsa, Security::StaticRsa, Algorithm::Rsa), (Tls::Gm, Security::Gm, Algorithm::Sm2)];

#[tokio::test]
async fn messages_pass_between_nodes_of_every_channel() {
    guarded(async {
        for (tls, _, algorithm) in CHANNELS {
            let devnet = Devnet::builder().tls(tls).start().await.unwrap();
            assert_eq!(devnet.chain().algorithm(), algorithm);
            let publisher = devnet.node(0).client().connect().await.unwrap();
            let subscriber = devnet.node(1).client().connect().await.unwrap();
            subscriber
                .serve("upper")
                .for_each(async |request: amop::Request| request.data().to_ascii_uppercase())
                .await
                .unwrap();
            assert_eq!(&publisher.publish("upper", "hello").await.unwrap().data()[..], b"HELLO");
            drop((publisher, subscriber));
            devnet.stop().await;
        }
    })
    .await;
}

#[tokio::test]
async fn both_sides_refuse_certificates_of_another_chain() {
    guarded(async {
        for (tls, security, algorithm) in CHANNELS {
            let devnet = Devnet::builder().nodes(1).tls(tls).start().await.unwrap();
            let node = devnet.node(0);
            let endpoint = node.endpoint().parse().unwrap();
            let refused = async |credentials: &Credentials| {
                dial(&endpoint, &Connector::new(security, credentials).unwrap()).await.err().unwrap().kind()
            };
            let foreign = Chain::mint(&ChainOptions::of(algorithm)).unwrap();
            let foreign = foreign.issue(Role::Sdk, "sdk", &LeafOptions::of(algorithm)).unwrap();
            let foreign = foreign.trusting(&devnet.chain().ca_pem().unwrap()).credentials().unwrap();
            assert_eq!(refused(&foreign).await, ErrorKind::ClientCertificate, "{tls}");
            let own = Credentials::load(&devnet.credentials()).unwrap();
            for certificate in
                [NodeCertificate::Foreign, NodeCertificate::Expired, NodeCertificate::NotYetValid]
            {
                node.show_certificate(certificate).unwrap();
                assert_eq!(refused(&own).await, ErrorKind::NodeCertificate, "{tls}, {certificate:?}");
            }
            node.show_certificate(NodeCertificate::Valid).unwrap();
            dial(&endpoint, &Connector::new(security, &own).unwrap()).await.unwrap();
            devnet.stop().await;
        }
    })
    .await;
}

/// Returns the alert with which a node answers these bytes.
async fn alert(devnet: &Devnet, hello: &[u8]) -> u8 {
    let mut tcp = TcpStream::connect(devnet.node(0).address()).await.unwrap();
    tcp.write_all(hello).await.unwrap();
    let mut answer = [0; 7];
    tcp.read_exact(&mut answer).await.unwrap();
    assert_eq!((answer[0], &answer[3..6]), (21, &[0, 2, 2][..]), "a fatal alert");
    answer[6]
}

/// Returns a ClientHello in one record, with one suite and no extensions.
fn hello(version: [u8; 2], suite: [u8; 2]) -> Vec<u8> {
    let mut body = version.to_vec();
    body.extend([7; 32]);
    body.extend([0, 0, 2, suite[0], suite[1], 1, 0]);
    let mut record = vec![22, version[0], version[1], 0, body.len() as u8 + 4, 1, 0, 0, body.len() as u8];
    record.extend(body);
    record
}

#[tokio::test]
async fn nodes_answer_foreign_hellos_with_the_alerts_of_real_ones() {
    guarded(async {
        for (tls, foreign_suites) in [
            (Tls::Ecdhe, [[0x00, 0x9d], [0xe0, 0x11]]),
            (Tls::StaticRsa, [[0xc0, 0x2c], [0xe0, 0x11]]),
            (Tls::Gm, [[0xc0, 0x2c], [0x00, 0x9d]]),
        ] {
            let devnet = Devnet::builder().nodes(1).tls(tls).start().await.unwrap();
            for suite in foreign_suites {
                assert_eq!(alert(&devnet, &hello([3, 3], suite)).await, 40, "{tls}, {suite:x?}");
            }
            assert_eq!(alert(&devnet, &hello([1, 1], [0xe0, 0x13])).await, 70, "{tls}: TLCP");
            until("the refused connections", || devnet.counters().refused == 3).await;
            devnet.stop().await;
        }
    })
    .await;
}

#[tokio::test]
async fn node_of_3x_refuses_to_resume_a_session_with_an_alert() {
    guarded(async {
        let mut offer = hello([1, 1], [0xe0, 0x13]);
        // The extension for tickets, with one of three bytes.
        let extension = [0, 7, 0, 35, 0, 3, 1, 2, 3];
        offer.extend(extension);
        offer[4] += extension.len() as u8;
        offer[8] += extension.len() as u8;
        for (refuse, expected) in [(true, Some(80)), (false, None)] {
            let devnet = of_3x(Tls::Tlcp).refuse_resumption(refuse).start().await.unwrap();
            let mut tcp = TcpStream::connect(devnet.node(0).address()).await.unwrap();
            tcp.write_all(&offer).await.unwrap();
            let mut answer = [0; 7];
            tcp.read_exact(&mut answer).await.unwrap();
            let alert = (answer[0] == 21).then_some(answer[6]);
            assert_eq!(alert, expected, "{answer:?}");
            devnet.stop().await;
        }
    })
    .await;
}

#[tokio::test]
async fn sessions_of_every_channel_can_be_reset() {
    guarded(async {
        for (tls, ..) in CHANNELS {
            let devnet = Devnet::builder().nodes(1).tls(tls).start().await.unwrap();
            let client = devnet.client().connect().await.unwrap();
            devnet.control("reset-sessions 0").await.unwrap();
            until("the loss", || client.stats().endpoints[0].losses == 1).await;
            until("the return", || client.stats().endpoints[0].connects == 2).await;
            devnet.stop().await;
        }
    })
    .await;
}

#[tokio::test]
async fn kind_of_tls_of_the_other_generation_is_refused() {
    for (generation, tls, usable) in [
        (Generation::V2, Tls::Tlcp, "ecdhe, static-rsa, gm or off"),
        (Generation::V3, Tls::Gm, "ecdhe, tlcp or off"),
        (Generation::V3, Tls::StaticRsa, "ecdhe, tlcp or off"),
    ] {
        let error = Devnet::builder().generation(generation).tls(tls).start().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains(usable), "{error}");
    }
}

/// The kinds of TLS of nodes of 3.x.
const OF_3X: [(Tls, Algorithm); 2] = [(Tls::Ecdhe, Algorithm::Rsa), (Tls::Tlcp, Algorithm::Sm2)];

fn of_3x(tls: Tls) -> DevnetBuilder {
    Devnet::builder().generation(Generation::V3).nodes(1).tls(tls)
}

#[tokio::test]
async fn nodes_of_3x_refuse_certificates_of_another_chain() {
    // Only connecting is limited in time: keys take long on a busy machine.
    for (tls, algorithm) in OF_3X {
        let devnet = of_3x(tls).start().await.unwrap();
        let node = devnet.node(0);
        assert_eq!(devnet.chain().kind(), ChainKind::v3(algorithm));
        let refused = async |source: CredentialSource| {
            let builder = Client::builder().endpoint(node.endpoint()).credential_source(source);
            guarded(builder.connect_timeout(GUARD).connect()).await.unwrap_err().kind()
        };
        let foreign = Chain::mint(&ChainOptions::of(ChainKind::v3(algorithm))).unwrap();
        let foreign = foreign.issue_by_script(None, Period::script()).unwrap();
        let foreign = foreign.trusting(&devnet.chain().ca_pem().unwrap());
        assert_eq!(refused(foreign.source()).await, ErrorKind::ClientCertificate, "{tls}");
        for certificate in [NodeCertificate::Foreign, NodeCertificate::Expired, NodeCertificate::NotYetValid]
        {
            node.show_certificate(certificate).unwrap();
            let kind = refused(devnet.credentials()).await;
            assert_eq!(kind, ErrorKind::NodeCertificate, "{tls}, {certificate:?}");
        }
        node.show_certificate(NodeCertificate::Valid).unwrap();
        let _ = guarded(node.client().connect_timeout(GUARD).connect()).await.unwrap();
        guarded(devnet.stop()).await;
    }
}

#[tokio::test]
async fn nodes_of_3x_answer_foreign_hellos_with_the_alerts_of_real_ones() {
    let rsa = of_3x(Tls::Ecdhe).start().await.unwrap();
    guarded(async {
        assert_eq!(alert(&rsa, &hello([1, 1], [0xe0, 0x13])).await, 70, "TLCP");
        assert_eq!(alert(&rsa, &hello([3, 2], [0xc0, 0x30])).await, 70, "TLS 1.1");
        assert_eq!(alert(&rsa, &hello([3, 3], [0xc0, 0x2c])).await, 40, "a suite for ECDSA");
        let sm = of_3x(Tls::Tlcp).start().await.unwrap();
        for suite in [[0xc0, 0x30], [0x00, 0x9d]] {
            assert_eq!(alert(&sm, &hello([3, 3], suite)).await, 40, "{suite:x?}");
        }
        for devnet in [rsa, sm] {
            let mut tcp = TcpStream::connect(devnet.node(0).address()).await.unwrap();
            tcp.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            // The request is still unread when the node closes, so that the end may be a reset.
            let _ = tcp.read_to_end(&mut answer).await;
            assert!(answer.is_empty(), "no alert: {answer:?}");
            devnet.stop().await;
        }
    })
    .await;
}

#[test]
fn identity_of_a_gm_chain_has_a_pair_for_encryption() {
    let chain = Chain::mint(&ChainOptions::of(Algorithm::Sm2)).unwrap();
    let sdk = chain.issue(Role::Sdk, "sdk", &LeafOptions::of(Algorithm::Sm2)).unwrap();
    assert!(matches!(sdk.source(), CredentialSource::GmPem { .. }));
    let (certificate, _) = sdk.encryption_pem().unwrap();
    assert_eq!(certificate.matches("BEGIN CERTIFICATE").count(), 1);
    assert_eq!(sdk.certificate_pem().matches("BEGIN CERTIFICATE").count(), 3);
    assert_eq!(sdk.with_encryption_of(None).encryption_pem(), None);
}

#[test]
fn chain_without_an_agency_is_reported() {
    let chain = Chain::mint(&ChainOptions::of(Algorithm::Rsa)).unwrap();
    let error = chain.issue(Role::Sdk, "sdk", &LeafOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("no agency"), "{error}");
}
