//! Why a client's handshake failed, in words that say what to do.
//!
//! One alert has several meanings. Whether the node had shown its certificate before tells them apart.

use std::io;

use rustls::{AlertDescription as Alert, CertificateError, Error as TlsError, InvalidMessage};

use super::chain::Refusal;
use crate::text::foreign;
use crate::transport::{Credentials, Endpoint};
use crate::{Error, ErrorKind};

/// A handshake that failed: how far it came, and the error for it.
#[derive(Clone, Debug)]
pub struct HandshakeFailure {
    /// How far it came.
    pub stage: Stage,
    /// The number of the alert that the node sent, if it sent one.
    pub alert: Option<u8>,
    /// What callers get.
    pub error: Error,
}

/// How far a handshake came before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The node had shown no certificate.
    BeforeCertificate,
    /// This client refused the certificate that the node showed.
    NodeRefused(NodeRefusal),
    /// The node's certificate was accepted; what follows is about this client's.
    AfterCertificate,
}

/// Why this client refused the node's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeRefusal {
    /// It, or one above it, is expired.
    Expired,
    /// It, or one above it, is not valid yet.
    NotYetValid,
    /// It doesn't lead to the CA that is trusted, or can't be read.
    Untrusted,
}

impl HandshakeFailure {
    /// Of `failure` in a handshake with `endpoint`; `verdict` is ours on the node's certificate, if it showed one.
    pub(super) fn new(
        failure: &io::Error,
        verdict: Option<&Result<(), Refusal>>,
        own: &Credentials,
        endpoint: &Endpoint,
    ) -> HandshakeFailure {
        let tls = failure.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
        HandshakeFailure {
            stage: match verdict {
                None => Stage::BeforeCertificate,
                Some(Ok(())) => Stage::AfterCertificate,
                Some(Err(refusal)) => Stage::NodeRefused(match refusal.reason {
                    CertificateError::Expired => NodeRefusal::Expired,
                    CertificateError::NotValidYet => NodeRefusal::NotYetValid,
                    _ => NodeRefusal::Untrusted,
                }),
            },
            alert: match tls {
                Some(TlsError::AlertReceived(alert)) => Some(u8::from(*alert)),
                _ => None,
            },
            error: explain(failure, verdict, own, endpoint),
        }
    }
}

/// The error for `failure` of a handshake with `endpoint`; `verdict` is ours on the node's certificate, if it
/// showed one.
fn explain(
    failure: &io::Error,
    verdict: Option<&Result<(), Refusal>>,
    own: &Credentials,
    endpoint: &Endpoint,
) -> Error {
    let tls = failure.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    match (tls, verdict) {
        (_, Some(Err(refusal))) => refused_node(refusal, own, endpoint),
        (Some(TlsError::InvalidCertificate(CertificateError::BadSignature)), Some(Ok(()))) => {
            Error::undelivered(
                ErrorKind::NodeCertificate,
                format!(
                    "the node {endpoint} is refused: it doesn't hold the private key of the certificate it showed"
                ),
            )
        }
        (Some(TlsError::AlertReceived(alert)), None) => refused_hello(*alert, own, endpoint),
        (Some(TlsError::AlertReceived(alert)), Some(Ok(()))) => refused_certificate(*alert, own, endpoint),
        (Some(TlsError::PeerIncompatible(what)), _) => nothing_in_common(&format!("{what:?}"), own, endpoint),
        (
            Some(TlsError::InvalidMessage(
                InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
            )),
            None,
        ) => Error::undelivered(
            ErrorKind::Tls,
            format!("what answers at {endpoint} doesn't speak TLS: {}", wrong_port_advice()),
        ),
        (Some(other), _) => {
            let why = other.to_string();
            Error::undelivered(
                ErrorKind::Tls,
                format!("TLS handshake with {endpoint} failed: {}", foreign(&why)),
            )
        }
        (None, None) => Error::undelivered(
            ErrorKind::Tls,
            format!(
                "{endpoint} closed the connection before the TLS handshake ({failure}): {}",
                wrong_port_advice()
            ),
        ),
        (None, Some(Ok(()))) => Error::undelivered(
            ErrorKind::Tls,
            format!(
                "the node {endpoint} closed the connection in the TLS handshake, after this client had shown its \
                 certificate ({failure}): look into the node's log; {}",
                likely_reasons(own)
            ),
        ),
    }
}

/// We refused the node's certificate.
fn refused_node(refusal: &Refusal, own: &Credentials, endpoint: &Endpoint) -> Error {
    let advice = match refusal.reason {
        CertificateError::Expired => ": have it renewed, or check this machine's clock".to_owned(),
        CertificateError::NotValidYet => ": check this machine's clock".to_owned(),
        _ => format!(
            ". Use the ca.crt of the chain that the node belongs to ({} is in use), or connect to a node of that chain",
            own.ca_name()
        ),
    };
    Error::undelivered(
        ErrorKind::NodeCertificate,
        format!("the node {endpoint} is refused: {}{advice}", refusal.text),
    )
}

/// An alert in answer to our first message.
fn refused_hello(alert: Alert, own: &Credentials, endpoint: &Endpoint) -> Error {
    match alert {
        Alert::HandshakeFailure | Alert::InsufficientSecurity | Alert::ProtocolVersion => {
            nothing_in_common(&format!("alert {}", name(alert)), own, endpoint)
        }
        other => Error::undelivered(
            ErrorKind::Tls,
            format!(
                "{endpoint} ended the TLS handshake at its start (alert {}): {}",
                name(other),
                wrong_port_advice()
            ),
        ),
    }
}

/// The node offered nothing that we can do.
fn nothing_in_common(what: &str, own: &Credentials, endpoint: &Endpoint) -> Error {
    let likely = if own.is_rsa() {
        "The credentials are of an RSA channel, the default of chains built since 2.9.0: such a node agrees on keys by \
         static RSA only, which this build can't"
    } else {
        "Likely it is a node of 2.9.0 or later with the default RSA channel, which agrees on keys by static RSA only, \
         or one of a GM chain; this build can do neither"
    };
    Error::undelivered(
        ErrorKind::TlsNoCommon,
        format!(
            "the node {endpoint} shares no cipher suite or curve with this client ({what}). {likely}. Build the chain \
             with secp256k1 certificates (build_chain.sh -R), or use a build with a TLS backend that can"
        ),
    )
}

/// An alert after we had sent our certificate.
fn refused_certificate(alert: Alert, own: &Credentials, endpoint: &Endpoint) -> Error {
    let why = match alert {
        Alert::UnknownCA => likely_reasons(own),
        Alert::CertificateExpired => {
            format!("the node finds {} expired: renew it, and compare both clocks", own.certificate_name())
        }
        Alert::InternalError | Alert::AccessDenied => format!(
            "nodes take certificates of their own agency only unless told otherwise (check_cert_issuer), and those of \
             their sdk_allowlist if they have one: use an SDK certificate of the node's agency, {} was issued by {}",
            own.certificate_name(),
            own.issuer()
        ),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateUnknown
        | Alert::CertificateRevoked
        | Alert::CertificateRequired
        | Alert::NoCertificate
        | Alert::HandshakeFailure
        | Alert::DecryptError => likely_reasons(own),
        other => {
            return Error::undelivered(
                ErrorKind::Tls,
                format!(
                    "the node {endpoint} ended the TLS handshake (alert {}): look into its log",
                    name(other)
                ),
            );
        }
    };
    Error::undelivered(
        ErrorKind::ClientCertificate,
        format!("the node {endpoint} refused this client's certificate (alert {}): {why}", name(alert)),
    )
}

/// Why a node refuses a certificate without saying which reason.
fn likely_reasons(own: &Credentials) -> String {
    match own.missing_issuer() {
        Some(issuer) => format!(
            "{} doesn't hold the certificate of its issuer {issuer}: append agency.crt (and ca.crt) to it",
            own.certificate_name()
        ),
        None => format!(
            "the node belongs to another chain than {} (issued by {}), or its clock finds the certificate out of date",
            own.certificate_name(),
            own.issuer()
        ),
    }
}

fn wrong_port_advice() -> &'static str {
    "give the node's channel port (channel_listen_port, usually 20200), not its P2P port (30300) or JSON-RPC port (8545)"
}

/// The alert's name and number, as OpenSSL and node logs show it.
fn name(alert: Alert) -> String {
    format!("{} {alert:?}", u8::from(alert))
}
