//! The kinds of channels: which one a client takes with which credentials, and what it remembers.

use std::path::Path;
use std::time::Duration;

use amop::transport::{CredentialSource, Generations};
use amop::{Client, ClientBuilder, ErrorKind, Request, Tls};
use amop_devnet::ChannelAcceptor;
use amop_devnet::chain::{Algorithm, Chain, ChainOptions, Issuer, LeafOptions, Role};
use amop_devnet::{Devnet, DevnetBuilder};
use tempfile::TempDir;

use crate::fixture::{GUARD, devnet_with, patient, soon, until};
use crate::garbage::FakeNode;

/// Starts one node with this kind of channel, whose credentials are in a folder.
async fn in_folder(folder: &Path, tls: Tls) -> Devnet {
    devnet_with(one_node().dir(folder), tls).await
}

fn one_node() -> DevnetBuilder {
    Devnet::builder().nodes(1)
}

/// Connects, and returns the kind of TLS that the client has taken.
async fn taken(builder: ClientBuilder) -> (Client, Tls) {
    let client = builder.connect().await.unwrap();
    let tls = client.stats().endpoints[0].tls.expect("the client is connected");
    (client, tls)
}

async fn assert_talks(client: &Client, topic: &str) {
    let _service =
        client.serve(topic).for_each(async |request: Request| request.data().clone()).await.unwrap();
    let long = vec![7; 100_000];
    assert_eq!(client.publish(topic, long.clone()).await.unwrap().data()[..], long[..]);
}

/// Returns how many connections the node has refused.
fn refused(devnet: &Devnet) -> u64 {
    devnet.counters().refused
}

#[tokio::test]
async fn credentials_decide_the_kind_of_channel() {
    for (tls, before) in [(Tls::Ecdhe, 0), (Tls::StaticRsa, 1), (Tls::Gm, 1)] {
        let devnet = devnet_with(one_node(), tls).await;
        let (client, seen) = taken(patient(devnet.client())).await;
        assert_eq!(seen, tls);
        // ECDHE comes before static RSA, and TLCP before GM: the credentials are in memory, without names.
        assert_eq!(refused(&devnet), before, "{tls}");
        assert_talks(&client, "talk").await;
    }
}

#[tokio::test]
async fn way_that_worked_is_tried_first_the_next_time() {
    for tls in [Tls::StaticRsa, Tls::Gm] {
        let devnet = devnet_with(one_node(), tls).await;
        let builder = patient(devnet.client()).reconnect_min(Duration::from_millis(1));
        let (client, _) = taken(builder).await;
        assert_eq!(refused(&devnet), 1);
        for connects in 2..5 {
            devnet.node(0).cut_sessions();
            until("the next session", || client.stats().endpoints[0].connects == connects).await;
        }
        assert_eq!(refused(&devnet), 1, "no further attempt was in vain");
    }
}

#[tokio::test]
async fn folder_of_the_sdk_leads_to_its_gm_set() {
    let folder = TempDir::new().unwrap();
    let devnet = in_folder(folder.path(), Tls::Gm).await;
    let sdk = folder.path().join("sdk");
    let at = || Client::builder().endpoint(devnet.node(0).endpoint());
    let (client, tls) = taken(at().credentials(&sdk)).await;
    assert_eq!((tls, refused(&devnet)), (Tls::Gm, 2), "ECDHE and static RSA come first");
    assert_talks(&client, "folder").await;
    // The folder above, the folder with the GM set, and a file of it.
    for given in [folder.path().to_owned(), sdk.join("gm"), sdk.join("gm/gmsdk.crt")] {
        let (_client, tls) = taken(at().credentials(&given)).await;
        assert_eq!(tls, Tls::Gm, "{}", given.display());
    }
    assert_eq!(refused(&devnet), 4, "only the folder above leads to both sets");
    let gm = |name: &str| sdk.join("gm").join(name);
    let files = at().credential_files_gm(
        gm("gmca.crt"),
        gm("gmsdk.crt"),
        gm("gmsdk.key"),
        gm("gmensdk.crt"),
        gm("gmensdk.key"),
    );
    assert_eq!(taken(files).await.1, Tls::Gm);
    assert_eq!(refused(&devnet), 4, "names beginning with gm exclude TLCP");
}

#[tokio::test]
async fn named_files_never_lead_to_others() {
    let folder = TempDir::new().unwrap();
    let devnet = in_folder(folder.path(), Tls::Gm).await;
    let sdk = folder.path().join("sdk");
    let at = || Client::builder().endpoint(devnet.node(0).endpoint());
    let named = at().credential_files(sdk.join("ca.crt"), sdk.join("sdk.crt"), sdk.join("sdk.key"));
    for builder in [named, at().credentials(sdk.join("sdk.crt"))] {
        let error = builder.connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TlsNoCommon, "{error}");
        assert!(error.message().contains("GM channel (-G)"), "{error}");
    }
}

#[tokio::test]
async fn option_pins_the_kind_of_tls() {
    let folder = TempDir::new().unwrap();
    let devnet = in_folder(folder.path(), Tls::Gm).await;
    let at = || {
        let builder = Client::builder().endpoint(devnet.node(0).endpoint());
        builder.credentials(folder.path().join("sdk"))
    };
    for (tls, kind) in [
        (Tls::Ecdhe, ErrorKind::TlsNoCommon),
        (Tls::StaticRsa, ErrorKind::TlsNoCommon),
        (Tls::Tlcp, ErrorKind::InvalidArgument),
    ] {
        let error = at().tls(tls).connect().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{tls}: {error}");
    }
    assert_eq!(refused(&devnet), 2, "one attempt each, none for credentials that do not fit");
    assert_eq!(taken(at().tls(Tls::Gm)).await.1, Tls::Gm);
    assert_eq!(refused(&devnet), 2);
}

#[tokio::test]
async fn kind_that_does_not_fit_the_credentials_is_reported() {
    let devnet = devnet_with(one_node(), Tls::Ecdhe).await;
    let error = patient(devnet.client()).tls(Tls::StaticRsa).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("use ecdhe or auto"), "{error}");
}

#[tokio::test]
async fn nothing_else_is_tried_after_ecdhe_has_worked() {
    let first = devnet_with(one_node(), Tls::Ecdhe).await;
    let port = first.node(0).address().port();
    let CredentialSource::Pem { .. } = first.credentials() else { panic!("in memory") };
    let client = patient(first.client()).reconnect_min(Duration::from_millis(1)).connect().await.unwrap();
    first.stop().await;
    // A GM node takes the place of the first. The client tries the way that worked only.
    let other = devnet_with(Devnet::builder().ports([port]), Tls::Gm).await;
    until("two attempts", || refused(&other) >= 2).await;
    let stats = client.stats().endpoints[0].clone();
    assert_eq!((stats.tls, stats.connected), (Some(Tls::Ecdhe), false));
}

#[tokio::test]
async fn gm_credentials_without_the_pair_for_encryption_are_refused_before_connecting() {
    let devnet = devnet_with(one_node(), Tls::Gm).await;
    let CredentialSource::GmPem { ca, cert, key, .. } = devnet.credentials() else { panic!("in memory") };
    let builder =
        Client::builder().endpoint(devnet.node(0).endpoint()).credential_pem(ca, cert, key.to_vec());
    let error = builder.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CredentialsInvalid);
    assert!(error.message().contains("second one for encryption"), "{error}");
    assert_eq!(devnet.counters().accepted, 0);
}

/// Every way to give the files of an SM chain, as its script writes them.
#[tokio::test]
async fn files_of_an_sm_chain_lead_to_tlcp() {
    let chain = Chain::mint(&ChainOptions::of(Algorithm::Sm2)).unwrap();
    let leaf = LeafOptions { issuer: Issuer::Root, ..LeafOptions::of(Algorithm::Sm2) };
    let issue = |role| chain.issue(role, "issued", &leaf).unwrap();
    let acceptor = ChannelAcceptor::tlcp(&issue(Role::Node).credentials().unwrap()).unwrap();
    let node = FakeNode::with(acceptor).await;
    let folder = TempDir::new().unwrap();
    let sdk = folder.path().join("sdk");
    std::fs::create_dir(&sdk).unwrap();
    let identity = issue(Role::Sdk);
    let (enc_cert, enc_key) = identity.encryption_pem().unwrap();
    let names = ["sm_ca.crt", "sm_sdk.crt", "sm_sdk.key", "sm_ensdk.crt", "sm_ensdk.key"];
    let contents = [identity.ca_pem(), identity.certificate_pem(), identity.key_pem(), enc_cert, enc_key];
    for (name, content) in names.into_iter().zip(contents) {
        std::fs::write(sdk.join(name), content).unwrap();
    }
    let at = || Client::builder().endpoint(&node.endpoint).generation(Generations::V2).connect_timeout(GUARD);
    let mut builders = vec![at().credentials(folder.path()), at().credentials(&sdk)];
    builders.extend(names.map(|name| at().credentials(sdk.join(name))));
    let [ca, cert, key, enc_cert, enc_key] = names.map(|name| sdk.join(name));
    builders.push(at().credential_files_gm(ca, cert, key, enc_cert, enc_key));
    builders.push(at().credential_source(identity.source()));
    builders.push(at().credential_source(identity.source()).tls(Tls::Tlcp));
    for builder in builders {
        let (client, _stream) =
            soon("the client", async { tokio::join!(builder.connect(), node.accept_ready()) }).await;
        let client = client.unwrap();
        until("the session", || client.stats().endpoints[0].tls == Some(Tls::Tlcp)).await;
    }
}
