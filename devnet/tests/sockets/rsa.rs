//! Nodes with RSA certificates, like chains since release 2.9.0.

use amop::ErrorKind;
use amop::transport::{Connector, Credentials, dial};
use amop_devnet::chain::{Algorithm, Chain, ChainOptions, LeafOptions, Role};
use amop_devnet::{Devnet, NodeCertificate};

use crate::fixture::{connect, guarded};

#[tokio::test]
async fn client_accepts_nodes_with_version_1_certificates() {
    guarded(async {
        let devnet = Devnet::builder().rsa(true).start().await.unwrap();
        assert_eq!(devnet.chain().algorithm(), Algorithm::Rsa);
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
    })
    .await;
}

#[tokio::test]
async fn both_sides_refuse_certificates_of_another_chain() {
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
fn chain_without_an_agency_is_reported() {
    let chain = Chain::mint(&ChainOptions::of(Algorithm::Rsa)).unwrap();
    let error = chain.issue(Role::Sdk, "sdk", &LeafOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("no agency"), "{error}");
}
