//! Credentials that were parsed and are known to belong together.

use std::fmt;
use std::sync::Arc;

use pki_types::UnixTime;
use x509_cert::certificate::Version;

use super::key::{KeyKind, PrivateKey};
use super::pem::PemInput;
use crate::transport::Generation;
use crate::transport::certificate::{Dates, ParsedCertificate};
use crate::transport::tls::leads_to_root;
use crate::{Error, ErrorKind, Result};

/// Loaded credentials: parsed, and known to belong together. Cheap to clone.
///
/// They hold certificates and key as bytes. The key is erased from memory with the last clone.
#[derive(Clone)]
pub struct Credentials(Arc<Loaded>);

struct Loaded {
    ca: Vec<ParsedCertificate>,
    chain: Vec<ParsedCertificate>,
    key: PrivateKey,
    ca_name: String,
    certificate_name: String,
}

impl Credentials {
    /// Parses credentials and checks that key and certificate belong together, whatever the dates are.
    pub(super) fn from_pem(
        ca: &PemInput<'_>,
        certificate: &PemInput<'_>,
        key: &PemInput<'_>,
    ) -> Result<Credentials> {
        let trusted = ca.certificates()?;
        let chain = certificate.certificates()?;
        let key = matching_key(key, &chain[0], certificate.name())?;
        Ok(Credentials(Arc::new(Loaded {
            ca: trusted,
            chain,
            key,
            ca_name: ca.name().to_owned(),
            certificate_name: certificate.name().to_owned(),
        })))
    }

    /// Checks the dates of the CA and of the certificates now.
    ///
    /// # Errors
    /// As [`Credentials::check_dates`].
    pub(super) fn check_dates_now(&self) -> Result<()> {
        self.check_dates(UnixTime::now())
    }

    /// # Errors
    /// Returns [`ErrorKind::CertificateDates`] if no CA is valid at `now`, or a certificate of the chain is not.
    fn check_dates(&self, now: UnixTime) -> Result<()> {
        // A CA file may hold an old and a new root: one of them must be valid. A root in the chain is checked as CA.
        if self.0.ca.iter().all(|root| root.dates(now) != Dates::Valid) {
            return Err(out_of_date(&self.0.ca_name, "CA certificate", &self.0.ca[0], now));
        }
        let mut role = "certificate";
        for certificate in &self.0.chain {
            let is_leaf = role == "certificate";
            if (is_leaf || !certificate.is_self_issued()) && certificate.dates(now) != Dates::Valid {
                return Err(out_of_date(&self.0.certificate_name, role, certificate, now));
            }
            role = "agency certificate";
        }
        Ok(())
    }

    /// Checks that the certificate leads to the CA, as a node will: signatures and dates.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsInvalid`] with the reason if it doesn't.
    pub fn check_chain(&self) -> Result<()> {
        let chain: Vec<_> = self.0.chain.iter().map(|certificate| certificate.der.clone()).collect();
        let refused = |why| {
            Error::undelivered(
                ErrorKind::CredentialsInvalid,
                format!("{} and {} do not belong together: {why}", self.0.certificate_name, self.0.ca_name),
            )
        };
        leads_to_root(&self.0.ca, &chain).map_err(refused)
    }

    /// Returns the certificates in the order of the file: the leaf, then its issuers. There is at least one.
    pub fn certificates(&self) -> &[ParsedCertificate] {
        &self.0.chain
    }

    /// Returns the CAs that are trusted, at least one.
    pub fn ca(&self) -> &[ParsedCertificate] {
        &self.0.ca
    }

    /// Returns the name of the file that holds the CA, for texts.
    pub fn ca_name(&self) -> &str {
        &self.0.ca_name
    }

    /// Returns the name of the file that holds the certificate, for texts.
    pub fn certificate_name(&self) -> &str {
        &self.0.certificate_name
    }

    /// Returns the name of the certificate's issuer, for texts.
    pub(crate) fn issuer(&self) -> String {
        self.0.chain[0].issuer_text()
    }

    /// Returns the generation of the chains that make such credentials: 2.x has keys on secp256k1, or leaves of version 1.
    pub(crate) fn suggested_generation(&self) -> Generation {
        let is_version_1 = self.certificates().first().is_some_and(|leaf| leaf.version == Version::V1);
        match self.0.key.kind() {
            KeyKind::Secp256k1 => Generation::V2,
            _ if is_version_1 => Generation::V2,
            KeyKind::Rsa | KeyKind::Nist => Generation::V3,
        }
    }

    /// Returns whether the key is an RSA key, which decides the kind of channel.
    pub fn is_rsa(&self) -> bool {
        self.0.key.kind() == KeyKind::Rsa
    }

    /// Returns the private key.
    pub(crate) fn key(&self) -> &PrivateKey {
        &self.0.key
    }

    /// Returns the first issuer, from the leaf upwards, whose certificate is missing, so that a node can't follow the
    /// chain to the CA. Returns `None` if the chain is complete.
    pub fn missing_issuer(&self) -> Option<String> {
        let mut current = &self.0.chain[0];
        for _ in &self.0.chain {
            if current.is_self_issued() || self.0.ca.iter().any(|root| root.subject == current.issuer) {
                return None;
            }
            match self.0.chain.iter().find(|above| above.subject == current.issuer) {
                Some(above) => current = above,
                None => return Some(current.issuer_text()),
            }
        }
        None
    }
}

impl fmt::Debug for Credentials {
    /// Shows whose credentials they are, never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("certificate", &self.0.certificate_name)
            .field("subject", &self.0.chain[0].subject_text())
            .field("ca", &self.0.ca_name)
            .finish_non_exhaustive()
    }
}

/// Returns the private key in `key`.
///
/// # Errors
/// Returns [`ErrorKind::KeyMismatch`] if it doesn't belong to `leaf`, [`ErrorKind::CredentialsInvalid`] if it is
/// damaged or of a kind that chains don't have.
fn matching_key(key: &PemInput<'_>, leaf: &ParsedCertificate, certificate_name: &str) -> Result<PrivateKey> {
    let private = key.private_key()?;
    if !private.belongs_to(&leaf.key) {
        return Err(Error::undelivered(
            ErrorKind::KeyMismatch,
            format!(
                "{} is not the private key of {certificate_name} ({}, the first certificate in it): use files of one \
                 folder, and put the certificate that belongs to the key first",
                key.name(),
                leaf.subject_text()
            ),
        ));
    }
    Ok(private)
}

/// Returns the error for a certificate that is not valid at `now`.
fn out_of_date(file: &str, role: &str, certificate: &ParsedCertificate, now: UnixTime) -> Error {
    let what = match certificate.dates(now) {
        Dates::NotYetValid => "is not valid yet: check this machine's clock",
        Dates::Expired | Dates::Valid => "is expired: have it renewed, or check this machine's clock",
    };
    Error::undelivered(
        ErrorKind::CertificateDates,
        format!("the {role} {} in {file} ({}) {what}", certificate.subject_text(), certificate.period()),
    )
}
