//! The peer's certificates: whether they are accepted, and the keys in them.

use pki_types::{CertificateDer, UnixTime};
use webpki::KeyUsage as Usage;
#[cfg(feature = "sm")]
use x509_cert::Certificate;
#[cfg(feature = "sm")]
use x509_cert::der::Decode;
#[cfg(feature = "sm")]
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::name::Name;

use super::super::chain::{Reason, Refusal, TrustedRoots, has_root};
#[cfg(feature = "sm")]
use super::sm2;
use crate::transport::certificate::ParsedCertificate;

/// The keys in the peer's certificates.
#[derive(Clone)]
pub(super) enum PeerKeys {
    /// An RSAPublicKey of PKCS#1.
    Rsa(Vec<u8>),
    #[cfg(feature = "sm")]
    Sm2(Box<Sm2Keys>),
}

/// The keys of a peer with two certificates.
#[derive(Clone)]
#[cfg(feature = "sm")]
pub(super) struct Sm2Keys {
    pub(super) sign: ::sm2::PublicKey,
    /// Absent if a client shows no certificate for encryption.
    pub(super) encryption: Option<Encryption>,
}

/// A certificate for encryption.
#[derive(Clone)]
#[cfg(feature = "sm")]
pub(super) struct Encryption {
    pub(super) key: ::sm2::PublicKey,
    pub(super) certificate: CertificateDer<'static>,
}

/// Judges the certificates that a peer shows.
pub(super) trait JudgePeer: Send + Sync {
    fn judge(&self, certificates: &[CertificateDer<'_>]) -> Result<PeerKeys, Refusal>;
}

/// Accepts peers whose certificates lead to a CA that is trusted.
pub(super) struct ChainJudge {
    pub(super) roots: TrustedRoots,
    /// Whether the peer is a node or a client.
    pub(super) role: PeerRole,
    /// Whether keys are RSA keys; otherwise they are on the SM2 curve.
    pub(super) is_rsa: bool,
    /// The issuer that the first certificate must have; `None` allows any.
    pub(super) issuer: Option<Name>,
    pub(super) now: fn() -> UnixTime,
}

/// What the peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerRole {
    Node,
    Client,
}

impl JudgePeer for ChainJudge {
    fn judge(&self, certificates: &[CertificateDer<'_>]) -> Result<PeerKeys, Refusal> {
        let Some((leaf, others)) = certificates.split_first() else {
            return Err(invalid("it showed no certificate"));
        };
        self.verify(leaf, others)?;
        let parsed = parse(leaf)?;
        if self.issuer.as_ref().is_some_and(|issuer| parsed.issuer != *issuer) {
            return Err(Refusal {
                reason: Reason::UnknownIssuer,
                text: format!("its certificate {} has another issuer than the node's", parsed.subject_text()),
            });
        }
        if self.is_rsa {
            return match parsed.key.is_rsa {
                true => Ok(PeerKeys::Rsa(parsed.key.bits)),
                false => Err(invalid("its certificate has no RSA key, which this channel requires")),
            };
        }
        self.sm2_keys(leaf, &parsed, others)
    }
}

impl ChainJudge {
    fn verify(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Result<(), Refusal> {
        let usage = match self.role {
            PeerRole::Node => Usage::server_auth(),
            PeerRole::Client => Usage::client_auth(),
        };
        self.roots.verify(leaf, others, usage, (self.now)()).map_err(|refusal| match refusal.reason {
            // A node judges by the CA that the client sends along, which it doesn't know, rather than by the signature.
            Reason::BadSignature if self.role == PeerRole::Client && has_root(others) => {
                Refusal { reason: Reason::UnknownIssuer, ..refusal }
            }
            _ => refusal,
        })
    }

    #[cfg(not(feature = "sm"))]
    fn sm2_keys(
        &self,
        _: &CertificateDer<'_>,
        _: &ParsedCertificate,
        _: &[CertificateDer<'_>],
    ) -> Result<PeerKeys, Refusal> {
        Err(invalid("this build does not support keys on the SM2 curve"))
    }

    /// Finds the certificate for encryption behind the leaf, which signs, and judges it like the leaf.
    ///
    /// Libraries put it in different places: it is the last one for encryption that isn't a CA's.
    #[cfg(feature = "sm")]
    fn sm2_keys(
        &self,
        leaf: &CertificateDer<'_>,
        parsed: &ParsedCertificate,
        others: &[CertificateDer<'_>],
    ) -> Result<PeerKeys, Refusal> {
        if !purpose(leaf)?.signs {
            return Err(invalid("its first certificate is not for signatures"));
        }
        let sign = sm2_key(parsed)?;
        let is_for_encryption =
            |other: &&CertificateDer<'_>| purpose(other).is_ok_and(|purpose| purpose.encrypts);
        let Some(found) = others.iter().rev().find(is_for_encryption) else {
            return match self.role {
                PeerRole::Node => Err(invalid("it showed no certificate for encryption")),
                PeerRole::Client => Ok(PeerKeys::Sm2(Box::new(Sm2Keys { sign, encryption: None }))),
            };
        };
        self.verify(found, others)?;
        let key = sm2_key(&parse(found)?)?;
        let encryption = Some(Encryption { key, certificate: found.clone().into_owned() });
        Ok(PeerKeys::Sm2(Box::new(Sm2Keys { sign, encryption })))
    }
}

fn invalid(why: &str) -> Refusal {
    Refusal { reason: Reason::Invalid, text: why.to_owned() }
}

fn parse(certificate: &CertificateDer<'_>) -> Result<ParsedCertificate, Refusal> {
    ParsedCertificate::parse(certificate)
        .map_err(|why| invalid(&format!("its certificate cannot be read ({why})")))
}

#[cfg(feature = "sm")]
fn sm2_key(certificate: &ParsedCertificate) -> Result<::sm2::PublicKey, Refusal> {
    let key = if certificate.key.is_sm2 { sm2::point(&certificate.key.bits) } else { None };
    key.ok_or_else(|| invalid("its certificate has no key on the SM2 curve, which this channel requires"))
}

/// What a certificate may be used for.
#[cfg(feature = "sm")]
struct Purpose {
    signs: bool,
    encrypts: bool,
}

/// Returns what the certificate's extensions allow. Without a key usage it may sign, but it is not for encryption: that
/// distinguishes it from the others that are sent along.
#[cfg(feature = "sm")]
fn purpose(certificate: &CertificateDer<'_>) -> Result<Purpose, Refusal> {
    let unreadable = || invalid("an extension of its certificate is invalid");
    let certificate = Certificate::from_der(certificate).map_err(|_| unreadable())?;
    let tbs = certificate.tbs_certificate();
    let usage = tbs.get_extension::<KeyUsage>().map_err(|_| unreadable())?.map(|(_, usage)| usage.0);
    let constraints = tbs.get_extension::<BasicConstraints>().map_err(|_| unreadable())?;
    let is_ca = constraints.is_some_and(|(_, constraints)| constraints.ca);
    let Some(usage) = usage else { return Ok(Purpose { signs: !is_ca, encrypts: false }) };
    let encryption = KeyUsages::KeyEncipherment | KeyUsages::DataEncipherment | KeyUsages::KeyAgreement;
    let is_ca = is_ca || usage.contains(KeyUsages::KeyCertSign);
    Ok(Purpose {
        signs: !is_ca && usage.contains(KeyUsages::DigitalSignature),
        encrypts: !is_ca && !usage.is_disjoint(encryption),
    })
}
