//! Chains on secp256k1 against our own node side: what connects and what is refused, by both.

use amop::ErrorKind;
use amop_devnet::chain::{LeafOptions, Role, Sent};

use crate::fixture::*;

#[tokio::test]
async fn sdk_and_node_of_one_chain_talk() {
    let network = Network::mint();
    let node = EchoNode::start(&network.node).await;
    let client = loaded(&network.sdk.source());
    for _ in 0..3 {
        assert_echo(&mut connect(&node.endpoint, &client).await.unwrap()).await;
    }
}

#[tokio::test]
async fn a_client_whose_certificate_misses_the_agency_is_refused() {
    let network = Network::mint();
    let node = EchoNode::start(&network.node).await;
    let options = LeafOptions { sent: Sent::LeafOnly, ..LeafOptions::default() };
    let alone = network.chain.issue(Role::Sdk, "sdk", &options).unwrap();
    let error = refused(&node.endpoint, &connector(&alone)).await;
    assert_error(&error, ErrorKind::ClientCertificate, &["48 UnknownCA", "append agency.crt", "CN=agency"]);
}
