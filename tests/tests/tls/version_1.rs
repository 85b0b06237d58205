//! Leaves of X.509 version 1, which scripts of RSA chains make: accepted with an RSA key under an RSA CA, and nowhere else.

use amop_devnet::chain::{
    Algorithm, Chain, ChainOptions, Identity, Issuer, LeafOptions, Period, Role, Sent, Version,
};

use crate::fixture::*;
use crate::openssl::Folder;

fn rsa() -> ChainOptions {
    ChainOptions::of(Algorithm::Rsa)
}

/// As the script of RSA chains makes it: of version 1, issued by the CA.
fn leaf() -> LeafOptions {
    LeafOptions::of(Algorithm::Rsa)
}

#[tokio::test]
async fn leaf_issued_by_the_ca_is_accepted_by_both_sides() {
    for root_version in [Version::V1, Version::V3] {
        let network = Network::with(&ChainOptions { root_version, ..rsa() });
        assert_talks(&network.node, &network.sdk).await;
    }
}

#[tokio::test]
async fn leaf_of_another_ca_is_refused_by_both_sides() {
    let network = Network::with(&rsa());
    let same_names = Chain::mint(&rsa()).unwrap();
    let node = same_names.issue(Role::Node, "node1", &leaf()).unwrap();
    assert_node_refused(&network, &node, &["another chain", "same name"]).await;
    // A node judges by the CA that the client sends along, and by its own CA if the client sends none.
    for (sent, alert) in [(Sent::WholeChain, "alert 48 UnknownCA"), (Sent::LeafOnly, "alert 51 DecryptError")]
    {
        let sdk = same_names.issue(Role::Sdk, "sdk1", &LeafOptions { sent, ..leaf() }).unwrap();
        let foreign_client = sdk.trusting(&network.chain.ca_pem().unwrap());
        assert_client_refused(&network, &foreign_client, &[alert]).await;
    }
    let other_names = Chain::mint(&ChainOptions { name: "other chain".into(), ..rsa() }).unwrap();
    let node = other_names.issue(Role::Node, "node1", &leaf()).unwrap();
    assert_node_refused(&network, &node, &["CN=node1", "does not lead to the CA"]).await;
}

#[tokio::test]
async fn secp256k1_leaf_of_version_1_is_refused_by_both_sides() {
    let network = Network::mint();
    for issuer in [Issuer::Root, Issuer::Agency] {
        let options = LeafOptions { version: Version::V1, issuer, ..LeafOptions::default() };
        let node = network.chain.issue(Role::Node, "node1", &options).unwrap();
        assert_node_refused(&network, &node, &["CN=node1", "version 1", "RSA keys only"]).await;
        let sdk = network.chain.issue(Role::Sdk, "sdk1", &options).unwrap();
        assert_client_refused(&network, &sdk, &["42 BadCertificate"]).await;
    }
}

#[tokio::test]
async fn rsa_leaf_of_version_1_under_a_secp256k1_ca_is_refused() {
    let folder = Folder::new();
    folder.openssl("ecparam -name secp256k1 -genkey -noout -out ca.key").await;
    folder.openssl("req -new -x509 -days 36500 -subj /CN=mixed -key ca.key -out ca.crt").await;
    for name in ["node", "sdk"] {
        folder
            .openssl(&format!(
                "req -new -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"
            ))
            .await;
        let issue = "x509 -req -days 36500 -sha256 -CA ca.crt -CAkey ca.key -CAcreateserial";
        folder.openssl(&format!("{issue} -in {name}.csr -out {name}.crt")).await;
    }
    let server = folder.serve("node", "").await;
    let error = refused(&server.endpoint, &loaded(&folder.source("sdk"))).await;
    assert_error(&error, amop::ErrorKind::NodeCertificate, &["CN=node", "does not lead to the CA"]);
}

#[tokio::test]
async fn renewed_ca_is_accepted_beside_the_old_one() {
    let old = Chain::mint(&ChainOptions { root_period: Period::expired(), ..rsa() }).unwrap();
    let renewed = old.with_renewed_root(Period::script()).unwrap();
    let both = old.ca_pem().unwrap() + &renewed.ca_pem().unwrap();
    let issue = |role, name| -> Identity { renewed.issue(role, name, &leaf()).unwrap().trusting(&both) };
    assert_talks(&issue(Role::Node, "node0"), &issue(Role::Sdk, "sdk")).await;
}

#[tokio::test]
async fn dates_of_leaf_and_ca_are_checked() {
    let network = Network::with(&rsa());
    for (period, what) in [(Period::expired(), "is expired"), (Period::not_yet_valid(), "not valid yet")] {
        let node = network.chain.issue(Role::Node, "node1", &LeafOptions { period, ..leaf() }).unwrap();
        assert_node_refused(&network, &node, &["its certificate CN=node1", what]).await;
    }
    let expired = Network::with(&ChainOptions { root_period: Period::expired(), ..rsa() });
    assert_node_refused(&expired, &expired.node, &["the CA certificate", "is expired"]).await;
}
