//! Certificates and keys from PEM, and errors that state what a file holds instead.
//!
//! A damaged file may be a private key, whatever its name is. Errors of the parsers may quote what they read, so that
//! none of their text is used here: each is replaced by a text of our own.

use std::borrow::Cow;
use std::path::Path;

use rustls::pki_types::pem::{Error as PemError, PemObject, SectionKind};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};

use super::read::Progress;
use crate::transport::certificate::{ParsedCertificate, is_sm2_key};
use crate::{Error, ErrorKind, Result};

/// The labels of PEM sections that errors name. Others are not shown: with its line feeds lost, the whole file may
/// stand where the label should be.
const KNOWN_LABELS: [&str; 16] = [
    "CERTIFICATE",
    "X509 CERTIFICATE",
    "TRUSTED CERTIFICATE",
    "CERTIFICATE REQUEST",
    "NEW CERTIFICATE REQUEST",
    "X509 CRL",
    "PKCS7",
    "PUBLIC KEY",
    "RSA PUBLIC KEY",
    "PRIVATE KEY",
    "EC PRIVATE KEY",
    "RSA PRIVATE KEY",
    "DSA PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "EC PARAMETERS",
];

/// PEM to be read, and where it came from.
pub(super) struct PemInput<'a> {
    name: String,
    bytes: Cow<'a, [u8]>,
}

/// What a file turns out to be, where it isn't what it should be.
enum Content {
    Empty,
    /// PEM with sections of these labels.
    Pem(Vec<&'static str>),
    Utf16,
    Pkcs12,
    JavaKeyStore,
    Der,
    Unknown,
}

impl<'a> PemInput<'a> {
    /// PEM from memory; errors call it `name`.
    pub(super) fn memory(name: &str, bytes: &'a [u8]) -> PemInput<'a> {
        PemInput { name: name.to_owned(), bytes: Cow::Borrowed(bytes) }
    }

    /// PEM from a file.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsNotFound`] if the file doesn't exist, [`ErrorKind::CredentialsInvalid`] if it
    /// can't be read or is larger than 1 MiB.
    pub(super) fn file(path: &Path, progress: &Progress) -> Result<PemInput<'static>> {
        match progress.read(path) {
            Ok(bytes) => Ok(PemInput { name: path.display().to_string(), bytes: Cow::Owned(bytes) }),
            Err(error) => {
                let kind = match error.kind() {
                    std::io::ErrorKind::NotFound => ErrorKind::CredentialsNotFound,
                    _ => ErrorKind::CredentialsInvalid,
                };
                Err(Error::undelivered(kind, format!("cannot read {}: {error}", path.display())))
            }
        }
    }

    /// The file's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// All certificates, at least one, in order.
    pub(super) fn certificates(&self) -> Result<Vec<ParsedCertificate>> {
        let mut certificates = Vec::new();
        for der in CertificateDer::pem_slice_iter(&self.bytes) {
            let der = der.map_err(|error| self.damaged(&error))?;
            let number = certificates.len() + 1;
            let parsed = ParsedCertificate::parse(&der).map_err(|why| {
                self.invalid(&format!("holds a damaged certificate, number {number} ({why})"))
            })?;
            if parsed.key.is_sm2 {
                return Err(self.invalid(&format!(
                    "holds an SM2 certificate ({}) of a GM chain; this build speaks to chains with secp256k1 or RSA",
                    parsed.subject_text()
                )));
            }
            certificates.push(parsed);
        }
        if certificates.is_empty() {
            return Err(self.not_there("certificate", "x509"));
        }
        Ok(certificates)
    }

    /// The first private key.
    pub(super) fn private_key(&self) -> Result<PrivateKeyDer<'static>> {
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(&self.bytes) {
            let (kind, der) = match section {
                Ok(section) => section,
                Err(_) if self.is_encrypted() => return Err(self.encrypted()),
                Err(error) => return Err(self.damaged(&error)),
            };
            let key = match kind {
                SectionKind::PrivateKey if is_sm2_key(&der) => {
                    return Err(self.invalid(
                        "holds an SM2 key of a GM chain; this build speaks to chains with secp256k1 or RSA",
                    ));
                }
                SectionKind::PrivateKey => PrivatePkcs8KeyDer::from(der).into(),
                SectionKind::EcPrivateKey => PrivateSec1KeyDer::from(der).into(),
                SectionKind::RsaPrivateKey => PrivatePkcs1KeyDer::from(der).into(),
                _ => continue,
            };
            return Ok(key);
        }
        if self.is_encrypted() {
            return Err(self.encrypted());
        }
        Err(self.not_there("private key", "pkey"))
    }

    fn is_encrypted(&self) -> bool {
        let has = |mark: &[u8]| self.bytes.windows(mark.len()).any(|window| window == mark);
        has(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || has(b"Proc-Type: 4,ENCRYPTED")
    }

    fn encrypted(&self) -> Error {
        Error::undelivered(
            ErrorKind::KeyEncrypted,
            format!(
                "{} is encrypted: decrypt it into a file that only this program's user can read (openssl pkey -in \
                 KEY -out sdk.key), nobody could type the password for a service",
                self.name
            ),
        )
    }

    /// Returns the error for a file that the PEM parser refused. Its own error quotes the file.
    fn damaged(&self, error: &PemError) -> Error {
        let why = match error {
            PemError::MissingSectionEnd { .. } => {
                "an END line is missing, or its label is not that of the BEGIN line"
            }
            PemError::IllegalSectionStart { .. } => {
                "a BEGIN line is cut off or has more on it than its label: check that the line feeds are there"
            }
            PemError::Base64Decode(_) => "what stands between BEGIN and END is not base64, or is cut off",
            _ => "it can't be decoded",
        };
        self.invalid(&format!("is damaged PEM ({why})"))
    }

    fn invalid(&self, what: &str) -> Error {
        Error::undelivered(ErrorKind::CredentialsInvalid, format!("{} {what}", self.name))
    }

    /// The error for a file without what was looked for; `tool` is the openssl command that converts it.
    fn not_there(&self, wanted: &str, tool: &str) -> Error {
        self.invalid(&match self.content() {
            Content::Empty => format!("is empty; a {wanted} in PEM form belongs there"),
            Content::Pem(labels) => {
                format!("holds no {wanted} but: {}; a {wanted} in PEM form belongs there", labels.join(", "))
            }
            Content::Utf16 => "is UTF-16 text; save it as ASCII or UTF-8 without a byte order mark".to_owned(),
            Content::Pkcs12 => format!(
                "is a PKCS#12 file, not PEM; convert it (openssl pkcs12 -in FILE -nodes) and put the {wanted} there"
            ),
            Content::JavaKeyStore => {
                format!("is a Java key store, not PEM; export it to PKCS#12, convert that to PEM and put the {wanted} there")
            }
            Content::Der => format!("is DER, not PEM; convert it (openssl {tool} -inform DER -in FILE)"),
            Content::Unknown => format!("is not PEM; a {wanted} in PEM form belongs there"),
        })
    }

    fn content(&self) -> Content {
        let bytes = self.bytes.trim_ascii();
        if bytes.is_empty() {
            return Content::Empty;
        }
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Content::Utf16;
        }
        let labels: Vec<_> = String::from_utf8_lossy(bytes)
            .lines()
            .filter_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----"))
            .map(|label| {
                KNOWN_LABELS.into_iter().find(|known| *known == label).unwrap_or("an unknown section")
            })
            .collect();
        if !labels.is_empty() {
            return Content::Pem(labels);
        }
        if bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) {
            return Content::JavaKeyStore;
        }
        if bytes[0] != 0x30 {
            return Content::Unknown;
        }
        // A PKCS#12 file starts with its version, 3, after the length of the whole: nothing else here does.
        let version =
            bytes.get(1).map(|length| 2 + usize::from(if length & 0x80 == 0 { 0 } else { length & 0x7f }));
        match version.and_then(|at| bytes.get(at..at + 3)) {
            Some([0x02, 0x01, 0x03]) => Content::Pkcs12,
            _ => Content::Der,
        }
    }
}
