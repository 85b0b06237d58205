//! Errors for failed handshakes of a client, with texts that state what to do.
//!
//! One alert has several meanings. They are distinguished by whether the node had shown its certificate before.

use super::alert::Alert;
use super::chain::{Reason, Refusal};
use crate::text::foreign;
use crate::transport::{Credentials, Endpoint, KeyClass};
use crate::{Error, ErrorKind};

/// A handshake that failed: how far it came, and the error for it.
#[derive(Clone, Debug)]
pub struct HandshakeFailure {
    /// How far it came.
    pub stage: Stage,
    /// The number of the alert that the node sent, if it sent one.
    pub alert: Option<u8>,
    /// The error that callers get.
    pub error: Error,
}

/// How far a handshake came before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The node had shown no certificate.
    BeforeCertificate,
    /// This client refused the certificate that the node showed.
    NodeRefused(NodeRefusal),
    /// This client had accepted the node's certificate; what follows concerns its own.
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

/// What ended a handshake, as the TLS library reports it.
#[derive(Debug)]
pub(super) enum Ending {
    /// The node sent an alert.
    Alert(Alert),
    /// The node's choice is not supported here; states which.
    Incompatible(String),
    /// What arrived is not TLS.
    NotTls,
    /// The node doesn't prove that it holds the key of its certificate.
    NoProof,
    /// The connection was closed; states the system's error.
    Closed(String),
    /// Any other failure; states the library's error.
    Other(String),
}

const WRONG_PORT_ADVICE: &str = "give the node's port for SDKs (2.x: channel_listen_port, 3.x: listen_port of [rpc]; \
                                 usually 20200), not its P2P port (30300) or JSON-RPC port (8545)";

/// What else a service without TLS may be.
const PLAIN_ADVICE: &str = "a 3.x node without TLS (disable_ssl) needs the option tls = off";

impl HandshakeFailure {
    /// Returns the failure of a handshake with `endpoint`. `verdict` is this client's on the node's certificate, `None`
    /// if the node showed none.
    pub(super) fn new(
        ending: &Ending,
        verdict: Option<&Result<(), Refusal>>,
        own: &Credentials,
        endpoint: &Endpoint,
    ) -> HandshakeFailure {
        HandshakeFailure {
            stage: match verdict {
                None => Stage::BeforeCertificate,
                Some(Ok(())) => Stage::AfterCertificate,
                Some(Err(refusal)) => Stage::NodeRefused(match refusal.reason {
                    Reason::Expired => NodeRefusal::Expired,
                    Reason::NotValidYet => NodeRefusal::NotYetValid,
                    Reason::UnknownIssuer | Reason::BadSignature | Reason::Invalid => NodeRefusal::Untrusted,
                }),
            },
            alert: match ending {
                Ending::Alert(alert) => Some(alert.0),
                _ => None,
            },
            error: explain(ending, verdict, own, endpoint),
        }
    }
}

fn explain(
    ending: &Ending,
    verdict: Option<&Result<(), Refusal>>,
    own: &Credentials,
    endpoint: &Endpoint,
) -> Error {
    let failed = |why: &str| {
        let why = foreign(why);
        Error::undelivered(ErrorKind::Tls, format!("TLS handshake with {endpoint} failed: {why}"))
    };
    match (ending, verdict) {
        (_, Some(Err(refusal))) => refused_node(refusal, own, endpoint),
        (Ending::NoProof, Some(Ok(()))) => Error::undelivered(
            ErrorKind::NodeCertificate,
            format!(
                "the node {endpoint} is refused: it does not hold the private key of the certificate that it showed"
            ),
        ),
        (Ending::NoProof, None) => failed("a signature is wrong"),
        (Ending::Alert(alert), None) => refused_hello(*alert, own, endpoint),
        (Ending::Alert(alert), Some(Ok(()))) => refused_certificate(*alert, own, endpoint),
        (Ending::Incompatible(what), _) => nothing_in_common(what, own, endpoint),
        (Ending::NotTls, None) => Error::undelivered(
            ErrorKind::Tls,
            format!("the service at {endpoint} does not speak TLS: {WRONG_PORT_ADVICE}; {PLAIN_ADVICE}"),
        ),
        (Ending::NotTls, Some(Ok(()))) => failed("an invalid message arrived"),
        (Ending::Other(why), _) => failed(why),
        (Ending::Closed(why), None) => Error::undelivered(
            ErrorKind::Tls,
            format!(
                "{endpoint} closed the connection before the TLS handshake ({why}): {WRONG_PORT_ADVICE}; {PLAIN_ADVICE}"
            ),
        ),
        (Ending::Closed(why), Some(Ok(()))) => Error::undelivered(
            ErrorKind::Tls,
            format!(
                "the node {endpoint} closed the connection in the TLS handshake, after this client had shown its \
                 certificate ({why}): check the node's log; {}",
                likely_reasons(own)
            ),
        ),
    }
}

/// Returns the error for a node whose certificate this client refused.
fn refused_node(refusal: &Refusal, own: &Credentials, endpoint: &Endpoint) -> Error {
    let advice = match refusal.reason {
        Reason::Expired => ": have it renewed, or check this machine's clock".to_owned(),
        Reason::NotValidYet => ": check this machine's clock".to_owned(),
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

/// Returns the error for an alert in answer to the first message.
fn refused_hello(alert: Alert, own: &Credentials, endpoint: &Endpoint) -> Error {
    match alert {
        Alert::HANDSHAKE_FAILURE | Alert::INSUFFICIENT_SECURITY | Alert::PROTOCOL_VERSION => {
            nothing_in_common(&format!("alert {alert}"), own, endpoint)
        }
        other => Error::undelivered(
            ErrorKind::Tls,
            format!("{endpoint} ended the TLS handshake at its start (alert {other}): {WRONG_PORT_ADVICE}"),
        ),
    }
}

/// Returns the error for a node that shares no cipher suite, curve or version with this client.
fn nothing_in_common(what: &str, own: &Credentials, endpoint: &Endpoint) -> Error {
    let likely = match own.key_class() {
        KeyClass::Ec => {
            "it has RSA certificates, the default of chains built since 2.9.0 and of 3.x, or is a GM or SM one, and the \
             credentials in use are ECDSA ones"
        }
        KeyClass::Rsa => {
            "it has secp256k1 certificates (a 2.x chain built with -R), a GM channel (-G) or is of an SM chain of 3.x (-s, \
             sm_* files), and the credentials in use are RSA ones"
        }
        KeyClass::Gm => {
            "it is not a GM or SM one, as of 2.x chains built with -g but without -G and of 3.x chains built without -s, which \
             take ca.crt, sdk.crt and sdk.key, and the credentials in use are SM2 ones"
        }
    };
    Error::undelivered(
        ErrorKind::TlsNoCommon,
        format!(
            "the node {endpoint} shares no cipher suite or curve with this client ({what}). Likely {likely}: use the SDK \
             folder that was made with this chain (nodes/127.0.0.1/sdk), and tls = auto"
        ),
    )
}

/// Returns the error for an alert after this client had sent its certificate.
fn refused_certificate(alert: Alert, own: &Credentials, endpoint: &Endpoint) -> Error {
    let why = match alert {
        Alert::UNKNOWN_CA => likely_reasons(own),
        Alert::CERTIFICATE_EXPIRED => {
            format!(
                "the node's clock says that {} is expired: renew it, and compare both clocks",
                own.certificate_name()
            )
        }
        Alert::INTERNAL_ERROR | Alert::ACCESS_DENIED => format!(
            "nodes accept only certificates of their own agency unless configured otherwise (check_cert_issuer), and those of \
             their sdk_allowlist if they have one: use an SDK certificate of the node's agency, {} was issued by {}",
            own.certificate_name(),
            own.issuer()
        ),
        Alert::BAD_CERTIFICATE
        | Alert::UNSUPPORTED_CERTIFICATE
        | Alert::CERTIFICATE_UNKNOWN
        | Alert::CERTIFICATE_REVOKED
        | Alert::CERTIFICATE_REQUIRED
        | Alert::NO_CERTIFICATE
        | Alert::HANDSHAKE_FAILURE
        | Alert::DECRYPT_ERROR => likely_reasons(own),
        other => {
            return Error::undelivered(
                ErrorKind::Tls,
                format!("the node {endpoint} ended the TLS handshake (alert {other}): check its log"),
            );
        }
    };
    Error::undelivered(
        ErrorKind::ClientCertificate,
        format!("the node {endpoint} refused this client's certificate (alert {alert}): {why}"),
    )
}

/// Returns the reasons for which a node may refuse this client's certificate without stating one.
fn likely_reasons(own: &Credentials) -> String {
    match own.missing_issuer() {
        Some(issuer) => format!(
            "{} does not hold the certificate of its issuer {issuer}: append agency.crt (and ca.crt) to it",
            own.certificate_name()
        ),
        None => format!(
            "the node belongs to another chain than {} (issued by {}), or its clock finds the certificate out of date",
            own.certificate_name(),
            own.issuer()
        ),
    }
}
