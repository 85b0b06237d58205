//! An X.509 certificate of any version, with the fields that are needed to judge it.
//!
//! webpki parses certificates of version 1 only as trust anchors, but RSA chains use them for leaves too.

use std::fmt;
use std::time::{Duration, SystemTime};

use k256::pkcs8::DecodePublicKey;
use pki_types::{CertificateDer, UnixTime};
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::der::{Decode, Encode, Header, Reader, SliceReader};
use x509_cert::name::Name;
use x509_cert::spki::{AlgorithmIdentifierOwned, ObjectIdentifier};
use x509_cert::time::Time;

use crate::text::{SHOWN_BYTES, printable};

/// OID of the SM2 curve, which GM chains use.
const SM2_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");

/// OID of RSA keys (rsaEncryption).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// A certificate: its encoding and the fields that were parsed.
#[derive(Clone, PartialEq, Eq)]
pub struct ParsedCertificate {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) version: Version,
    pub(crate) subject: Name,
    pub(crate) issuer: Name,
    /// The algorithm of the issuer's signature, as the content of an AlgorithmIdentifier.
    pub(crate) signature_algorithm: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) key: PublicKey,
    /// Whether both fields for the signature algorithm are equal, as they must be.
    pub(crate) algorithms_agree: bool,
    not_before: Time,
    not_after: Time,
}

/// The public key of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey {
    /// The whole SubjectPublicKeyInfo.
    pub(crate) spki: Vec<u8>,
    /// The content of its AlgorithmIdentifier.
    pub(crate) algorithm: Vec<u8>,
    /// The key itself: a point, or an RSA key's two numbers.
    pub(crate) bits: Vec<u8>,
    /// Whether it is on the curve of GM chains.
    pub(crate) is_sm2: bool,
    /// Whether it is an RSA key.
    pub(crate) is_rsa: bool,
}

impl PublicKey {
    /// Returns whether `spki` is this key, even if a point is encoded in another form.
    pub(crate) fn same_as(&self, spki: &[u8]) -> bool {
        if self.spki == spki {
            return true;
        }
        let point = |spki: &[u8]| k256::PublicKey::from_public_key_der(spki).ok();
        point(&self.spki).is_some_and(|own| Some(own) == point(spki))
    }
}

/// The relation of a certificate's dates to a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dates {
    /// The moment lies between them.
    Valid,
    /// The moment is after the last.
    Expired,
    /// The moment is before the first.
    NotYetValid,
}

impl ParsedCertificate {
    /// Parses a certificate from its DER encoding.
    ///
    /// # Errors
    /// Returns what is wrong with the encoding, in a text that quotes nothing of it.
    pub fn read(der: &[u8]) -> Result<ParsedCertificate, &'static str> {
        ParsedCertificate::parse(&CertificateDer::from(der))
    }

    /// Parses a certificate.
    ///
    /// # Errors
    /// Returns what is wrong with the encoding, in a text that quotes nothing of it.
    pub(crate) fn parse(der: &CertificateDer<'_>) -> Result<ParsedCertificate, &'static str> {
        let certificate = Certificate::from_der(der).map_err(damage)?;
        let tbs = certificate.tbs_certificate();
        let key = tbs.subject_public_key_info();
        let bits = key.subject_public_key.as_bytes().ok_or("its key does not end on a byte")?;
        let signature = certificate.signature().as_bytes().ok_or("its signature does not end on a byte")?;
        Ok(ParsedCertificate {
            der: der.clone().into_owned(),
            version: tbs.version(),
            subject: tbs.subject().clone(),
            issuer: tbs.issuer().clone(),
            signature_algorithm: content(&certificate.signature_algorithm().to_der().map_err(damage)?)?
                .to_vec(),
            signature: signature.to_vec(),
            key: PublicKey {
                spki: key.to_der().map_err(damage)?,
                algorithm: content(&key.algorithm.to_der().map_err(damage)?)?.to_vec(),
                bits: bits.to_vec(),
                is_sm2: is_on_sm2(&key.algorithm),
                is_rsa: key.algorithm.oid == RSA,
            },
            algorithms_agree: tbs.signature() == certificate.signature_algorithm(),
            not_before: tbs.validity().not_before,
            not_after: tbs.validity().not_after,
        })
    }

    /// Returns the bytes that the issuer signed, exactly as they were received: encoding them again could change them.
    pub(crate) fn signed_bytes(&self) -> &[u8] {
        let outer = content(&self.der).expect("a parsed certificate is a SEQUENCE");
        let mut inner = SliceReader::new(outer).expect("shorter than the certificate that was parsed");
        inner.tlv_bytes().expect("a parsed certificate starts with its TBSCertificate")
    }

    /// Returns the relation of the dates to the current time.
    pub fn dates_now(&self) -> Dates {
        self.dates(UnixTime::now())
    }

    /// Returns the relation of the dates to `now`.
    pub(crate) fn dates(&self, now: UnixTime) -> Dates {
        let now = Duration::from_secs(now.as_secs());
        if now < self.not_before.to_unix_duration() {
            Dates::NotYetValid
        } else if now > self.not_after.to_unix_duration() {
            Dates::Expired
        } else {
            Dates::Valid
        }
    }

    /// Returns the last moment at which it is valid.
    pub fn not_after(&self) -> SystemTime {
        self.not_after.to_system_time()
    }

    /// Returns whether it names itself as its issuer, as roots do.
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// Returns the subject, for texts: `CN=sdk, O=fisco-bcos, OU=sdk`.
    pub fn subject_text(&self) -> String {
        text(&self.subject)
    }

    /// Returns the issuer, for texts.
    pub fn issuer_text(&self) -> String {
        text(&self.issuer)
    }

    /// Returns both dates, for texts: `valid from 2020-01-01T00:00:00Z to 2021-01-01T00:00:00Z`.
    pub fn period(&self) -> String {
        format!("valid from {} to {}", self.not_before, self.not_after)
    }
}

impl fmt::Debug for ParsedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParsedCertificate")
            .field("subject", &self.subject_text())
            .field("issuer", &self.issuer_text())
            .finish_non_exhaustive()
    }
}

/// A name in the order it is written in, as OpenSSL and node logs show it, made safe to show: a peer may have written
/// it.
fn text(name: &Name) -> String {
    let parts: Vec<_> = name.iter_rdn().map(ToString::to_string).collect();
    // Backslashes are escaped already.
    printable(&parts.join(", ")).limit(SHOWN_BYTES).to_string()
}

/// Returns whether a PKCS#8 private key is on the curve of GM chains.
pub(crate) fn is_sm2_key(pkcs8: &[u8]) -> bool {
    k256::pkcs8::PrivateKeyInfoRef::from_der(pkcs8)
        .ok()
        .and_then(|info| info.algorithm.parameters_oid().ok())
        .is_some_and(|curve| curve == SM2_CURVE)
}

fn is_on_sm2(algorithm: &AlgorithmIdentifierOwned) -> bool {
    let curve = algorithm.parameters.as_ref().and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
    curve == Some(SM2_CURVE)
}

/// Returns the content of the outermost element of `der`, without its tag and length.
fn content(der: &[u8]) -> Result<&[u8], &'static str> {
    let mut reader = SliceReader::new(der).map_err(damage)?;
    let header = Header::decode(&mut reader).map_err(damage)?;
    reader.read_slice(header.length()).map_err(damage)
}

/// Returns our own text for an error of the DER decoder, whose text may quote what it read: a file that should be a
/// certificate may be a private key.
fn damage(error: x509_cert::der::Error) -> &'static str {
    use x509_cert::der::ErrorKind as E;
    match error.kind() {
        E::Incomplete { .. } => "it ends too early",
        E::TrailingData { .. } => "more follows after its end",
        E::TagUnexpected { .. } => {
            "it is not an X.509 certificate, or a part of it has another type than it should"
        }
        E::DateTime => "a date in it is invalid",
        _ => "its encoding is invalid",
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn names_are_escaped_and_bounded() {
        let shown = |name: &str| text(&Name::from_str(name).unwrap());
        assert_eq!(shown("OU=sdk,O=fisco-bcos,CN=sdk"), "CN=sdk, O=fisco-bcos, OU=sdk");
        let hostile = shown("CN=a\nb\u{1b}[2J\u{202e}\u{2028}");
        assert_eq!(hostile, r"CN=a\0ab\1b[2J\u{202e}\u{2028}");
        assert!(shown(&format!("CN={}", "x".repeat(1000))).ends_with("x... (1003 bytes)"));
    }
}
