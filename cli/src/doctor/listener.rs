//! Identifies what listens at a port, without credentials.

use std::net::SocketAddr;
use std::time::Duration;

use amop::text::{foreign, span};
use amop::transport::{BoxedStream, ParsedCertificate, Security};
use tokio::net::TcpStream;

use super::certificate::described;
use super::finding::Finding;
use super::hello::{self, Answer, Hello};
use super::http::{self, Http};
use super::report::Problem;
use super::usable::Usable;
use crate::channel::{Channel, beginning};

/// What listens at the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Listener {
    /// An ECDSA channel, with the certificates that it shows.
    Secp256k1(Vec<Vec<u8>>),
    /// An RSA channel, with the certificates that it shows.
    StaticRsa(Vec<Vec<u8>>),
    /// An ordinary TLS server, with the certificates that it shows.
    Ordinary(Vec<Vec<u8>>),
    /// A GM channel of generation 2, with the certificates that it shows.
    Gm(Vec<Vec<u8>>),
    /// TLCP, with the certificates that it shows.
    Tlcp(Vec<Vec<u8>>),
    /// A TLS server that refuses TLS 1.2.
    OtherVersion,
    /// A TLS server whose answer to the offer of an ECDSA channel did not arrive in time.
    Slow,
    /// Another TLS server, with its alert.
    Unknown(u8),
    /// A server that doesn't speak TLS, with the bytes that it sent.
    NoTls(Vec<u8>),
    /// A server that closes the connection after any ClientHello.
    Closes,
    /// A server that doesn't respond.
    Silent,
}

impl Listener {
    /// Identifies what listens at `address`, by a separate connection for each kind of ClientHello.
    pub(super) async fn at(address: SocketAddr, limit: Duration) -> Listener {
        let ask = async |hello| match TcpStream::connect(address).await {
            Ok(tcp) => hello::ask(tcp, hello, limit).await,
            Err(_) => Answer::Closed,
        };
        let (secp256k1, rsa, ordinary, gm, tlcp) = tokio::join!(
            ask(Hello::Secp256k1),
            ask(Hello::StaticRsa),
            ask(Hello::Ordinary),
            ask(Hello::Gm),
            ask(Hello::Tlcp)
        );
        match (secp256k1, rsa, ordinary, gm, tlcp) {
            (Answer::Taken { certificates }, ..) => Listener::Secp256k1(certificates),
            // Try this before static RSA, because most servers with ECDHE support that too.
            (_, _, Answer::Taken { certificates }, ..) => Listener::Ordinary(certificates),
            // Its other answers say nothing about this offer.
            (first, second, third, fourth, fifth)
                if matches!(first, Answer::Silent | Answer::Slow)
                    && [&first, &second, &third, &fourth, &fifth].into_iter().any(is_tls) =>
            {
                Listener::Slow
            }
            (_, Answer::Taken { certificates }, ..) => Listener::StaticRsa(certificates),
            (.., Answer::Taken { certificates }, _) => Listener::Gm(certificates),
            (.., Answer::Taken { certificates }) => Listener::Tlcp(certificates),
            (first, second, third, fourth, fifth) => {
                let all = [first, second, third, fourth, fifth];
                let alert = all.iter().find_map(|answer| match answer {
                    Answer::Refused(PROTOCOL_VERSION) => Some(Listener::OtherVersion),
                    Answer::Refused(alert) => Some(Listener::Unknown(*alert)),
                    _ => None,
                });
                let bytes = || {
                    all.iter().find_map(|answer| match answer {
                        Answer::NoTls(bytes) => Some(Listener::NoTls(bytes.clone())),
                        _ => None,
                    })
                };
                let quiet = if all.contains(&Answer::Closed) { Listener::Closes } else { Listener::Silent };
                alert.or_else(bytes).unwrap_or(quiet)
            }
        }
    }

    /// Returns the certificates that it shows to clients that can continue, its own first.
    pub(super) fn certificates(&self) -> Option<&[Vec<u8>]> {
        match self {
            Listener::Secp256k1(certificates)
            | Listener::Ordinary(certificates)
            | Listener::StaticRsa(certificates)
            | Listener::Gm(certificates)
            | Listener::Tlcp(certificates) => Some(certificates),
            Listener::OtherVersion
            | Listener::Slow
            | Listener::Unknown(_)
            | Listener::NoTls(_)
            | Listener::Closes
            | Listener::Silent => None,
        }
    }

    /// Returns the finding for a client whose credentials are of another kind than the node's channel.
    pub(super) fn other_channel(&self, usable: &Usable) -> Option<Finding> {
        let (finding, is_usable) = match self {
            Listener::Secp256k1(_) => (Finding::Secp256k1Channel, usable.has_secp256k1()),
            Listener::StaticRsa(_) => (Finding::RsaChannel, usable.has(Security::StaticRsa)),
            Listener::Gm(_) => (Finding::GmChannel, usable.has(Security::Gm)),
            Listener::Tlcp(_) => (Finding::TlcpChannel, usable.has(Security::Tlcp)),
            // With RSA keys, the node may be one of another chain.
            Listener::Ordinary(certificates) if is_of_3x(certificates) => {
                (Finding::RsaNode3x, usable.has_rsa_key())
            }
            _ => return None,
        };
        (!is_usable).then_some(finding)
    }

    /// Returns whether it speaks TLS.
    pub(super) fn is_tls(&self) -> bool {
        !matches!(self, Listener::NoTls(_) | Listener::Closes | Listener::Silent)
    }

    /// Describes a channel of a node, for the report.
    pub(super) fn described(&self) -> &'static str {
        match self {
            Listener::Secp256k1(_) => "TLS on secp256k1, as 2.x nodes use it",
            Listener::StaticRsa(_) => "TLS with static RSA, as 2.x nodes with an RSA channel use it",
            Listener::Gm(_) => "GM over TLS 1.2, as 2.x nodes with a GM channel use it",
            Listener::Tlcp(_) => "TLCP, as 3.x nodes of SM chains use it",
            Listener::Ordinary(_) => "TLS with ECDHE, as 3.x nodes use it",
            _ => "TLS",
        }
    }

    /// Returns the problem with it, `None` for the channel of a node that can be used; with `None` for the credentials, for
    /// every channel of a node.
    pub(super) async fn problem(
        &self,
        usable: Option<&Usable>,
        address: SocketAddr,
        limit: Duration,
    ) -> Option<Problem> {
        let is = |has: fn(&Usable) -> bool| usable.is_none_or(has);
        let other = |finding, seen: &str| match usable {
            Some(usable) => Problem::new(finding, format!("{seen}; in use are {}", usable.described())),
            None => Problem::new(finding, seen),
        };
        Some(match self {
            Listener::Secp256k1(_) if is(Usable::has_secp256k1) => return None,
            Listener::StaticRsa(_) if is(|usable| usable.has(Security::StaticRsa)) => return None,
            Listener::Gm(_) if is(|usable| usable.has(Security::Gm)) => return None,
            Listener::Tlcp(_) if is(|usable| usable.has(Security::Tlcp)) => return None,
            Listener::Secp256k1(_) => {
                other(Finding::Secp256k1Channel, "it accepted an offer of ECDHE on secp256k1")
            }
            Listener::StaticRsa(_) => {
                other(Finding::RsaChannel, "of several offers it accepted only static RSA")
            }
            Listener::Gm(_) => other(Finding::GmChannel, "it accepted an offer of suite 0xE011 on SM2"),
            Listener::Tlcp(_) => {
                other(Finding::TlcpChannel, "it accepted an offer of TLCP, the GM TLS of 3.x nodes")
            }
            Listener::Ordinary(certificates) if is_of_3x(certificates) => {
                let seen = format!("it shows a certificate of a 3.x chain: {}", described(certificates));
                match usable {
                    Some(_) => other(Finding::RsaNode3x, &seen),
                    None => return None,
                }
            }
            Listener::Ordinary(certificates) => Problem::new(
                Finding::ForeignTls,
                format!(
                    "it accepted an offer on X25519 and P-256, and refused one on secp256k1; its certificate: {}",
                    described(certificates)
                ),
            ),
            Listener::OtherVersion => Problem::new(
                Finding::ForeignTls,
                format!("it refused TLS 1.2, which all channels use (alert {PROTOCOL_VERSION})"),
            ),
            Listener::Slow => Problem::new(
                Finding::TlsFailed,
                format!("it speaks TLS, but its answer did not arrive within {}", span(limit)),
            ),
            Listener::Unknown(alert) => {
                Problem::new(Finding::TlsFailed, format!("it refused all offers (alert {alert})"))
            }
            Listener::NoTls(bytes) => unencrypted(address, Some(bytes), limit).await,
            Listener::Closes | Listener::Silent => unencrypted(address, None, limit).await,
        })
    }
}

/// Returns whether the certificate was issued by a CA with the name that the script of 3.x gives it.
fn is_of_3x(certificates: &[Vec<u8>]) -> bool {
    let own = certificates.first().and_then(|der| ParsedCertificate::read(der).ok());
    let issuer = own.map(|own| own.issuer_text()).unwrap_or_default();
    issuer.contains("O=FISCO-BCOS") && issuer.contains("OU=chain")
}

/// The number of the alert of a server that doesn't support the version of TLS (RFC 5246).
const PROTOCOL_VERSION: u8 = 70;

fn is_tls(answer: &Answer) -> bool {
    matches!(answer, Answer::Taken { .. } | Answer::Refused(_) | Answer::Slow)
}

/// Identifies what listens at `address` without TLS; `said` is what it answered to a ClientHello.
async fn unencrypted(address: SocketAddr, said: Option<&[u8]>, limit: Duration) -> Problem {
    let connect = async || TcpStream::connect(address).await.ok();
    let websocket = async { http::request_websocket(connect().await?, limit).await };
    let json_rpc = async { http::request_json_rpc(connect().await?, limit).await };
    let channel = async {
        let stream: BoxedStream = Box::new(connect().await?);
        Channel::new(stream, limit).handshake().await.ok()
    };
    let (websocket, json_rpc, channel) = tokio::join!(websocket, json_rpc, channel);
    match (websocket, json_rpc, channel) {
        (.., Some(choice)) => Problem::new(
            Finding::PlainChannel,
            format!("it answers the channel handshake without TLS (version {})", choice.node_version),
        ),
        (Some(Http::WebSocket), ..) => {
            Problem::new(Finding::PlainNode3x, "it switches to WebSocket, without TLS (disable_ssl)")
        }
        (_, Some(Http::JsonRpc), _) => Problem::new(Finding::JsonRpcPort, "it answers JSON-RPC over HTTP"),
        (Some(Http::Other(status)), ..) | (None, Some(Http::Other(status)), _) => {
            Problem::new(Finding::WrongPort, format!("it is a web server: {:?}", foreign(&status)))
        }
        (Some(Http::JsonRpc) | None, Some(Http::WebSocket) | None, None) | (Some(Http::JsonRpc), ..) => {
            match said {
                Some(bytes) => {
                    Problem::new(Finding::WrongPort, format!("its answer begins with {}", beginning(bytes)))
                }
                None => Problem::new(
                    Finding::PlainTcp,
                    "it accepts the connection and doesn't respond, or closes it",
                ),
            }
        }
    }
}
