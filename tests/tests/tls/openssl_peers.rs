//! secp256k1 chains with OpenSSL as the node or the client, and chains that OpenSSL makes or verifies.

use amop::ErrorKind;
use amop_devnet::chain::{ChainOptions, Version};

use crate::fixture::*;
use crate::openssl::Folder;

/// Half of OpenSSL's signatures have s in the upper half, so that 50 handshakes have both kinds.
const HANDSHAKES: usize = 50;

#[tokio::test]
async fn fifty_handshakes_with_an_openssl_node_succeed() {
    let network = Network::mint();
    let folder = Folder::with("node", &network.node);
    let server = folder.serve("node", "-curves secp256k1").await;
    let client = loaded(&network.sdk.source());
    for _ in 0..HANDSHAKES {
        let mut stream = connect(&server.endpoint, &client).await.unwrap();
        assert_answer(&mut stream, b"abc\n", b"cba\n").await;
    }
}

#[tokio::test]
async fn signature_of_a_node_with_any_hash_is_accepted() {
    let network = Network::mint();
    let folder = Folder::with("node", &network.node);
    for hash in ["SHA256", "SHA384", "SHA512"] {
        let server = folder.serve("node", &format!("-curves secp256k1 -sigalgs ECDSA+{hash}")).await;
        let mut stream = connect(&server.endpoint, &connector(&network.sdk)).await.unwrap();
        assert_answer(&mut stream, b"abc\n", b"cba\n").await;
    }
}

#[tokio::test]
async fn openssl_node_refuses_a_client_of_another_chain() {
    let (network, other) = (Network::mint(), Network::mint());
    let folder = Folder::with("node", &network.node);
    let server = folder.serve("node", "-curves secp256k1").await;
    let foreign_client = other.sdk.clone().trusting(&network.chain.ca_pem().unwrap());
    let error = refused(&server.endpoint, &connector(&foreign_client)).await;
    assert_error(&error, ErrorKind::ClientCertificate, &["another chain than"]);
}

#[tokio::test]
async fn curve_of_the_session_may_differ_from_the_certificates() {
    let network = Network::mint();
    let folder = Folder::with("node", &network.node);
    let server = folder.serve("node", "-curves P-256:secp256k1").await;
    let mut stream = connect(&server.endpoint, &connector(&network.sdk)).await.unwrap();
    assert_answer(&mut stream, b"abc\n", b"cba\n").await;
}

#[tokio::test]
async fn s_client_needs_a_certificate() {
    let network = Network::mint();
    let folder = Folder::with("sdk", &network.sdk);
    let node = EchoNode::start(&network.node).await;
    let own = "-curves secp256k1 -cert sdk.crt -cert_chain sdk.crt -key sdk.key";
    let mut client = folder.client(&node.endpoint, own);
    assert!(client.echoes("to the node and back").await);
    assert!(client.succeeded().await);

    let mut without_certificate = folder.client(&node.endpoint, "-curves secp256k1");
    assert!(!without_certificate.echoes("to the node and back").await);
    assert!(!without_certificate.succeeded().await);

    let mut default_curves = folder.client(&node.endpoint, "-cert sdk.crt -cert_chain sdk.crt -key sdk.key");
    assert!(!default_curves.echoes("to the node and back").await);
    assert!(!default_curves.succeeded().await);
}

#[tokio::test]
async fn signature_of_a_client_with_any_hash_is_accepted() {
    let network = Network::mint();
    let folder = Folder::with("sdk", &network.sdk);
    let node = EchoNode::start(&network.node).await;
    let own = "-curves secp256k1 -cert sdk.crt -cert_chain sdk.crt -key sdk.key";
    for hash in ["SHA256", "SHA384", "SHA512", "SHA1"] {
        // By default OpenSSL 3 refuses to sign with SHA-1.
        let more = format!("{own} -cipher DEFAULT@SECLEVEL=0 -client_sigalgs ECDSA+{hash}");
        let mut client = folder.client(&node.endpoint, &more);
        assert!(client.echoes("to the node and back").await, "{hash}");
        assert!(client.succeeded().await, "{hash}");
    }
}

#[tokio::test]
async fn s_client_of_another_chain_is_refused() {
    let (network, other) = (Network::mint(), Network::mint());
    let node = EchoNode::start(&network.node).await;
    let folder = Folder::with("sdk", &other.sdk.clone().trusting(&network.chain.ca_pem().unwrap()));
    let own = "-curves secp256k1 -cert sdk.crt -cert_chain sdk.crt -key sdk.key";
    let mut client = folder.client(&node.endpoint, own);
    assert!(!client.echoes("to the node and back").await);
    assert!(!client.succeeded().await);
}

#[tokio::test]
async fn openssl_accepts_minted_chains() {
    for root_version in [Version::V1, Version::V3] {
        let network = Network::with(&ChainOptions { root_version, ..ChainOptions::default() });
        let folder = Folder::with("sdk", &network.sdk);
        folder.write("node.crt", network.node.certificate_pem());
        // OpenSSL accepts a version 1 root as a CA, except in its strict mode.
        let strict = if root_version == Version::V3 { "-x509_strict" } else { "" };
        for (name, purpose) in [("sdk", "sslclient"), ("node", "sslserver")] {
            let verify =
                format!("verify {strict} -purpose {purpose} -CAfile ca.crt -untrusted {name}.crt {name}.crt");
            folder.openssl(&verify).await;
        }
        folder.openssl("pkey -in sdk.key -noout -check").await;
    }
}

#[tokio::test]
async fn chain_made_by_the_scripts_commands_is_accepted() {
    let folder = Folder::new();
    script_chain(&folder).await;
    let server = folder.serve("node", "-curves secp256k1").await;
    let mut stream = connect(&server.endpoint, &loaded(&folder.source("sdk"))).await.unwrap();
    assert_answer(&mut stream, b"abc\n", b"cba\n").await;
}

/// A chain as the official script makes it: root of version 1, agency, node and SDK of version 3, each file with
/// the certificates above it.
async fn script_chain(folder: &Folder) {
    folder.write(
        "cert.cnf",
        "[req]\ndistinguished_name=dn\n[dn]\n[v3_req]\nbasicConstraints=CA:FALSE\n\
         keyUsage=nonRepudiation,digitalSignature,keyEncipherment\n[v4_req]\nbasicConstraints=CA:TRUE\n",
    );
    folder.openssl("ecparam -out secp256k1.param -name secp256k1").await;
    for name in ["ca", "agency", "node", "sdk"] {
        folder.openssl(&format!("genpkey -paramfile secp256k1.param -out {name}.key")).await;
        let subject = format!("/CN={name}/O=fisco-bcos/OU={name}");
        folder
            .openssl(&format!(
                "req -new -sha256 -subj {subject} -key {name}.key -config cert.cnf -out {name}.csr"
            ))
            .await;
    }
    folder.openssl("x509 -req -days 36500 -sha256 -in ca.csr -signkey ca.key -out ca.crt").await;
    let issue = |name: &str, issuer: &str, extensions: &str| {
        format!(
            "x509 -req -days 36500 -sha256 -in {name}.csr -CA {issuer}.crt -CAkey {issuer}.key -CAcreateserial \
             -extfile cert.cnf -extensions {extensions} -out {name}.crt"
        )
    };
    folder.openssl(&issue("agency", "ca", "v4_req")).await;
    let above = folder.read("agency.crt") + &folder.read("ca.crt");
    for name in ["node", "sdk"] {
        folder.openssl(&issue(name, "agency", "v3_req")).await;
        folder.write(&format!("{name}.crt"), &(folder.read(&format!("{name}.crt")) + &above));
    }
}

#[tokio::test]
async fn subject_of_a_peer_is_shown_escaped_and_cut() {
    let folder = Folder::new();
    folder.openssl("ecparam -name secp256k1 -genkey -noout -out node.key").await;
    let long = "/OU=organisational-unit".repeat(20);
    // An escape sequence, a mark that reverses the order of what is shown, a character without width.
    let subject = format!("/CN=node\u{1b}[31m\u{202e}\u{200b}{long}");
    folder
        .openssl(&format!("req -new -x509 -utf8 -days 36500 -subj {subject} -key node.key -out node.crt"))
        .await;
    folder.write("ca.crt", &folder.read("node.crt"));
    let server = folder.serve("node", "").await;
    let error = refused(&server.endpoint, &connector(&Network::mint().sdk)).await;
    assert_error(&error, ErrorKind::NodeCertificate, &["CN=node", "\\u{202e}", "\\u{200b}", "bytes)"]);
    let is_plain = |c: char| !c.is_control() && !('\u{200b}'..='\u{202e}').contains(&c);
    assert!(error.message().chars().all(is_plain), "{error:?}");
}
