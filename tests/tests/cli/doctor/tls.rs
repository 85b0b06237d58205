//! Problems between the two sides of TLS.

use std::io::{self, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use amop::Tls;
use amop::transport::{KeyExchange, NodeAcceptor};
use amop_devnet::ChannelAcceptor;
use amop_devnet::chain::{Algorithm, Chain, ChainOptions, Identity, LeafOptions, Role};
use amop_devnet::{Devnet, NodeCertificate, OnConnect};

use super::diagnosis::Diagnosis;
use super::forged_node::{ForgedNode, frames, replying};
use super::openssl::{openssl, rsa_chain, serve, serve_version, write};
use crate::amop::{Place, with_patience};

const OWN: &[&str] = &["--credentials", "own"];

#[test]
fn rsa_channel() {
    let place = Place::with_nodes();
    let folder = place.folder().join("own");
    rsa_chain(&folder);
    let node = serve(&folder, "-cert node.crt -key node.key -CAfile ca.crt -Verify 1 -cipher kRSA+AES");
    // With others than the credentials of its chain, without any, and with the right ones, but the wrong option.
    let seen = "only static RSA; in use are secp256k1 credentials";
    Diagnosis::of(&place, &node.endpoint, &[]).is("tls", 5, "rsa-channel", seen);
    let none = Diagnosis::of(&place, &node.endpoint, &["--credentials", "nowhere"]);
    none.is("credentials", 3, "no-credentials", "nowhere");
    none.is_ok("tls", "TLS with static RSA, as 2.x nodes");
    none.is_ok("certificate", "CN=node");
    let pinned = Diagnosis::of(&place, &node.endpoint, &[OWN, &["--tls", "ecdhe"]].concat());
    pinned.is("tls", 5, "rsa-channel", "in use are RSA credentials, tls ecdhe");
}

/// A node of one kind, the credentials of its chain, and what doctor says of it to others.
struct Party {
    /// The endpoint of the node.
    node: String,
    /// The credentials, as an argument.
    credentials: &'static str,
    /// The finding for others, and what its advice names.
    finding: &'static str,
    headline: &'static str,
    advice: &'static str,
    /// What is said of the credentials, of TLS, and of the node without any credentials.
    class: &'static str,
    tls: &'static str,
    alone: &'static str,
}

/// Every kind of node with every kind of credentials: those of its chain work; others are named with what to use, by other
/// verbs too.
#[test]
fn every_channel_with_every_kind_of_credentials() {
    let place = Place::with_nodes();
    let [ecdsa, rsa, gm] = [Tls::Ecdhe, Tls::StaticRsa, Tls::Gm].map(|tls| {
        let folder = place.folder().join(tls.name());
        Devnet::builder().nodes(1).dir(&folder).tls(tls).start_blocking().unwrap()
    });
    let tlcp = Chain::mint(&ChainOptions::of(Algorithm::Sm2)).unwrap();
    let issue =
        |chain: &Chain, role| chain.issue(role, "issued", &LeafOptions::of(chain.algorithm())).unwrap();
    write_sm(&place.folder().join("tlcp"), &issue(&tlcp, Role::Sdk));
    let tlcp = ChannelAcceptor::tlcp(&issue(&tlcp, Role::Node).credentials().unwrap()).unwrap();
    let tlcp = ForgedNode::with(tlcp, frames(replying("2.7.2")));
    // A node with RSA certificates and ECDHE, as those of 3.x.
    let ordinary = issue(rsa.chain(), Role::Node).credentials().unwrap();
    let ordinary = NodeAcceptor::new(&ordinary, &[KeyExchange::X25519]).unwrap();
    let ordinary = ForgedNode::with(ChannelAcceptor::Ecdhe(ordinary), frames(replying("2.7.2")));
    let parties = [
        Party {
            node: ecdsa.endpoints()[0].clone(),
            credentials: "ecdhe/sdk",
            finding: "secp256k1-channel",
            headline: "a channel with secp256k1 certificates",
            advice: "build_chain.sh -R",
            class: "secp256k1",
            tls: "TLS 1.2, ",
            alone: "on secp256k1",
        },
        Party {
            node: rsa.endpoints()[0].clone(),
            credentials: "static-rsa/sdk",
            finding: "rsa-channel",
            headline: "an RSA channel",
            advice: "ca.crt, sdk.crt and sdk.key",
            class: "RSA",
            tls: "static RSA (no forward secrecy)",
            alone: "static RSA",
        },
        Party {
            node: gm.endpoints()[0].clone(),
            // A file, because its folder leads to the RSA set too.
            credentials: "gm/sdk/gm/gmsdk.crt",
            finding: "gm-channel",
            headline: "a GM channel",
            advice: "gmca.crt, gmsdk.crt, gmsdk.key, gmensdk.crt and gmensdk.key",
            class: "SM2 for GM over TLS 1.2",
            tls: "GM over TLS 1.2",
            alone: "GM over TLS 1.2",
        },
        Party {
            node: tlcp.endpoint.clone(),
            credentials: "tlcp",
            finding: "tlcp-channel",
            headline: "a channel with TLCP",
            advice: "sm_ca.crt, sm_sdk.crt, sm_sdk.key, sm_ensdk.crt and sm_ensdk.key",
            class: "SM2 for TLCP",
            tls: "TLCP",
            alone: "TLCP",
        },
        Party {
            node: ordinary.endpoint.clone(),
            credentials: "static-rsa/sdk",
            finding: "foreign-tls",
            // A server that no client can use.
            headline: "",
            advice: "with credentials of its chain",
            class: "RSA",
            tls: "TLS 1.2, ",
            alone: "",
        },
    ];
    for party in &parties {
        for other in &parties {
            let diagnosis = Diagnosis::of(&place, &party.node, &["--credentials", other.credentials]);
            if other.credentials == party.credentials {
                diagnosis.works();
                diagnosis.is_ok("credentials", party.class);
                diagnosis.is_ok("tls", party.tls);
            } else {
                diagnosis.is("tls", 5, party.finding, "");
                diagnosis.advises(party.finding, party.advice);
                let ended =
                    place.run(&["publish", &party.node, "t", "hi", "--credentials", other.credentials]);
                assert_eq!(ended.code, 5, "{ended:?}");
                assert!(ended.stderr[0].contains(party.headline), "{} {ended:?}", other.credentials);
            }
        }
        let diagnosis = Diagnosis::of(&place, &party.node, &["--credentials", "nowhere"]);
        if party.finding != "foreign-tls" {
            diagnosis.is("credentials", 3, "no-credentials", "nowhere");
            diagnosis.is_ok("tls", party.alone);
        } else {
            assert!(diagnosis.finds(party.finding), "{diagnosis:#?}");
        }
    }
    // The SDK's folder of a GM chain holds an RSA set, which leads to the GM set.
    let diagnosis = Diagnosis::of(&place, &parties[2].node, &["--credentials", "gm/sdk"]);
    diagnosis.works();
    diagnosis.is_ok("credentials", "gmsdk.crt");
    diagnosis.is_ok("tls", "GM over TLS 1.2");
    diagnosis.is_ok("certificate", "CN=node0");
}

/// Writes credentials as the script of 3.x names them.
fn write_sm(folder: &Path, sdk: &Identity) {
    std::fs::create_dir_all(folder).unwrap();
    let (enc_cert, enc_key) = sdk.encryption_pem().unwrap();
    for (name, content) in [
        ("sm_ca.crt", sdk.ca_pem()),
        ("sm_sdk.crt", sdk.certificate_pem()),
        ("sm_sdk.key", sdk.key_pem()),
        ("sm_ensdk.crt", enc_cert),
        ("sm_ensdk.key", enc_key),
    ] {
        std::fs::write(folder.join(name), content).unwrap();
    }
}

/// TLCP credentials at a node of generation 2.
#[test]
fn tlcp_credentials_at_a_gm_channel() {
    let place = Place::with_nodes();
    let node = Devnet::builder().nodes(1).gm(true).start_blocking().unwrap();
    let leaf = LeafOptions::of(node.chain().algorithm());
    let sdk = node.chain().issue(Role::Sdk, "sdk", &leaf).unwrap();
    write_sm(&place.folder().join("own"), &sdk);
    let diagnosis = Diagnosis::of(&place, &node.endpoints()[0], OWN);
    diagnosis.is("tls", 5, "gm-channel", "in use are SM2 credentials, tls tlcp");
}

#[test]
fn foreign_tls() {
    let place = Place::with_nodes();
    openssl(place.folder(), "ecparam -name prime256v1 -genkey -noout -out web.key");
    let request = "req -x509 -new -key web.key -subj /CN=web -days 30 -out web.crt";
    openssl(place.folder(), request);
    let web = serve(place.folder(), "-cert web.crt -key web.key -curves P-256");
    let diagnosis = Diagnosis::of(&place, &web.endpoint, &[]);
    diagnosis.is("tls", 5, "foreign-tls", "refused one on secp256k1; its certificate: CN=web");
}

#[test]
fn server_of_tls_1_3_only_is_foreign() {
    let place = Place::with_nodes();
    openssl(place.folder(), "ecparam -name prime256v1 -genkey -noout -out web.key");
    openssl(place.folder(), "req -x509 -new -key web.key -subj /CN=web -days 30 -out web.crt");
    let web = serve_version("-tls1_3", place.folder(), "-cert web.crt -key web.key");
    Diagnosis::of(&place, &web.endpoint, &[]).is("tls", 5, "foreign-tls", "refused TLS 1.2");
}

/// The connections of the steps up to the second attempt: TCP, TLS, one for each kind of offer.
const SLOW: usize = 7;

/// The first connections let 7 bytes of the node pass, which is an alert as a whole and the beginning of all else.
#[test]
fn slow_link_is_not_a_dead_one() {
    let place = Place::with_nodes();
    let diagnosis = with_patience(|limit| {
        let link = proxy(place.endpoint(0), |number| [u64::MAX, if number < SLOW { 7 } else { u64::MAX }]);
        let diagnosis = Diagnosis::within(limit, &place, &link, &[]);
        diagnosis.has_no_problem().then_some(diagnosis)
    });
    diagnosis.has("tls", "note", "slow-link", "did not complete within");
    diagnosis.is_ok("round-trip", "there and back");
}

/// As above, but the second attempt is closed after the client's first message.
#[test]
fn server_that_gives_up_a_slow_handshake_is_not_said_to_refuse_the_client() {
    let place = Place::with_nodes();
    let diagnosis = with_patience(|limit| {
        let limits = |number| if number < SLOW { [u64::MAX, 7] } else { [600, u64::MAX] };
        let link = proxy(place.endpoint(0), limits);
        let diagnosis = Diagnosis::within(limit, &place, &link, &[]);
        diagnosis.has_problem("link-too-slow").then_some(diagnosis)
    });
    diagnosis.is("tls", 4, "link-too-slow", "was closed during a handshake that took longer than");
}

/// A server that shows a foreign certificate first, and then closes each connection.
#[test]
fn verdict_is_not_replaced_by_that_of_a_later_connection() {
    let place = Place::with_nodes();
    place.node(0).show_certificate(NodeCertificate::Foreign).unwrap();
    let link = proxy(place.endpoint(0), |number| [u64::MAX, if number < 2 { u64::MAX } else { 0 }]);
    Diagnosis::of(&place, &link, &[]).is("tls", 5, "wrong-ca", "is refused");
}

/// Forwards connections to `target`: of what the client and the server send, at most the bytes that `limits` returns for the
/// number of the connection, from 0. Behind the client's limit its stream ends. Behind the server's nothing follows; with 0
/// bytes the connection is closed.
fn proxy(target: String, limits: impl Fn(usize) -> [u64; 2] + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for (number, client) in listener.incoming().map_while(Result::ok).enumerate() {
            let [of_client, of_server] = limits(number);
            if of_server == 0 {
                continue;
            }
            let node = TcpStream::connect(&target).unwrap();
            let (mut from_client, mut to_node) = (client.try_clone().unwrap(), node.try_clone().unwrap());
            // Either copy ends with an error if its receiver is gone.
            thread::spawn(move || {
                let _ = io::copy(&mut (&mut from_client).take(of_client), &mut to_node);
                let _ = to_node.shutdown(Shutdown::Write);
                // Only at the end of the client's stream may the other direction be closed.
                let _ = io::copy(&mut from_client, &mut io::sink());
            });
            thread::spawn(move || {
                let _ = io::copy(&mut (&node).take(of_server), &mut &client);
                if of_server == u64::MAX {
                    let _ = client.shutdown(Shutdown::Write);
                }
            });
        }
    });
    endpoint
}

#[test]
fn wrong_ca() {
    let place = Place::with_nodes();
    place.node(0).show_certificate(NodeCertificate::Foreign).unwrap();
    Diagnosis::of(&place, &place.endpoint(0), &[]).is("tls", 5, "wrong-ca", "is refused");
}

#[test]
fn wrong_ca_of_rsa_chain() {
    let place = Place::with(Devnet::builder().rsa(true));
    rsa_chain(&place.folder().join("own"));
    Diagnosis::of(&place, &place.endpoint(0), OWN).is("tls", 5, "wrong-ca", "CN=node0");
    // A server with ordinary TLS may be a node: an RSA node that supports ECDHE.
    let other = place.folder().join("other");
    rsa_chain(&other);
    let node = serve(&other, "-cert node.crt -key node.key -CAfile ca.crt -Verify 1");
    Diagnosis::of(&place, &node.endpoint, OWN).is("tls", 5, "wrong-ca", "CN=node");
}

#[test]
fn node_certificate_out_of_date() {
    let place = Place::with_nodes();
    place.node(0).show_certificate(NodeCertificate::Expired).unwrap();
    let diagnosis = Diagnosis::of(&place, &place.endpoint(0), &[]);
    diagnosis.is("tls", 5, "node-certificate-expired", "is expired");
    place.node(0).show_certificate(NodeCertificate::NotYetValid).unwrap();
    let diagnosis = Diagnosis::of(&place, &place.endpoint(0), &[]);
    diagnosis.is("tls", 5, "node-certificate-not-yet-valid", "is not valid yet");
}

#[test]
fn expired_chain() {
    let place = Place::with_nodes();
    let agency_period = amop_devnet::chain::Period::expired();
    let chain = Chain::mint(&ChainOptions { agency_period, ..ChainOptions::default() }).unwrap();
    let node = chain.issue(Role::Node, "node", &LeafOptions::default()).unwrap();
    write(&place.folder().join("server"), "node", &node);
    let server = serve(
        &place.folder().join("server"),
        "-cert node.crt -cert_chain node.crt -key node.key -curves secp256k1",
    );
    // The SDK has a renewed certificate of the chain.
    let renewed = chain.with_another_agency(&ChainOptions::default()).unwrap();
    let sdk = renewed.issue(Role::Sdk, "sdk", &LeafOptions::default()).unwrap();
    write(&place.folder().join("own"), "sdk", &sdk);
    let diagnosis = Diagnosis::of(&place, &server.endpoint, OWN);
    diagnosis.is("tls", 5, "node-certificate-expired", "issuer");
}

#[test]
fn clock_of_node_off() {
    let place = Place::with_nodes();
    let node = place.devnet().chain().issue(Role::Node, "node", &LeafOptions::default()).unwrap();
    write(&place.folder().join("server"), "node", &node);
    // A node whose clock is two hundred years ahead.
    let later = "-attime 8000000000";
    let server = serve(
        &place.folder().join("server"),
        &format!(
            "-cert node.crt -cert_chain node.crt -key node.key -curves secp256k1 -CAfile ca.crt -Verify 5 \
             -verify_return_error {later}"
        ),
    );
    Diagnosis::of(&place, &server.endpoint, &[]).is("tls", 3, "clock-off", "expired");
}

#[test]
fn client_refused() {
    let place = Place::with_nodes();
    stranger(&place);
    // The files are of two chains, which their own step reports; TLS adds nothing.
    Diagnosis::of(&place, &place.endpoint(0), OWN).is("credentials", 3, "mixed-chains", "do not belong");

    // Files of one chain, which the node doesn't trust although its own certificate belongs to it.
    let other = Chain::mint(&ChainOptions::default()).unwrap();
    let chain = place.devnet().chain();
    let node = chain.issue(Role::Node, "node", &LeafOptions::default()).unwrap();
    write(&place.folder().join("server"), "node", &node.trusting(&other.ca_pem().unwrap()));
    let server = serve(
        &place.folder().join("server"),
        "-cert node.crt -cert_chain node.crt -key node.key -curves secp256k1 -CAfile ca.crt -Verify 5 \
         -verify_return_error",
    );
    let diagnosis = Diagnosis::of(&place, &server.endpoint, &[]);
    diagnosis.is("tls", 5, "client-refused", "refused this client's certificate");
}

/// Puts credentials of an SDK of another chain, which trust this chain's CA, into the folder `own`.
fn stranger(place: &Place) {
    let other = Chain::mint(&ChainOptions::default()).unwrap();
    let sdk = other.issue(Role::Sdk, "sdk", &LeafOptions::default()).unwrap();
    let ca = place.devnet().chain().ca_pem().unwrap();
    write(&place.folder().join("own"), "sdk", &sdk.trusting(&ca));
}

#[test]
fn other_agency() {
    let place = Place::with_nodes();
    let other = ChainOptions { agency: "agencyB".into(), ..ChainOptions::default() };
    let other = place.devnet().chain().with_another_agency(&other).unwrap();
    write(
        &place.folder().join("own"),
        "sdk",
        &other.issue(Role::Sdk, "sdk", &LeafOptions::default()).unwrap(),
    );
    Diagnosis::of(&place, &place.endpoint(0), OWN).is("tls", 5, "other-agency", "of the node's agency");
}

#[test]
fn stalled_node() {
    let place = Place::with_nodes();
    place.node(0).on_connect(OnConnect::Stall);
    let diagnosis = Diagnosis::of_silence("tls", &place, &place.endpoint(0));
    diagnosis.is("tls", 5, "plain-tcp", "doesn't respond");
}
