//! The forms that keys come in, recognised by their content, and the forms that they are written in.
//!
//! What is no key may still be a secret, so that no error shows any of it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use k256::elliptic_curve::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use pkcs8::der::Decode;
use pkcs8::spki::SubjectPublicKeyInfoRef;
use pkcs8::{EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::key::{PrivateKey, PublicKey};
use super::pbes2::{self, Failed};
use super::pem::{self, Section};
use super::pkcs12::{self, Unreadable};
use crate::error::{Error, ErrorKind, Result};
use crate::files::is_file_name;
use crate::text;

/// The largest file that is read, in bytes. A key has less than 4 KiB.
const MAX_FILE_LEN: u64 = 1024 * 1024;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const SECP256K1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.10");
const SM2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");

/// What the bytes hold, as far as can be seen at once.
enum Content<'a> {
    /// Hex digits, as bytes.
    Hex(Zeroizing<Vec<u8>>),
    Pem(Vec<Section>),
    Pkcs12(&'a [u8]),
    Der(&'a [u8]),
    Unknown,
}

impl Content<'_> {
    fn of(bytes: &[u8]) -> Content<'_> {
        if let Ok(text) = std::str::from_utf8(bytes) {
            if let Some(bytes) = unhex(text.trim_start_matches('\u{feff}').trim()) {
                return Content::Hex(bytes);
            }
            if pem::is_pem(text) {
                return Content::Pem(pem::sections(text));
            }
        }
        match bytes {
            [0x30, ..] if pkcs12::is_pkcs12(bytes) => Content::Pkcs12(bytes),
            [0x30, ..] => Content::Der(bytes),
            _ => Content::Unknown,
        }
    }
}

/// Reads a file, and returns its name for texts and its content.
pub(super) fn read_file(path: &Path) -> Result<(String, Zeroizing<Vec<u8>>)> {
    let name = text::path(path).to_string();
    let failed = |error: io::Error| {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => ErrorKind::CredentialsNotFound,
            _ => ErrorKind::CredentialsInvalid,
        };
        Error::undelivered(kind, format!("cannot read the key file {name}: {error}"))
    };
    // Large enough for any key, so that no copy of one is left behind when the memory grows.
    let mut content = Zeroizing::new(Vec::with_capacity(64 * 1024));
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_LEN + 1).read_to_end(&mut content));
    read.map_err(failed)?;
    if content.len() as u64 > MAX_FILE_LEN {
        return Err(failed(io::Error::other("it is larger than 1 MiB, and a key has less than 4 KiB")));
    }
    Ok((name, content))
}

/// Reads a private key in any form. `name` is what errors call it.
pub(super) fn private_key(name: &str, bytes: &[u8], password: Option<&str>) -> Result<PrivateKey> {
    match Content::of(bytes) {
        Content::Hex(bytes) => match bytes.len() {
            32 => PrivateKey::from_bytes(&bytes)
                .ok_or_else(|| invalid(name, "is not the number of a key on secp256k1")),
            64 | 65 => Err(is_public(name)),
            len => Err(invalid(name, format_args!("has {} hex digits: a private key has 64", 2 * len))),
        },
        Content::Pem(sections) => private_key_of_pem(name, &sections, password),
        Content::Pkcs12(der) => match pkcs12::private_key(der, password) {
            Ok(key) => of_pkcs8(name, &key),
            Err(Unreadable::Password) => Err(encrypted(name, password)),
            Err(Unreadable::NoKey) => Err(invalid(name, "holds no private key, only certificates")),
            Err(Unreadable::Damaged) => Err(invalid(
                name,
                "is damaged PKCS#12, or PKCS#12 in BER: convert it (openssl pkcs12 -in FILE -nodes -nocerts -out NEW-FILE)",
            )),
            Err(Unreadable::Encryption) => Err(invalid(
                name,
                "is PKCS#12 with an encryption that is not supported: convert it (openssl pkcs12 -in FILE -nodes -nocerts \
                 -out NEW-FILE)",
            )),
            Err(Unreadable::Work) => Err(too_much_work(name)),
        },
        Content::Der(der) if EncryptedPrivateKeyInfoRef::try_from(der).is_ok() => {
            decrypted(name, der, password)
        }
        Content::Der(der) if PrivateKeyInfoRef::from_der(der).is_ok() => of_pkcs8(name, der),
        Content::Der(der) if SubjectPublicKeyInfoRef::from_der(der).is_ok() => Err(is_public(name)),
        Content::Der(der) => of_sec1(name, der),
        Content::Unknown => Err(unknown(name, bytes, "64 hex digits, PEM or PKCS#12")),
    }
}

/// Reads a public key in any form. `name` is what errors call it.
pub(super) fn public_key(name: &str, bytes: &[u8]) -> Result<PublicKey> {
    match Content::of(bytes) {
        Content::Hex(bytes) => {
            let point = match (bytes.len(), bytes.first()) {
                (64, _) => [&[4], &bytes[..]].concat(),
                (65, Some(4)) => bytes.to_vec(),
                (32, _) => return Err(is_private(name)),
                (len, _) => {
                    let what = format!(
                        "has {} hex digits: a public key has 128, or 130 with 04 before them",
                        2 * len
                    );
                    return Err(invalid(name, what));
                }
            };
            PublicKey::from_point(&point).ok_or_else(|| invalid(name, "is not a point on secp256k1"))
        }
        Content::Pem(sections) => {
            for section in &sections {
                match (&*section.label, &section.der) {
                    ("PUBLIC KEY", Some(der)) => return of_spki(name, der),
                    ("PUBLIC KEY", None) => return Err(damaged(name)),
                    (label, _) if label.ends_with("PRIVATE KEY") => return Err(is_private(name)),
                    _ => {}
                }
            }
            Err(not_there(name, "public key", &sections))
        }
        Content::Der(der) if SubjectPublicKeyInfoRef::from_der(der).is_ok() => of_spki(name, der),
        Content::Pkcs12(_) => Err(is_private(name)),
        Content::Der(der) if PrivateKeyInfoRef::from_der(der).is_ok() => Err(is_private(name)),
        Content::Der(_) | Content::Unknown => Err(unknown(name, bytes, "128 or 130 hex digits, or PEM")),
    }
}

fn private_key_of_pem(name: &str, sections: &[Section], password: Option<&str>) -> Result<PrivateKey> {
    for section in sections {
        if !section.label.ends_with("PRIVATE KEY") {
            continue;
        }
        if section.has_old_encryption {
            let text = format!(
                "{name} is encrypted as OpenSSL did before PKCS#8: convert it (openssl pkcs8 -topk8 -in FILE -out NEW-FILE)"
            );
            return Err(Error::undelivered(ErrorKind::KeyEncrypted, text));
        }
        let der = section.der.as_ref().ok_or_else(|| damaged(name))?;
        return match &*section.label {
            "PRIVATE KEY" => of_pkcs8(name, der),
            "ENCRYPTED PRIVATE KEY" => decrypted(name, der, password),
            "EC PRIVATE KEY" => of_sec1(name, der),
            "RSA PRIVATE KEY" => Err(other_kind(name, "an RSA key")),
            "SM2 PRIVATE KEY" => Err(is_sm2(name)),
            _ => Err(other_kind(name, "a key of another kind")),
        };
    }
    if let Some(section) = sections.iter().find(|section| section.label == "PUBLIC KEY") {
        // A key that publishers can't use either is refused for that reason.
        let refused =
            section.der.as_ref().map_or_else(|| Some(damaged(name)), |der| of_spki(name, der).err());
        return Err(refused.unwrap_or_else(|| is_public(name)));
    }
    Err(not_there(name, "private key", sections))
}

fn decrypted(name: &str, der: &[u8], given: Option<&str>) -> Result<PrivateKey> {
    let Some(password) = given else { return Err(encrypted(name, given)) };
    let unsupported = || {
        invalid(
            name,
            "is encrypted in a way that is not supported: convert it (openssl pkcs8 -topk8 -in FILE -out NEW-FILE)",
        )
    };
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| unsupported())?;
    match pbes2::decrypt(&info, password) {
        Ok(key) => of_pkcs8(name, &key),
        Err(Failed::Password) => Err(encrypted(name, given)),
        Err(Failed::Encryption) => Err(unsupported()),
        Err(Failed::Work) => Err(too_much_work(name)),
    }
}

fn of_pkcs8(name: &str, der: &[u8]) -> Result<PrivateKey> {
    let info = PrivateKeyInfoRef::from_der(der).map_err(|_| damaged(name))?;
    check_algorithm(name, info.algorithm.oid, info.algorithm.parameters_oid().ok())?;
    let secret = k256::SecretKey::try_from(info).map_err(|_| damaged(name))?;
    Ok(PrivateKey::from_secret(&secret))
}

fn of_sec1(name: &str, der: &[u8]) -> Result<PrivateKey> {
    let key = sec1::EcPrivateKey::from_der(der).map_err(|_| damaged_or_unnamed(name))?;
    let curve = key.parameters.and_then(|parameters| parameters.named_curve());
    check_algorithm(name, EC, Some(curve.unwrap_or(SECP256K1)))?;
    let secret = k256::SecretKey::from_sec1_der(der).map_err(|_| damaged(name))?;
    Ok(PrivateKey::from_secret(&secret))
}

fn of_spki(name: &str, der: &[u8]) -> Result<PublicKey> {
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| damaged(name))?;
    check_algorithm(name, info.algorithm.oid, info.algorithm.parameters_oid().ok())?;
    let point = info.subject_public_key.as_bytes().and_then(PublicKey::from_point);
    point.ok_or_else(|| damaged(name))
}

fn check_algorithm(name: &str, kind: ObjectIdentifier, curve: Option<ObjectIdentifier>) -> Result<()> {
    match (kind, curve) {
        (EC, Some(SECP256K1)) => Ok(()),
        (EC, Some(SM2)) | (SM2, _) => Err(is_sm2(name)),
        (EC, Some(_)) => Err(other_kind(name, "a key on another curve")),
        (EC, None) => Err(invalid(name, format_args!("names no curve: {NAME_CURVE}"))),
        (RSA, _) => Err(other_kind(name, "an RSA key")),
        _ => Err(other_kind(name, "a key of another kind")),
    }
}

fn invalid(name: &str, what: impl std::fmt::Display) -> Error {
    Error::undelivered(ErrorKind::CredentialsInvalid, format!("{name} {what}"))
}

fn damaged(name: &str) -> Error {
    invalid(name, "is damaged: what it encodes is cut off, or is no key")
}

/// How to convert a key that states the numbers of its curve.
const NAME_CURVE: &str = "convert it (openssl ec -in FILE -param_enc named_curve -out NEW-FILE, for a public key with -pubin -pubout)";

/// Returns the error for a key of SEC1 that can't be decoded, as one with the numbers of its curve can't.
fn damaged_or_unnamed(name: &str) -> Error {
    invalid(name, format_args!("is damaged, or names no curve: take another copy, or {NAME_CURVE}"))
}

fn other_kind(name: &str, what: &str) -> Error {
    invalid(
        name,
        format_args!("is {what}: keys of private topics are on secp256k1 (amop keys new makes one)"),
    )
}

fn is_sm2(name: &str) -> Error {
    invalid(
        name,
        "is an SM2 key: keys of private topics are on secp256k1, on GM chains too, because all SDKs verify secp256k1 \
         signatures only (amop keys new makes a key)",
    )
}

fn is_public(name: &str) -> Error {
    invalid(name, "is a public key: subscribers need the private one, publishers allow the public one")
}

fn is_private(name: &str) -> Error {
    invalid(
        name,
        "holds a private key: publishers allow public keys, and the private one stays with its subscriber (amop keys show \
         prints its public key)",
    )
}

fn encrypted(name: &str, password: Option<&str>) -> Error {
    let what = match password {
        None => "is encrypted: give its password",
        Some(_) => "is encrypted, and the password is not the right one",
    };
    Error::undelivered(ErrorKind::KeyEncrypted, format!("{name} {what}"))
}

fn too_much_work(name: &str) -> Error {
    invalid(
        name,
        "states an impossible amount of work for its decryption, or more than is accepted (10,000,000 rounds, or 256 MiB of \
         memory): encrypt it anew (amop keys convert, openssl pkcs8 -topk8)",
    )
}

fn not_there(name: &str, wanted: &str, sections: &[Section]) -> Error {
    let is_certificate = sections.iter().any(|section| section.label.ends_with("CERTIFICATE"));
    let instead = if is_certificate { ", only a certificate" } else { "" };
    invalid(name, format_args!("holds no {wanted}{instead}"))
}

fn unknown(name: &str, bytes: &[u8], forms: &str) -> Error {
    if bytes.trim_ascii().is_empty() {
        return invalid(name, "is empty");
    }
    if is_file_name(bytes) {
        return invalid(name, format_args!("is the name of a file: give what the file contains ({forms})"));
    }
    invalid(name, format_args!("is in no form that is known: give {forms}"))
}

/// Returns the bytes that hex digits stand for, with `0x` before them or without.
fn unhex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let is_hex =
        !digits.is_empty() && digits.len().is_multiple_of(2) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hex || digits.len() > 1024 {
        return None;
    }
    let value = |digit: u8| char::from(digit).to_digit(16).map_or(0, |value| value as u8);
    let pairs = digits.as_bytes().chunks_exact(2);
    let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
    bytes.extend(pairs.map(|pair| value(pair[0]) << 4 | value(pair[1])));
    Some(bytes)
}

pub(super) fn private_pem(key: &PrivateKey) -> Result<Zeroizing<String>> {
    key.secret().to_pkcs8_pem(LineEnding::LF).map_err(|_| not_encoded())
}

pub(super) fn encrypted_pem(key: &PrivateKey, password: &str) -> Result<Zeroizing<String>> {
    if password.is_empty() {
        let text = "the password is empty: give one, or write the key without encryption";
        return Err(Error::undelivered(ErrorKind::InvalidArgument, text));
    }
    let document = key.secret().to_pkcs8_der().map_err(|_| not_encoded())?;
    let info = PrivateKeyInfoRef::from_der(document.as_bytes()).map_err(|_| not_encoded())?;
    let encrypted = info.encrypt(password).map_err(|_| not_encoded())?;
    encrypted.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF).map_err(|_| not_encoded())
}

pub(super) fn public_pem(key: &PublicKey) -> Result<String> {
    let key = k256::PublicKey::from_sec1_bytes(&key.to_point()).map_err(|_| not_encoded())?;
    key.to_public_key_pem(LineEnding::LF).map_err(|_| not_encoded())
}

fn not_encoded() -> Error {
    Error::undelivered(ErrorKind::Internal, "a bug in the library: a key could not be encoded")
}

#[cfg(test)]
mod tests;
