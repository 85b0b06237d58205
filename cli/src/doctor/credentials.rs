//! Step 3: checks the credentials without a node.

use std::path::Path;
use std::time::SystemTime;

use amop::transport::{CredentialSource, Credentials, Dates, GmProtocol, KeyClass, ParsedCertificate};
use amop::{Error, ErrorKind};

use super::finding::Finding;
use super::report::Problem;

/// Credentials that can be loaded, and a known problem with them.
pub(super) struct Checked {
    /// `None` without TLS.
    pub(super) credentials: Option<Credentials>,
    /// A problem because of which a node will refuse them. The other steps are still checked.
    pub(super) problem: Option<Problem>,
}

/// Loads and checks the credentials.
pub(super) fn check(source: &CredentialSource) -> Result<Checked, Problem> {
    let credentials = Credentials::load_any_date(source).map_err(|error| unusable(&error))?;
    if let Err(error) = Credentials::load(source) {
        return Err(out_of_date(&credentials, &error));
    }
    let problem = if let Some(issuer) = credentials.missing_issuer() {
        let seen = format!("{} does not hold the certificate of {issuer}", credentials.certificate_name());
        Some(Problem::new(Finding::AgencyMissing, seen))
    } else {
        credentials.check_chain().err().map(|error| Problem::new(Finding::MixedChains, error.message()))
    };
    Ok(Checked { credentials: Some(credentials), problem })
}

/// Describes the credentials in a line.
pub(super) fn described(credentials: &Credentials) -> String {
    let own = &credentials.certificates()[0];
    let kind = match (credentials.key_class(), credentials.gm_protocol()) {
        (KeyClass::Ec, _) => "secp256k1",
        (KeyClass::Rsa, _) => "RSA",
        (KeyClass::Gm, Some(GmProtocol::Tls12)) => "SM2 for GM over TLS 1.2",
        (KeyClass::Gm, Some(GmProtocol::Tlcp)) => "SM2 for TLCP",
        (KeyClass::Gm, None) => "SM2 for TLCP or GM over TLS 1.2",
    };
    let beside = credentials.beside().map_or(String::new(), |gm| {
        format!("; for nodes that have nothing in common with it, {}", gm.certificate_name())
    });
    format!(
        "{} in {}, {kind}, issued by {}, {}{beside}",
        own.subject_text(),
        credentials.certificate_name(),
        own.issuer_text(),
        own.period()
    )
}

/// Returns a note if the credentials are a node's own.
pub(super) fn note(credentials: &Credentials) -> Option<Problem> {
    let seen = || format!("{} was given with the node's private key", credentials.certificate_name());
    credentials.has_key_of_a_node().then(|| Problem::new(Finding::NodeKey, seen()))
}

fn unusable(error: &Error) -> Problem {
    let finding = match error.kind() {
        ErrorKind::CredentialsNotFound => Finding::NoCredentials,
        ErrorKind::KeyEncrypted => Finding::EncryptedKey,
        ErrorKind::KeyMismatch => Finding::KeyMismatch,
        _ => Finding::WrongFormat,
    };
    Problem::new(finding, error.message())
}

/// Tells expired credentials from those that are not valid yet. For the latter, this machine's clock is the reason if the
/// files themselves were written in the future.
fn out_of_date(credentials: &Credentials, error: &Error) -> Problem {
    let certificates = credentials.certificates().iter().chain(credentials.ca());
    let early = certificates.map(ParsedCertificate::dates_now).any(|dates| dates == Dates::NotYetValid);
    if !early {
        return Problem::new(Finding::CertificateExpired, error.message());
    }
    for file in [credentials.certificate_name(), credentials.ca_name()] {
        if is_from_the_future(Path::new(file)) {
            let seen = format!(
                "{file} was written later than the time of this machine's clock; {}",
                error.message()
            );
            return Problem::new(Finding::ClockOff, seen);
        }
    }
    Problem::new(Finding::CertificateNotYetValid, error.message())
}

fn is_from_the_future(file: &Path) -> bool {
    let written = file.metadata().and_then(|metadata| metadata.modified());
    written.is_ok_and(|written| written > SystemTime::now())
}
