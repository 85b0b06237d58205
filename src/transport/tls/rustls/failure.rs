//! Translates errors of rustls.

use std::io;

use rustls::{CertificateError, Error as TlsError, InvalidMessage};

use super::super::alert::Alert;
use super::super::failure::Ending;

/// Returns what ended the handshake that failed with `failure`.
pub(super) fn ending(failure: &io::Error) -> Ending {
    let tls = failure.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    match tls {
        Some(TlsError::AlertReceived(alert)) => Ending::Alert(Alert(u8::from(*alert))),
        Some(TlsError::PeerIncompatible(what)) => Ending::Incompatible(format!("{what:?}")),
        Some(TlsError::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        )) => Ending::NotTls,
        Some(TlsError::InvalidCertificate(CertificateError::BadSignature)) => Ending::NoProof,
        Some(other) => Ending::Other(other.to_string()),
        None => Ending::Closed(failure.to_string()),
    }
}
