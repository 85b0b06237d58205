//! Nodes with RSA certificates, as chains since 2.9.0 have them.

use amop::ErrorKind;
use amop::transport::{Connector, Credentials, dial};
use amop_devnet::chain::{Algorithm, Chain, ChainOptions, LeafOptions, Role};
use amop_devnet::{Devnet, NodeCertificate};

use crate::fixture::{connect, guarded};

#[tokio::test]
async fn a_client_uses_nodes_whose_certificates_are_of_version_1() {
    guarded(async {
        let devnet = Devnet::builder().rsa(true).start().await.unwrap();
        assert_eq!(devnet.chain().algorithm(), Algorithm::Rsa);
        let publisher = devnet.node(0).client().connect().await.unwrap();
        let subscriber = devnet.node(1).client().connect().await.unwrap();
        subscriber
            .serve("upper", async |request: amop::Request| request.data().to_ascii_uppercase())
            .await
            .unwrap();
        assert_eq!(&publisher.publish("upper", "hello").await.unwrap().data()[..], b"HELLO");
        drop((publisher, subscriber));
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn certificates_of_another_chain_are_refused_on_both_sides() {
    guarded(async {
        let devnet = Devnet::builder().nodes(1).rsa(true).start().await.unwrap();
        let node = devnet.node(0);
        let foreign = Chain::mint(&ChainOptions::of(Algorithm::Rsa)).unwrap();
        let foreign = foreign.issue(Role::Sdk, "sdk", &LeafOptions::of(Algorithm::Rsa)).unwrap();
        let foreign: Credentials = foreign.trusting(&devnet.chain().ca_pem().unwrap()).credentials().unwrap();
        let endpoint = node.endpoint().parse().unwrap();
        let refused = dial(&endpoint, &Connector::rustls(&foreign).unwrap()).await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::ClientCertificate, "{refused}");
        node.show_certificate(NodeCertificate::Foreign).unwrap();
        let refused = connect(&devnet, &node.endpoint()).await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::NodeCertificate, "{refused}");
        devnet.stop().await;
    })
    .await;
}

#[test]
fn a_chain_without_agency_says_so() {
    let chain = Chain::mint(&ChainOptions::of(Algorithm::Rsa)).unwrap();
    let error = chain.issue(Role::Sdk, "sdk", &LeafOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("no agency"), "{error}");
}
