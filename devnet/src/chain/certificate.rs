//! Issuing one certificate, with the names, dates and extensions of the official chain script.

use std::time::{Duration, SystemTime};

use amop::{Error, ErrorKind, Result};
use k256::ecdsa::DerSignature;
use k256::elliptic_curve::Generate;
use rsa::pkcs1v15;
use x509_cert::Certificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{self, Builder, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoRef;
use x509_cert::time::{Time, Validity};

use super::key::{Key, Sm2Signature};

/// The validity of the script's certificates: 100 years.
const SCRIPT_VALIDITY: Duration = Duration::from_secs(36_500 * DAY.as_secs());

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The length of a serial number in bytes. X.509 allows at most 20.
const SERIAL_LEN: usize = 16;

/// The validity period of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The beginning of the period.
    pub not_before: SystemTime,
    /// The end of the period.
    pub not_after: SystemTime,
}

impl Period {
    /// Returns the script's period: 100 years from now. It begins a day early, because clocks differ.
    pub fn script() -> Period {
        let now = SystemTime::now();
        Period { not_before: now - DAY, not_after: now + SCRIPT_VALIDITY }
    }

    /// Returns a period that ended yesterday.
    pub fn expired() -> Period {
        let now = SystemTime::now();
        Period { not_before: now - 10 * DAY, not_after: now - DAY }
    }

    /// Returns a period that begins tomorrow.
    pub fn not_yet_valid() -> Period {
        let now = SystemTime::now();
        Period { not_before: now + DAY, not_after: now + 10 * DAY }
    }
}

/// The version of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Version 1, without extensions. The script uses it for roots, and for nodes and SDKs with RSA keys.
    V1,
    /// Version 3, with extensions.
    V3,
}

/// The purpose of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It issues others.
    Authority,
    /// It belongs to a node or an SDK.
    Leaf,
    /// It belongs to a node or an SDK of a chain of generation 3. The script of these chains gives it the extensions of an
    /// authority: it may issue others.
    LeafOf3x,
    /// It belongs to a node or an SDK of a GM chain, which signs with it.
    GmSignature,
    /// It belongs to a node or an SDK of a GM chain, which agrees on keys with it.
    GmEncryption,
}

/// The requested content of a certificate.
pub(super) struct Wanted<'a> {
    pub(super) subject: &'a Name,
    pub(super) purpose: Purpose,
    pub(super) version: Version,
    pub(super) period: Period,
}

/// Returns a name in the script's form: `CN=name, O=organization, OU=unit`.
pub(super) fn distinguished_name(name: &str, organization: &str, unit: &str) -> Result<Name> {
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_. ".contains(&b)) {
        return Err(Error::undelivered(
            ErrorKind::InvalidArgument,
            format!("invalid name {name:?} for a certificate: use letters, digits, '-', '_', '.' and blanks"),
        ));
    }
    // The text form of a name is in reverse order.
    format!("OU={unit},O={organization},CN={name}")
        .parse()
        .map_err(|error| failed(&format!("name {name:?}: {error}")))
}

/// Issues a certificate for `key`, signed with the key `signer` of `issuer`.
pub(super) fn issue(wanted: &Wanted<'_>, key: &Key, issuer: &Name, signer: &Key) -> Result<Certificate> {
    build(wanted, key, issuer, signer).map_err(|error| failed(&error.to_string()))
}

fn build(wanted: &Wanted<'_>, key: &Key, issuer: &Name, signer: &Key) -> builder::Result<Certificate> {
    let mut serial = <[u8; SERIAL_LEN]>::generate();
    serial[0] = serial[0] & 0x7f | 0x40; // positive, and without leading zeros
    let validity =
        Validity::new(Time::try_from(wanted.period.not_before)?, Time::try_from(wanted.period.not_after)?);
    let profile = ScriptProfile {
        subject: wanted.subject.clone(),
        issuer: issuer.clone(),
        purpose: wanted.purpose,
        version: wanted.version,
    };
    let builder = CertificateBuilder::new(profile, SerialNumber::new(&serial)?, validity, key.public()?)?;
    match signer {
        Key::Secp256k1(signer) => builder.build::<_, DerSignature>(signer),
        Key::Rsa(signer) => builder.build::<_, pkcs1v15::Signature>(signer.as_ref()),
        Key::Sm2(signer) => builder.build::<_, Sm2Signature>(signer),
        Key::P256(signer) => builder.build::<_, p256::ecdsa::DerSignature>(signer),
    }
}

pub(super) fn failed(why: &str) -> Error {
    Error::undelivered(ErrorKind::CredentialsInvalid, format!("could not issue a certificate: {why}"))
}

/// The names and extensions of the script. Without extensions the builder writes version 1.
struct ScriptProfile {
    subject: Name,
    issuer: Name,
    purpose: Purpose,
    version: Version,
}

impl BuilderProfile for ScriptProfile {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        key: SubjectPublicKeyInfoRef<'_>,
        issuer_key: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> builder::Result<Vec<Extension>> {
        if self.version == Version::V1 {
            return Ok(Vec::new());
        }
        let (ca, usage) = match self.purpose {
            Purpose::Authority => (true, KeyUsages::KeyCertSign | KeyUsages::CRLSign),
            Purpose::Leaf => {
                (false, KeyUsages::NonRepudiation | KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment)
            }
            Purpose::LeafOf3x => {
                let basic = BasicConstraints { ca: true, path_len_constraint: None };
                return Ok(vec![basic.to_extension(tbs.subject(), &[])?]);
            }
            Purpose::GmSignature => (false, KeyUsages::NonRepudiation | KeyUsages::DigitalSignature),
            Purpose::GmEncryption => {
                (false, KeyUsages::KeyAgreement | KeyUsages::KeyEncipherment | KeyUsages::DataEncipherment)
            }
        };
        let mut extensions = Vec::new();
        let basic = BasicConstraints { ca, path_len_constraint: None };
        extensions.push(basic.to_extension(tbs.subject(), &extensions)?);
        extensions.push(KeyUsage(usage).to_extension(tbs.subject(), &extensions)?);
        extensions.push(SubjectKeyIdentifier::try_from(key)?.to_extension(tbs.subject(), &extensions)?);
        extensions
            .push(AuthorityKeyIdentifier::try_from(issuer_key)?.to_extension(tbs.subject(), &extensions)?);
        Ok(extensions)
    }
}
