//! Chains on secp256k1 with the library's own acceptor: which are accepted, and which side refuses the others.

use amop::ErrorKind;
use amop::transport::{Credentials, KeyExchange, NodeAcceptor};
use amop_devnet::chain::{Chain, ChainOptions, Issuer, LeafOptions, Period, Role, Sent, Version};

use crate::fixture::*;

#[tokio::test]
async fn sdk_and_node_of_one_chain_connect_repeatedly() {
    let network = Network::mint();
    let node = EchoNode::start(&network.node).await;
    let client = loaded(&network.sdk.source());
    for _ in 0..10 {
        assert_echo(&mut connect(&node.endpoint, &client).await.unwrap()).await;
    }
}

#[tokio::test]
async fn version_1_root_of_the_script_is_accepted() {
    let options = ChainOptions { root_version: Version::V1, ..ChainOptions::default() };
    let network = Network::with(&options);
    assert_talks(&network.node, &network.sdk).await;
}

#[tokio::test]
async fn file_with_leaf_and_agency_is_sufficient() {
    let network = Network::mint();
    let options = LeafOptions { sent: Sent::WithAgency, ..LeafOptions::default() };
    let sdk = network.chain.issue(Role::Sdk, "sdk", &options).unwrap();
    let node = network.chain.issue(Role::Node, "node1", &options).unwrap();
    assert_talks(&node, &sdk).await;
}

#[tokio::test]
async fn sdk_of_another_agency_is_accepted() {
    let network = Network::mint();
    let options = ChainOptions { agency: "agencyB".into(), ..ChainOptions::default() };
    let elsewhere = network.chain.with_another_agency(&options).unwrap();
    let sdk = elsewhere.issue(Role::Sdk, "sdk", &LeafOptions::default()).unwrap();
    assert_talks(&network.node, &sdk).await;
}

#[tokio::test]
async fn certificate_of_a_node_is_accepted_from_a_client() {
    let network = Network::mint();
    let other = network.chain.issue(Role::Node, "node1", &LeafOptions::default()).unwrap();
    assert_talks(&network.node, &other).await;
}

#[tokio::test]
async fn client_that_sends_no_agency_is_refused() {
    let network = Network::mint();
    let options = LeafOptions { sent: Sent::LeafOnly, ..LeafOptions::default() };
    let alone = network.chain.issue(Role::Sdk, "sdk", &options).unwrap();
    assert_client_refused(&network, &alone, &["48 UnknownCA", "append agency.crt", "CN=agency"]).await;
}

#[tokio::test]
async fn node_that_sends_no_agency_is_refused() {
    let network = Network::mint();
    let options = LeafOptions { sent: Sent::LeafOnly, ..LeafOptions::default() };
    let alone = network.chain.issue(Role::Node, "node1", &options).unwrap();
    assert_node_refused(&network, &alone, &["CN=node1", "issued by CN=agency", "in between"]).await;
}

#[tokio::test]
async fn node_of_another_ca_is_refused_whatever_its_name() {
    for root_version in [Version::V1, Version::V3] {
        let network = Network::with(&ChainOptions { root_version, ..ChainOptions::default() });
        let same_names = Network::with(&ChainOptions { root_version, ..ChainOptions::default() });
        assert_node_refused(&network, &same_names.node, &["CN=node0", "another chain", "same name"]).await;
        let other_names = ChainOptions {
            name: "other chain".into(),
            agency: "other agency".into(),
            root_version,
            ..ChainOptions::default()
        };
        let other = Network::with(&other_names);
        assert_node_refused(&network, &other.node, &["does not lead to the CA", "CN=fisco-bcos", "ca.crt"])
            .await;
    }
}

#[tokio::test]
async fn client_of_another_ca_is_refused() {
    let network = Network::mint();
    let other = Network::with(&ChainOptions { name: "other chain".into(), ..ChainOptions::default() });
    let foreign_client = other.sdk.clone().trusting(&network.chain.ca_pem().unwrap());
    assert_client_refused(&network, &foreign_client, &["48 UnknownCA", "CN=agency"]).await;
    let same_names = Network::mint();
    let foreign_client = same_names.sdk.clone().trusting(&network.chain.ca_pem().unwrap());
    assert_client_refused(&network, &foreign_client, &["another chain than"]).await;
}

#[tokio::test]
async fn refusal_of_an_expired_node_states_name_and_dates() {
    let network = Network::mint();
    let issue = |period| {
        let options = LeafOptions { period, ..LeafOptions::default() };
        network.chain.issue(Role::Node, "node7", &options).unwrap()
    };
    let expired = issue(Period::expired());
    assert_node_refused(
        &network,
        &expired,
        &["its certificate CN=node7", "is expired", "valid from 20", "T"],
    )
    .await;
    let early = issue(Period::not_yet_valid());
    assert_node_refused(&network, &early, &["its certificate CN=node7", "not valid yet", "clock"]).await;
}

#[tokio::test]
async fn refusal_of_an_expired_agency_states_name_and_dates() {
    for (period, what) in [(Period::expired(), "is expired"), (Period::not_yet_valid(), "not valid yet")] {
        let network = Network::with(&ChainOptions { agency_period: period, ..ChainOptions::default() });
        assert_node_refused(&network, &network.node, &["of its issuer CN=agency", what]).await;
    }
}

#[tokio::test]
async fn root_that_expires_while_the_client_runs_is_refused() {
    for root_version in [Version::V1, Version::V3] {
        let options =
            ChainOptions { root_period: Period::expired(), root_version, ..ChainOptions::default() };
        let network = Network::with(&options);
        assert_node_refused(&network, &network.node, &["the CA certificate CN=fisco-bcos", "is expired"])
            .await;
    }
}

#[tokio::test]
async fn expired_client_certificate_is_reported_to_the_client() {
    let network = Network::mint();
    let options = LeafOptions { period: Period::expired(), ..LeafOptions::default() };
    let expired = network.chain.issue(Role::Sdk, "sdk", &options).unwrap();
    assert_client_refused(&network, &expired, &["45 CertificateExpired", "clock"]).await;
    assert_eq!(Credentials::load(&expired.source()).unwrap_err().kind(), ErrorKind::CertificateDates);
}

#[tokio::test]
async fn renewed_ca_is_accepted_beside_the_old_one() {
    let old = ChainOptions { root_period: Period::expired(), ..ChainOptions::default() };
    let old = Chain::mint(&old).unwrap();
    let renewed = old.with_renewed_root(Period::script()).unwrap();
    let both = old.ca_pem().unwrap() + &renewed.ca_pem().unwrap();
    let options = LeafOptions { issuer: Issuer::Root, ..LeafOptions::default() };
    let node = renewed.issue(Role::Node, "node0", &options).unwrap().trusting(&both);
    let sdk = renewed.issue(Role::Sdk, "sdk", &options).unwrap().trusting(&both);
    assert_talks(&node, &sdk).await;
}

#[tokio::test]
async fn node_without_the_clients_curves_is_reported() {
    // The client offers every curve that the acceptor knows, so that a fixed answer stands for a node without them.
    let network = Network::mint();
    let node = RawNode::start(ALERT_HANDSHAKE_FAILURE).await;
    let error = refused(&node.endpoint, &connector(&network.sdk)).await;
    assert_error(
        &error,
        ErrorKind::TlsNoCommon,
        &["40 HandshakeFailure", "2.9.0", "RSA certificates", "GM or SM one"],
    );
}

#[tokio::test]
async fn every_curve_works() {
    let network = Network::mint();
    for group in KeyExchange::ALL {
        let node = EchoNode::with_groups(&network.node, &[group]).await;
        assert_echo(&mut connect(&node.endpoint, &connector(&network.sdk)).await.unwrap()).await;
    }
}

#[tokio::test]
async fn node_without_the_key_of_its_certificate_is_refused() {
    let network = Network::mint();
    let node = EchoNode::with_foreign_key(&network.node).await;
    let error = refused(&node.endpoint, &connector(&network.sdk)).await;
    assert_error(&error, ErrorKind::NodeCertificate, &["does not hold the private key"]);
}

#[tokio::test]
async fn acceptor_reports_why_it_refused_a_client() {
    let network = Network::mint();
    let options = LeafOptions { period: Period::expired(), ..LeafOptions::default() };
    let expired = network.chain.issue(Role::Sdk, "sdk", &options).unwrap();
    let acceptor =
        NodeAcceptor::new(&network.node.credentials().unwrap(), &[KeyExchange::Secp256k1]).unwrap();
    let (endpoint, listener) = listen().await;
    let accept = async { acceptor.accept(listener.accept().await.unwrap().0).await };
    let client = connector(&expired);
    let (accepted, _) = tokio::join!(accept, refused(&endpoint, &client));
    assert_error(&accepted.err().unwrap(), ErrorKind::Tls, &["client's TLS handshake", "Expired"]);
}
