//! Leaves of chains of 3.x, which their script marks as certificates of CAs: accepted with an RSA key or one on P-256 if the
//! CA issued them directly, and nowhere else.

use amop_devnet::chain::{
    Algorithm, Chain, ChainKind, ChainOptions, Issuer, LeafOptions, Period, Role, Sent, Version,
};

use crate::fixture::*;

fn rsa() -> ChainOptions {
    ChainOptions::of(ChainKind::v3(Algorithm::Rsa))
}

fn leaf() -> LeafOptions {
    LeafOptions::of(ChainKind::v3(Algorithm::Rsa))
}

#[tokio::test]
async fn leaf_with_the_mark_of_a_ca_is_accepted_by_both_sides() {
    for algorithm in [Algorithm::Rsa, Algorithm::P256] {
        for root_version in [Version::V1, Version::V3] {
            let options = ChainOptions::of(ChainKind::v3(algorithm));
            let network = Network::with(&ChainOptions { root_version, ..options });
            assert_talks(&network.node, &network.sdk).await;
        }
    }
}

#[tokio::test]
async fn marked_leaf_of_another_ca_is_refused_by_both_sides() {
    let network = Network::with(&rsa());
    let same_names = Chain::mint(&rsa()).unwrap();
    let node = same_names.issue(Role::Node, "node1", &leaf()).unwrap();
    assert_node_refused(&network, &node, &["another chain", "same name"]).await;
    let sdk = same_names.issue(Role::Sdk, "sdk1", &leaf()).unwrap();
    let sdk = sdk.trusting(&network.chain.ca_pem().unwrap());
    assert_client_refused(&network, &sdk, &["alert 51 DecryptError"]).await;
    let other_names = Chain::mint(&ChainOptions { name: "other chain".into(), ..rsa() }).unwrap();
    let node = other_names.issue(Role::Node, "node1", &leaf()).unwrap();
    assert_node_refused(&network, &node, &["CN=node1", "does not lead to the CA"]).await;
}

#[tokio::test]
async fn dates_of_a_marked_leaf_are_checked() {
    let network = Network::with(&rsa());
    for (period, what) in [(Period::expired(), "is expired"), (Period::not_yet_valid(), "not valid yet")] {
        let node = network.chain.issue(Role::Node, "node1", &LeafOptions { period, ..leaf() }).unwrap();
        assert_node_refused(&network, &node, &["CN=node1", what]).await;
    }
}

#[tokio::test]
async fn agency_on_another_curve_is_refused_as_a_leaf() {
    let network = Network::mint();
    // What the script of 3.x would write, with keys on secp256k1.
    let chain = Chain::mint(&ChainOptions::of(ChainKind::v3(Algorithm::Secp256k1))).unwrap();
    let options = LeafOptions { issuer: Issuer::Root, sent: Sent::LeafOnly, ..LeafOptions::default() };
    let node = chain.issue(Role::Node, "node1", &options).unwrap();
    let own = Network { sdk: chain.issue(Role::Sdk, "sdk", &options).unwrap(), ..network };
    assert_node_refused(&own, &node, &["showed a CA's certificate", "CN=node1"]).await;
}
