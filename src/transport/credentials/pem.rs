//! Certificates and keys from PEM, and errors that state what a file holds instead.
//!
//! A damaged file may be a private key, whatever its name is. Errors of the parsers may quote what they read, so that
//! none of their text is used here: each is replaced by a text of our own.

use std::io;
use std::path::Path;

use pki_types::CertificateDer;
use pki_types::pem::{Error as PemError, PemObject, SectionKind};
use zeroize::Zeroizing;

use super::key::{KeyEncoding, PrivateKey};
use crate::files::{Progress, is_file_name};
use crate::transport::certificate::ParsedCertificate;
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

/// PEM to parse, and the name of its file or argument.
pub(super) struct PemInput<'a> {
    name: String,
    bytes: Bytes<'a>,
}

/// Bytes of PEM. Those read from a file, and copies, are erased when they are dropped.
enum Bytes<'a> {
    Owned(Zeroizing<Vec<u8>>),
    Given(&'a [u8]),
}

impl std::ops::Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Owned(bytes) => bytes,
            Bytes::Given(bytes) => bytes,
        }
    }
}

/// What a file holds instead of the PEM that it should hold.
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
    /// Returns PEM from memory, which errors call `name`.
    pub(super) fn memory(name: &str, bytes: &'a [u8]) -> PemInput<'a> {
        let plain = plain_lines(bytes).map(Bytes::Owned);
        PemInput { name: name.to_owned(), bytes: plain.unwrap_or(Bytes::Given(bytes)) }
    }

    /// Reads PEM from a file.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsNotFound`] if the file doesn't exist, [`ErrorKind::CredentialsInvalid`] if it
    /// can't be read or is larger than 1 MiB.
    pub(super) fn file(path: &Path, progress: &Progress) -> Result<PemInput<'static>> {
        match progress.read(path, "credentials") {
            Ok(bytes) => {
                let bytes = plain_lines(&bytes).unwrap_or(bytes);
                Ok(PemInput { name: path.display().to_string(), bytes: Bytes::Owned(bytes) })
            }
            Err(error) => {
                let kind = match error.kind() {
                    io::ErrorKind::NotFound => ErrorKind::CredentialsNotFound,
                    _ => ErrorKind::CredentialsInvalid,
                };
                Err(Error::undelivered(kind, unreadable(path, &error)))
            }
        }
    }

    /// Returns the name for texts.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns all certificates in order, at least one.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsInvalid`] if one is damaged or there is none.
    pub(super) fn certificates(&self) -> Result<Vec<ParsedCertificate>> {
        let mut certificates = Vec::new();
        for der in CertificateDer::pem_slice_iter(&self.bytes) {
            let der = der.map_err(|error| self.damaged(&error))?;
            let number = certificates.len() + 1;
            let parsed = ParsedCertificate::parse(&der).map_err(|why| {
                self.invalid(&format!("holds a damaged certificate, number {number} ({why})"))
            })?;
            certificates.push(parsed);
        }
        if certificates.is_empty() {
            return Err(self.not_there("certificate", "x509"));
        }
        Ok(certificates)
    }

    /// Returns the first private key.
    ///
    /// # Errors
    /// Returns [`ErrorKind::KeyEncrypted`], or [`ErrorKind::CredentialsInvalid`] if there is no usable key.
    pub(super) fn private_key(&self) -> Result<PrivateKey> {
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(&self.bytes) {
            let (label, der) = match section {
                Ok((label, der)) => (label, Zeroizing::new(der)),
                Err(_) if self.is_encrypted() => return Err(self.encrypted()),
                Err(error) => return Err(self.damaged(&error)),
            };
            let encoding = match label {
                SectionKind::PrivateKey => KeyEncoding::Pkcs8,
                SectionKind::EcPrivateKey => KeyEncoding::Sec1,
                SectionKind::RsaPrivateKey => KeyEncoding::Pkcs1,
                _ => continue,
            };
            return PrivateKey::parse(encoding, der).ok_or_else(|| {
                self.invalid(
                    "holds no key that can be used: chains have secp256k1, SM2 or RSA keys (2048 to 8192 bits), given as a \
                     named curve",
                )
            });
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
                 KEY -out sdk.key), because a service can't ask for a password",
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
            _ => "it cannot be decoded",
        };
        self.invalid(&format!("is damaged PEM ({why})"))
    }

    fn invalid(&self, what: &str) -> Error {
        Error::undelivered(ErrorKind::CredentialsInvalid, format!("{} {what}", self.name))
    }

    /// Returns the error for a file that holds no `wanted`. `tool` is the openssl command that converts it.
    fn not_there(&self, wanted: &str, tool: &str) -> Error {
        self.invalid(&match self.content() {
            Content::Empty => format!("is empty; a {wanted} in PEM form belongs there"),
            Content::Pem(labels) if labels.contains(&"PKCS7") => {
                "is PKCS#7; convert it (openssl pkcs7 -in FILE -print_certs -out NEW-FILE)".to_owned()
            }
            Content::Pem(labels) => {
                format!("holds no {wanted}, only: {}; a {wanted} in PEM form belongs there", labels.join(", "))
            }
            Content::Utf16 => {
                "is UTF-16 text; convert it (iconv -f UTF-16 -t UTF-8 FILE > NEW-FILE)".to_owned()
            }
            Content::Pkcs12 => format!(
                "is a PKCS#12 file, not PEM; convert it (openssl pkcs12 -in FILE -nodes -{} -out NEW-FILE)",
                if tool == "pkey" { "nocerts" } else { "nokeys" }
            ),
            Content::JavaKeyStore => format!(
                "is a Java key store, not PEM; convert it to PKCS#12 (keytool -importkeystore -srckeystore FILE \
                 -destkeystore NEW-FILE -deststoretype PKCS12) and that to PEM (openssl pkcs12), and put the {wanted} \
                 there"
            ),
            Content::Der => {
                format!("is DER, not PEM; convert it (openssl {tool} -inform DER -in FILE -out NEW-FILE)")
            }
            Content::Unknown if is_file_name(&self.bytes) => {
                format!("is the name of a file; what the file contains belongs there, a {wanted} in PEM form")
            }
            Content::Unknown => format!("is not PEM; a {wanted} in PEM form belongs there"),
        })
    }

    fn content(&self) -> Content {
        let bytes = self.bytes.trim_ascii();
        if bytes.is_empty() {
            return Content::Empty;
        }
        // With a byte order mark, or as the hyphens of a BEGIN line in either byte order.
        if [[0xff, 0xfe], [0xfe, 0xff], *b"-\0", *b"\0-"].iter().any(|start| bytes.starts_with(start)) {
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
        // Only a PKCS#12 file starts with its version, 3, after the length of the whole.
        let version =
            bytes.get(1).map(|length| 2 + usize::from(if length & 0x80 == 0 { 0 } else { length & 0x7f }));
        match version.and_then(|at| bytes.get(at..at + 3)) {
            Some([0x02, 0x01, 0x03]) => Content::Pkcs12,
            _ => Content::Der,
        }
    }
}

/// The label that OpenSSL 3 gives SM2 keys in SEC1, and that of other curves, which the parser knows.
const SM2_KEY: [(&[u8], &[u8]); 2] = [
    (b"-----BEGIN SM2 PRIVATE KEY-----", b"-----BEGIN EC PRIVATE KEY-----"),
    (b"-----END SM2 PRIVATE KEY-----", b"-----END EC PRIVATE KEY-----"),
];

/// The byte order mark of UTF-8, which some editors put at the beginning of a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Returns PEM without byte order marks, carriage returns and blanks around its lines, and with labels that the parser
/// knows. It would pass over a BEGIN line behind one of these, or with another label. Returns `None` if there are none, or if this is not PEM.
fn plain_lines(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let has = |mark: &[u8]| bytes.windows(mark.len()).any(|window| window == mark);
    let lines = || bytes.split(|byte| matches!(byte, b'\n' | b'\r')).map(plain_line);
    let is_plain = lines().map(|line| line.len() + 1).sum::<usize>() == bytes.len() + 1 && !has(b"\r");
    if is_plain || !has(b"-----BEGIN ") || has(b"\0") {
        return None;
    }
    // As large as the original, so that no copy of a key is left behind when the memory grows.
    let mut plain = Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
    for line in lines() {
        plain.extend_from_slice(line);
        plain.push(b'\n');
    }
    Some(plain)
}

fn plain_line(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii();
    // Files that were joined have one in the middle.
    let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line).trim_ascii();
    SM2_KEY.into_iter().find(|(label, _)| *label == line).map_or(line, |(_, known)| known)
}

/// Returns the text for a file that can't be read.
fn unreadable(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "; let the user of this program read it, for example as the owner of the file: chmod u+r {path}, or run the \
             program as its owner"
        ),
        io::ErrorKind::IsADirectory => "; a file belongs there".to_owned(),
        _ => String::new(),
    };
    format!("cannot read {path}: {error}{advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines_removes_marks_and_blanks_of_pem_only() {
        let plain = |bytes: &[u8]| plain_lines(bytes).map(|plain| plain.to_vec());
        let pem = b"-----BEGIN X-----\nYQ==\n-----END X-----\n";
        assert_eq!(plain(pem), None);
        assert_eq!(plain(b"\xef\xbb\xbf-----BEGIN X-----\r\n\t YQ== \r\n -----END X-----"), {
            Some(b"-----BEGIN X-----\n\nYQ==\n\n-----END X-----\n".to_vec())
        });
        assert_eq!(plain(b"\x30 \r\n"), None);
    }

    #[test]
    fn unreadable_file_comes_with_advice() {
        let text = unreadable(Path::new("sdk.key"), &io::ErrorKind::PermissionDenied.into());
        assert!(
            text.starts_with("cannot read sdk.key: permission denied; ")
                && text.contains("chmod u+r sdk.key")
        );
    }
}
