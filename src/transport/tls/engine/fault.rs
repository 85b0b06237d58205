//! Why a connection ends, and the alert that the peer gets for it.

use std::fmt;

use super::super::alert::Alert;
use super::super::chain::{Reason, Refusal};

/// A failure that ends the connection.
#[derive(Debug)]
pub(super) struct Fault {
    /// What the peer is sent. `None` if the peer sent a fatal alert itself.
    pub(super) alert: Option<Alert>,
    pub(super) cause: Cause,
}

/// What went wrong.
#[derive(Debug)]
pub(super) enum Cause {
    /// The peer sent a fatal alert.
    Alert(Alert),
    /// What arrived is not TLS.
    NotTls,
    /// The peer's certificates were refused.
    Refused(Refusal),
    /// The peer's choice is not supported here; states which.
    Incompatible(String),
    /// The peer doesn't prove that it holds the key of its certificate.
    NoProof,
    /// Any other reason.
    Other(&'static str),
}

impl Fault {
    pub(super) fn new(alert: Alert, why: &'static str) -> Fault {
        Fault { alert: Some(alert), cause: Cause::Other(why) }
    }

    /// A message or record that is not expected now.
    pub(super) fn unexpected(why: &'static str) -> Fault {
        Fault::new(Alert::UNEXPECTED_MESSAGE, why)
    }

    /// A message whose structure is wrong.
    pub(super) fn malformed(why: &'static str) -> Fault {
        Fault::new(Alert::DECODE_ERROR, why)
    }

    /// A message with a value that is not allowed.
    pub(super) fn illegal(why: &'static str) -> Fault {
        Fault::new(Alert::ILLEGAL_PARAMETER, why)
    }

    /// The one failure of a protected record. It doesn't tell padding, code and content apart.
    pub(super) fn bad_record() -> Fault {
        Fault::new(Alert::BAD_RECORD_MAC, "a record could not be decrypted")
    }

    /// A failure on this side.
    pub(super) fn internal(why: &'static str) -> Fault {
        Fault::new(Alert::INTERNAL_ERROR, why)
    }

    pub(super) fn incompatible(alert: Alert, what: impl Into<String>) -> Fault {
        Fault { alert: Some(alert), cause: Cause::Incompatible(what.into()) }
    }

    pub(super) fn no_proof() -> Fault {
        Fault { alert: Some(Alert::DECRYPT_ERROR), cause: Cause::NoProof }
    }

    pub(super) fn refused(refusal: Refusal) -> Fault {
        let alert = match refusal.reason {
            Reason::Expired | Reason::NotValidYet => Alert::CERTIFICATE_EXPIRED,
            Reason::UnknownIssuer => Alert::UNKNOWN_CA,
            // TLS libraries of nodes send this one too.
            Reason::BadSignature => Alert::DECRYPT_ERROR,
            Reason::Invalid => Alert::BAD_CERTIFICATE,
        };
        Fault { alert: Some(alert), cause: Cause::Refused(refusal) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Alert(alert) => write!(f, "the peer sent the alert {alert}"),
            Cause::NotTls => f.write_str("what arrived is not TLS"),
            Cause::Refused(refusal) => write!(f, "the peer's certificate is refused: {}", refusal.text),
            Cause::Incompatible(what) => f.write_str(what),
            Cause::NoProof => f.write_str("the peer does not hold the key of its certificate"),
            Cause::Other(why) => f.write_str(why),
        }
    }
}
