//! RSA chains: nodes with ECDHE are supported, with certificates of version 1 and 3; nodes with static RSA are not.

use amop::ErrorKind;
use amop::transport::{Credentials, KeyExchange, TakenClients, server_config};

use crate::fixture::*;
use crate::openssl::Folder;

/// The version of the leaves, which decides how a chain is checked.
#[derive(Clone, Copy)]
enum Leaf {
    /// That of 2.x chains.
    V1,
    /// That of 3.x chains.
    V3,
}

/// Makes a chain as the official script does: a CA of version 1 that issues node and SDK directly.
async fn rsa_chain(leaf: Leaf) -> Folder {
    let folder = Folder::new();
    folder.write("ca.cnf", "[req]\ndistinguished_name=dn\n[dn]\n[v3_req]\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature,keyEncipherment\n");
    for name in ["ca", "node", "sdk"] {
        folder
            .openssl(&format!("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out {name}.key"))
            .await;
        let subject = format!("/CN={name}/O=fisco-bcos/OU={name}");
        folder
            .openssl(&format!(
                "req -new -sha256 -subj {subject} -key {name}.key -config ca.cnf -out {name}.csr"
            ))
            .await;
    }
    folder.openssl("x509 -req -days 36500 -sha256 -in ca.csr -signkey ca.key -out ca.crt").await;
    for name in ["node", "sdk"] {
        let extensions = match leaf {
            Leaf::V1 => "",
            Leaf::V3 => "-extfile ca.cnf -extensions v3_req",
        };
        let issue = "x509 -req -days 36500 -sha256 -CA ca.crt -CAkey ca.key -CAcreateserial";
        folder.openssl(&format!("{issue} -in {name}.csr {extensions} -out {name}.crt")).await;
    }
    folder
}

#[tokio::test]
async fn node_with_ecdhe_is_accepted() {
    for leaf in [Leaf::V1, Leaf::V3] {
        let folder = rsa_chain(leaf).await;
        let client = loaded(&folder.source("sdk"));
        let server = folder.serve("node", "").await;
        for _ in 0..3 {
            let mut stream = connect(&server.endpoint, &client).await.unwrap();
            assert_answer(&mut stream, b"abc\n", b"cba\n").await;
        }

        let node = Credentials::load(&folder.source("node")).unwrap();
        let node = EchoNode::with_config(
            server_config(&node, &[KeyExchange::X25519], TakenClients::OfTheChain).unwrap(),
        )
        .await;
        assert_echo(&mut connect(&node.endpoint, &client).await.unwrap()).await;
        let mut s_client = folder.client(&node.endpoint, "-cert sdk.crt -key sdk.key");
        assert!(s_client.echoes("to the node and back").await);
        assert!(s_client.succeeded().await);
    }
}

#[tokio::test]
async fn other_ca_of_the_same_name_is_refused_by_both_sides() {
    for leaf in [Leaf::V1, Leaf::V3] {
        let (folder, other) = (rsa_chain(leaf).await, rsa_chain(leaf).await);
        let server = other.serve("node", "").await;
        let error = refused(&server.endpoint, &loaded(&folder.source("sdk"))).await;
        assert_error(&error, ErrorKind::NodeCertificate, &["CN=node", "another chain", "same name"]);

        // This client trusts the other chain's node, but its certificate is not of that chain.
        folder.write("ca.crt", &other.read("ca.crt"));
        let error = refused(&server.endpoint, &loaded(&folder.source("sdk"))).await;
        assert_error(&error, ErrorKind::ClientCertificate, &["refused this client's certificate"]);
        let node = Credentials::load(&other.source("node")).unwrap();
        let node = EchoNode::with_config(
            server_config(&node, &[KeyExchange::X25519], TakenClients::OfTheChain).unwrap(),
        )
        .await;
        let error = refused(&node.endpoint, &loaded(&folder.source("sdk"))).await;
        assert_error(&error, ErrorKind::ClientCertificate, &["refused this client's certificate"]);
    }
}

#[tokio::test]
async fn static_rsa_node_shares_no_suite_with_the_client() {
    let folder = rsa_chain(Leaf::V1).await;
    let server = folder.serve("node", "-cipher AES256-GCM-SHA384:AES128-GCM-SHA256:AES128-SHA").await;
    let error = refused(&server.endpoint, &loaded(&folder.source("sdk"))).await;
    assert_error(
        &error,
        ErrorKind::TlsNoCommon,
        &["secp256k1 certificates", "-R", "GM channel (-G)", "RSA ones"],
    );
}

#[tokio::test]
async fn error_at_a_static_rsa_node_names_the_kind_of_node() {
    let folder = rsa_chain(Leaf::V1).await;
    let server = folder.serve("node", "-cipher AES256-GCM-SHA384").await;
    let error = refused(&server.endpoint, &connector(&Network::mint().sdk)).await;
    assert_error(
        &error,
        ErrorKind::TlsNoCommon,
        &["2.9.0", "RSA certificates", "GM or SM one", "ECDSA ones"],
    );
}
