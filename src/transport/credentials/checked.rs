//! Credentials that were parsed and are known to belong together.

use std::fmt;
use std::sync::Arc;

use k256::pkcs8::EncodePublicKey;
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
/// They hold certificates and keys as bytes. The keys are erased from memory with the last clone.
#[derive(Clone)]
pub struct Credentials {
    loaded: Arc<Loaded>,
    /// Those to use with nodes that share nothing with the above.
    beside: Option<Arc<Loaded>>,
}

#[derive(Clone)]
struct Loaded {
    ca: Vec<ParsedCertificate>,
    chain: Vec<ParsedCertificate>,
    key: Arc<PrivateKey>,
    /// On GM chains.
    encryption: Option<Arc<EncryptionPair>>,
    /// What the names of GM files state.
    protocol: Option<GmProtocol>,
    of_a_node: bool,
    ca_name: String,
    certificate_name: String,
}

/// Certificate and private key for encryption, which clients and nodes of GM chains have beside those for signatures.
pub struct EncryptionPair {
    chain: Vec<ParsedCertificate>,
    #[cfg_attr(not(feature = "sm"), allow(dead_code))]
    key: PrivateKey,
    certificate_name: String,
}

impl EncryptionPair {
    /// Returns the certificates in the order of the file, the one for encryption first. There is at least one.
    pub fn certificates(&self) -> &[ParsedCertificate] {
        &self.chain
    }

    /// Returns the name of the file that holds the certificate, for texts.
    pub fn certificate_name(&self) -> &str {
        &self.certificate_name
    }

    /// Returns the private key.
    #[cfg_attr(not(feature = "sm"), allow(dead_code))]
    pub(crate) fn key(&self) -> &PrivateKey {
        &self.key
    }
}

/// The protocols in which GM credentials are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GmProtocol {
    /// The GM suites over TLS 1.2, of generation 2.
    Tls12,
    /// TLCP, of generation 3.
    Tlcp,
}

/// The classes of keys, which decide the kind of channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyClass {
    /// ECDSA, on secp256k1 or a NIST curve.
    Ec,
    /// RSA.
    Rsa,
    /// SM2.
    Gm,
}

impl KeyClass {
    fn of(certificate: &ParsedCertificate) -> KeyClass {
        match (certificate.key.is_sm2, certificate.key.is_rsa) {
            (true, _) => KeyClass::Gm,
            (_, true) => KeyClass::Rsa,
            _ => KeyClass::Ec,
        }
    }
}

impl Credentials {
    /// Parses credentials and checks that keys and certificates belong together, whatever the dates are. `encryption` is
    /// certificate and key for encryption, which GM credentials must have and others must not.
    pub(super) fn from_pem(
        ca: &PemInput<'_>,
        certificate: &PemInput<'_>,
        key: &PemInput<'_>,
        encryption: Option<(&PemInput<'_>, &PemInput<'_>)>,
    ) -> Result<Credentials> {
        let trusted = ca.certificates()?;
        let chain = certificate.certificates()?;
        let is_gm = KeyClass::of(&chain[0]) == KeyClass::Gm;
        if is_gm && cfg!(not(feature = "sm")) {
            return Err(without_sm(certificate.name(), &chain[0]));
        }
        let key = matching_key(key, &chain[0], certificate.name())?;
        if !trusted.iter().any(|root| (KeyClass::of(root) == KeyClass::Gm) == is_gm) {
            return Err(other_world(ca.name(), &trusted[0], certificate.name(), is_gm));
        }
        let encryption = match encryption {
            None if is_gm => return Err(no_encryption_pair(certificate.name(), &chain[0])),
            None => None,
            Some((enc_certificate, _)) if !is_gm => {
                return Err(not_gm(certificate.name(), enc_certificate.name()));
            }
            Some((enc_certificate, enc_key)) => {
                let chain = enc_certificate.certificates()?;
                if KeyClass::of(&chain[0]) != KeyClass::Gm {
                    return Err(not_gm(enc_certificate.name(), enc_certificate.name()));
                }
                let key = matching_key(enc_key, &chain[0], enc_certificate.name())?;
                let certificate_name = enc_certificate.name().to_owned();
                Some(Arc::new(EncryptionPair { chain, key, certificate_name }))
            }
        };
        let loaded = Loaded {
            ca: trusted,
            chain,
            key: Arc::new(key),
            encryption,
            protocol: None,
            of_a_node: false,
            ca_name: ca.name().to_owned(),
            certificate_name: certificate.name().to_owned(),
        };
        Ok(Credentials { loaded: Arc::new(loaded), beside: None })
    }

    /// Returns whether an uncompressed point is the public key of one of these certificates.
    pub(crate) fn has_point(&self, point: &[u8]) -> bool {
        let Ok(key) = k256::PublicKey::from_sec1_bytes(point) else { return false };
        let Ok(spki) = key.to_public_key_der() else { return false };
        let loaded = std::iter::once(&self.loaded).chain(&self.beside);
        loaded.into_iter().any(|loaded| loaded.chain[0].key.same_as(spki.as_bytes()))
    }

    /// Returns these credentials with the protocol that their names state.
    pub(super) fn for_protocol(mut self, protocol: Option<GmProtocol>) -> Credentials {
        Arc::make_mut(&mut self.loaded).protocol = protocol;
        self
    }

    /// Returns these credentials with the mark whether they have the name of a node's.
    pub(super) fn of_a_node(mut self, of_a_node: bool) -> Credentials {
        Arc::make_mut(&mut self.loaded).of_a_node = of_a_node;
        self
    }

    /// Returns these credentials with others beside them.
    pub(super) fn with_beside(self, beside: &Credentials) -> Credentials {
        Credentials { beside: Some(beside.loaded.clone()), ..self }
    }

    /// Returns the GM credentials that were found beside these, for nodes that share nothing with these.
    pub fn beside(&self) -> Option<Credentials> {
        self.beside.clone().map(|loaded| Credentials { loaded, beside: None })
    }

    /// Returns certificate and key for encryption, which GM credentials have.
    pub fn encryption(&self) -> Option<&EncryptionPair> {
        self.loaded.encryption.as_deref()
    }

    /// Returns the protocol that the names of GM files state; `None` for others, and for credentials from memory.
    pub fn gm_protocol(&self) -> Option<GmProtocol> {
        self.loaded.protocol
    }

    /// Returns whether the private key has the name of a node's own, `node.key` or `gmnode.key`. On chains of generation
    /// 2 that key also signs blocks.
    pub fn has_key_of_a_node(&self) -> bool {
        self.loaded.of_a_node
    }

    /// Returns the class of the keys, which decides the kind of channel.
    pub fn key_class(&self) -> KeyClass {
        KeyClass::of(&self.loaded.chain[0])
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
        if self.loaded.ca.iter().all(|root| root.dates(now) != Dates::Valid) {
            return Err(out_of_date(&self.loaded.ca_name, "CA certificate", &self.loaded.ca[0], now));
        }
        let encryption =
            self.encryption().map(|pair| (&pair.chain, pair.certificate_name(), "encryption certificate"));
        let signing = (&self.loaded.chain, self.certificate_name(), "certificate");
        for (chain, name, leaf) in [signing].into_iter().chain(encryption) {
            for (position, certificate) in chain.iter().enumerate() {
                let role = if position == 0 { leaf } else { "agency certificate" };
                if (position == 0 || !certificate.is_self_issued()) && certificate.dates(now) != Dates::Valid
                {
                    return Err(out_of_date(name, role, certificate, now));
                }
            }
        }
        Ok(())
    }

    /// Checks that the certificates lead to the CA, as a node will: signatures and dates.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsInvalid`] with the reason if it doesn't.
    pub fn check_chain(&self) -> Result<()> {
        let der = |chain: &[ParsedCertificate]| -> Vec<_> {
            chain.iter().map(|certificate| certificate.der.clone()).collect()
        };
        let refused = |name: &str, why: &Error| {
            Error::undelivered(
                ErrorKind::CredentialsInvalid,
                format!("{name} and {} do not belong together: {why}", self.loaded.ca_name),
            )
        };
        let signing = der(&self.loaded.chain);
        leads_to_root(&self.loaded.ca, &signing)
            .map_err(|why| refused(&self.loaded.certificate_name, &why))?;
        let Some(pair) = self.encryption() else { return Ok(()) };
        // The agency's certificate is in one of the two files.
        let whole = [der(&pair.chain), signing].concat();
        leads_to_root(&self.loaded.ca, &whole).map_err(|why| refused(&pair.certificate_name, &why))
    }

    /// Returns the certificates in the order of the file: the leaf, then its issuers. There is at least one.
    pub fn certificates(&self) -> &[ParsedCertificate] {
        &self.loaded.chain
    }

    /// Returns the CAs that are trusted, at least one.
    pub fn ca(&self) -> &[ParsedCertificate] {
        &self.loaded.ca
    }

    /// Returns the name of the file that holds the CA, for texts.
    pub fn ca_name(&self) -> &str {
        &self.loaded.ca_name
    }

    /// Returns the name of the file that holds the certificate, for texts.
    pub fn certificate_name(&self) -> &str {
        &self.loaded.certificate_name
    }

    /// Returns the name of the certificate's issuer, for texts.
    pub(crate) fn issuer(&self) -> String {
        self.loaded.chain[0].issuer_text()
    }

    /// Returns the generation of the chains that make such credentials: 2.x has keys on secp256k1, or leaves of version 1;
    /// names of GM files state theirs.
    pub fn suggested_generation(&self) -> Generation {
        let is_version_1 = self.loaded.chain[0].version == Version::V1;
        match self.loaded.key.kind() {
            KeyKind::Secp256k1 => Generation::V2,
            KeyKind::Sm2 if self.gm_protocol() == Some(GmProtocol::Tlcp) => Generation::V3,
            KeyKind::Sm2 => Generation::V2,
            _ if is_version_1 => Generation::V2,
            KeyKind::Rsa | KeyKind::Nist => Generation::V3,
        }
    }

    /// Returns the private key.
    pub(crate) fn key(&self) -> &PrivateKey {
        &self.loaded.key
    }

    /// Returns the encoding of the private key, PKCS#8, SEC1 or PKCS#1, for the embedded node.
    pub fn key_der(&self) -> &[u8] {
        self.loaded.key.der()
    }

    /// Returns the first issuer, from the leaf upwards, whose certificate is missing, so that a node can't follow the
    /// chain to the CA. Returns `None` if the chain is complete.
    pub fn missing_issuer(&self) -> Option<String> {
        let mut current = &self.loaded.chain[0];
        for _ in &self.loaded.chain {
            if current.is_self_issued() || self.loaded.ca.iter().any(|root| root.subject == current.issuer) {
                return None;
            }
            match self.loaded.chain.iter().find(|above| above.subject == current.issuer) {
                Some(above) => current = above,
                None => return Some(current.issuer_text()),
            }
        }
        None
    }
}

impl fmt::Debug for EncryptionPair {
    /// Shows whose pair it is, never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptionPair").field("certificate", &self.certificate_name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Credentials {
    /// Shows whose credentials they are, never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("certificate", &self.loaded.certificate_name)
            .field("subject", &self.loaded.chain[0].subject_text())
            .field("ca", &self.loaded.ca_name)
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

/// Returns the error for an SM2 certificate in a build that can't use it.
fn without_sm(name: &str, leaf: &ParsedCertificate) -> Error {
    Error::undelivered(
        ErrorKind::CredentialsInvalid,
        format!(
            "{name} holds an SM2 certificate ({}) of a GM chain, which this build does not support: use one with the cargo \
             feature sm",
            leaf.subject_text()
        ),
    )
}

/// Returns the error for a GM CA with another certificate, or the reverse.
fn other_world(ca: &str, root: &ParsedCertificate, certificate: &str, is_gm: bool) -> Error {
    let (of_ca, of_certificate) = if is_gm { ("is not SM2", "is SM2") } else { ("is SM2", "is not") };
    Error::undelivered(
        ErrorKind::CredentialsInvalid,
        format!(
            "the CA certificate {} in {ca} {of_ca} and the certificate in {certificate} {of_certificate}: use files of one \
             folder",
            root.subject_text()
        ),
    )
}

/// Returns the error for GM credentials without the pair for encryption. Nodes can't agree on keys with them, and a node
/// of generation 2 crashes.
fn no_encryption_pair(certificate: &str, leaf: &ParsedCertificate) -> Error {
    Error::undelivered(
        ErrorKind::CredentialsInvalid,
        format!(
            "{certificate} holds an SM2 certificate ({}) of a GM chain, which is used together with a second one for \
             encryption: give that and its key too (gmensdk.crt and gmensdk.key, on generation 3 sm_ensdk.crt and \
             sm_ensdk.key), or their folder",
            leaf.subject_text()
        ),
    )
}

/// Returns the error for a pair for encryption without GM certificates.
fn not_gm(certificate: &str, enc_certificate: &str) -> Error {
    Error::undelivered(
        ErrorKind::CredentialsInvalid,
        format!(
            "{certificate} holds no SM2 certificate, so {enc_certificate} cannot be used: only GM chains have a second \
             certificate for encryption; leave it out, or give the SM2 certificates"
        ),
    )
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
