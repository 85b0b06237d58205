//! Checks that a peer's certificates lead to a trusted CA: signatures and dates, no host names.
//!
//! webpki checks certificates of version 3. Two kinds that the scripts of RSA chains make for nodes and SDKs are refused by
//! it: version 1 (2.x), and version 3 with the mark of a CA (3.x). They have a narrow rule of their own: a certificate
//! issued directly by a configured CA, with valid dates and signature; of version 1 with RSA keys only, and with the mark
//! not with secp256k1 or SM2 keys, whose scripts don't set it. The dates of the CA itself are checked in any case, because
//! webpki ignores them.

use std::fmt;

use pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime, alg_id};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};
use x509_cert::certificate::Version;

use super::signature::ALGORITHMS;
use crate::transport::certificate::{Dates, ParsedCertificate, PublicKey};
use crate::{Error, ErrorKind, Result};

/// The CAs that a peer's chain may end at.
pub(super) struct TrustedRoots {
    roots: Vec<ParsedCertificate>,
    anchors: Vec<TrustAnchor<'static>>,
}

impl fmt::Debug for TrustedRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TrustedRoots").field(&self.roots).finish()
    }
}

/// Why a peer's chain was refused.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// Decides which alert the peer gets.
    pub(super) reason: Reason,
    /// States which certificate was refused and why.
    pub(super) text: String,
}

/// The kind of a [`Refusal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Expired,
    NotValidYet,
    /// It doesn't lead to a CA that is trusted.
    UnknownIssuer,
    /// It leads to the name of a CA that is trusted, but not to its key.
    BadSignature,
    /// It can't be read, or the chain is invalid for another reason.
    Invalid,
}

impl TrustedRoots {
    /// Returns a set that trusts `roots`.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsInvalid`] if a certificate can't be a CA's.
    pub(super) fn new(roots: &[ParsedCertificate]) -> Result<TrustedRoots> {
        let mut anchors = Vec::new();
        for root in roots {
            let anchor = webpki::anchor_from_trusted_cert(&root.der).map_err(|error| {
                Error::undelivered(
                    ErrorKind::CredentialsInvalid,
                    format!(
                        "the CA certificate {} cannot be used ({}): use the chain's ca.crt",
                        root.subject_text(),
                        defect(&error)
                    ),
                )
            })?;
            anchors.push(anchor.to_owned());
        }
        Ok(TrustedRoots { roots: roots.to_vec(), anchors })
    }

    /// Checks that `leaf` leads to a CA at `now`, through `others` that the peer sent along.
    pub(super) fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        usage: KeyUsage,
        now: UnixTime,
    ) -> std::result::Result<(), Refusal> {
        let unreadable = |why: &str| Refusal {
            reason: Reason::Invalid,
            text: format!("its certificate cannot be read ({why})"),
        };
        let parsed = ParsedCertificate::parse(leaf).map_err(unreadable)?;
        if parsed.version == Version::V1 {
            // Only scripts of RSA chains make such leaves, and a version 1 certificate doesn't state whether it is a CA's.
            return match parsed.key.is_rsa {
                true => self.verify_issued_by_root(&parsed, now),
                false => Err(Refusal {
                    reason: Reason::Invalid,
                    text: format!(
                        "its certificate {} is of X.509 version 1, which is accepted with RSA keys only",
                        parsed.subject_text()
                    ),
                }),
            };
        }
        let entity = EndEntityCert::try_from(leaf).map_err(|error| unreadable(defect(&error)))?;
        // webpki can't use a version 1 root among them, which turns "unknown issuer" into "unsupported version" when the
        // chain leads to another CA.
        let usable: Vec<_> =
            others.iter().filter(|other| EndEntityCert::try_from(*other).is_ok()).cloned().collect();
        let in_date = |path: &VerifiedPath<'_>| self.anchor_in_date(path.anchor(), now);
        match entity.verify_for_usage(ALGORITHMS, &self.anchors, &usable, now, usage, None, Some(&in_date)) {
            Ok(_) => Ok(()),
            Err(webpki::Error::CaUsedAsEndEntity) if may_have_the_mark(&parsed) => {
                self.verify_issued_by_root(&parsed, now)
            }
            Err(error) => Err(self.explain(error, &parsed, &usable, now)),
        }
    }

    fn anchor_in_date(
        &self,
        anchor: &TrustAnchor<'_>,
        now: UnixTime,
    ) -> std::result::Result<(), webpki::Error> {
        let matching = self.anchors.iter().zip(&self.roots).filter(|(a, _)| *a == anchor);
        let dates: Vec<_> = matching.map(|(_, root)| root.dates(now)).collect();
        if dates.contains(&Dates::Valid) {
            return Ok(());
        }
        Err(if dates.contains(&Dates::Expired) {
            webpki::Error::CertExpired { time: now, not_after: now }
        } else {
            webpki::Error::CertNotValidYet { time: now, not_before: now }
        })
    }

    /// Checks that a certificate was issued directly by one of the CAs, with a key of the same kind.
    fn verify_issued_by_root(
        &self,
        leaf: &ParsedCertificate,
        now: UnixTime,
    ) -> std::result::Result<(), Refusal> {
        if self.roots.iter().any(|root| root.der == leaf.der) {
            return Err(Refusal {
                reason: Reason::UnknownIssuer,
                text: format!("it showed the CA's own certificate ({}) as its own", leaf.subject_text()),
            });
        }
        let named: Vec<_> = self
            .roots
            .iter()
            .filter(|root| root.key.is_rsa == leaf.key.is_rsa && root.subject == leaf.issuer)
            .collect();
        if named.is_empty() {
            return Err(self.unknown_issuer(leaf));
        }
        // A CA that was renewed with the same key is there twice: one of the two must be valid.
        let issuers: Vec<_> = named.into_iter().filter(|root| signed_by(leaf, root)).collect();
        let Some(issuer) = issuers.iter().find(|root| root.dates(now) == Dates::Valid).or(issuers.first())
        else {
            return Err(self.other_key(leaf));
        };
        out_of_date("its certificate", leaf, now)
            .or_else(|| out_of_date("the CA certificate", issuer, now))
            .map_or(Ok(()), Err)
    }

    /// Returns the refusal for an error of webpki. Names the certificate if a date is the reason.
    fn explain(
        &self,
        error: webpki::Error,
        leaf: &ParsedCertificate,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Refusal {
        use webpki::Error as E;
        match error {
            E::CertExpired { .. } | E::CertNotValidYet { .. } => {
                let others: Vec<_> =
                    others.iter().filter_map(|other| ParsedCertificate::parse(other).ok()).collect();
                let of_leaf = || out_of_date("its certificate", leaf, now);
                // A root that the peer sent along is judged as the root that is trusted here.
                let issuers = others.iter().filter(|other| !other.is_self_issued());
                let of_others = || {
                    let mut issuers = issuers.into_iter();
                    issuers.find_map(|other| out_of_date("the certificate of its issuer", other, now))
                };
                let of_roots =
                    || self.roots.iter().find_map(|root| out_of_date("the CA certificate", root, now));
                of_leaf().or_else(of_others).or_else(of_roots).unwrap_or_else(|| Refusal {
                    reason: Reason::Expired,
                    text: format!("a certificate above {} is out of date", leaf.subject_text()),
                })
            }
            E::UnknownIssuer => self.unknown_issuer(leaf),
            // A chain of another kind: its signatures can't be checked, and would lead nowhere.
            E::UnsupportedSignatureAlgorithmContext(_)
            | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
                if !self.has_key_like(leaf) =>
            {
                self.unknown_issuer(leaf)
            }
            E::InvalidSignatureForPublicKey => self.other_key(leaf),
            E::CaUsedAsEndEntity => Refusal {
                reason: Reason::UnknownIssuer,
                text: format!("it showed a CA's certificate ({}) as its own", leaf.subject_text()),
            },
            other => Refusal {
                reason: Reason::Invalid,
                text: format!(
                    "the chain of its certificate {} is invalid: {}",
                    leaf.subject_text(),
                    defect(&other)
                ),
            },
        }
    }

    fn other_key(&self, leaf: &ParsedCertificate) -> Refusal {
        Refusal {
            reason: Reason::BadSignature,
            text: format!(
                "its certificate {}, issued by {}, leads to a CA with the name of the one that is trusted here ({}) but \
                 with another key: it belongs to another chain whose CA has the same name",
                leaf.subject_text(),
                leaf.issuer_text(),
                self.names()
            ),
        }
    }

    /// Returns the names of the CAs that are trusted, for texts.
    fn names(&self) -> String {
        let names: Vec<_> = self.roots.iter().map(ParsedCertificate::subject_text).collect();
        names.join("; ")
    }

    /// Returns whether a CA that is trusted has a key of the same kind as the certificate.
    fn has_key_like(&self, leaf: &ParsedCertificate) -> bool {
        self.roots.iter().any(|root| kind(&root.key) == kind(&leaf.key))
    }

    fn unknown_issuer(&self, leaf: &ParsedCertificate) -> Refusal {
        let kinds = match self.roots.first() {
            Some(root) if !self.has_key_like(leaf) => {
                format!(
                    ", whose key is {} while that of the certificate is {}",
                    kind(&root.key),
                    kind(&leaf.key)
                )
            }
            _ => String::new(),
        };
        Refusal {
            reason: Reason::UnknownIssuer,
            text: format!(
                "its certificate {}, issued by {}, does not lead to the CA that is trusted here ({}){kinds}: it belongs to \
                 another chain, or the other side doesn't send the certificates in between",
                leaf.subject_text(),
                leaf.issuer_text(),
                self.names()
            ),
        }
    }
}

/// Checks that a chain, the leaf first, leads to one of `roots` now.
///
/// # Errors
/// Returns [`ErrorKind::CredentialsInvalid`] with the reason if it doesn't.
pub(crate) fn leads_to_root(roots: &[ParsedCertificate], chain: &[CertificateDer<'_>]) -> Result<()> {
    let (leaf, others) = chain.split_first().expect("credentials have a certificate");
    TrustedRoots::new(roots)?
        .verify(leaf, others, KeyUsage::client_auth(), UnixTime::now())
        .map_err(|refusal| Error::undelivered(ErrorKind::CredentialsInvalid, refusal.text))
}

/// Returns whether a node or SDK may have a certificate that is marked as a CA's. The script of 3.x marks them so. Accepting
/// one that the CA issued itself gives its owner nothing: with the mark, it could issue another to itself.
fn may_have_the_mark(leaf: &ParsedCertificate) -> bool {
    !leaf.key.is_sm2 && leaf.key.algorithm != alg_id::ECDSA_P256K1.as_ref()
}

/// Returns the name of the kind of a key.
fn kind(key: &PublicKey) -> &'static str {
    match (key.is_sm2, key.is_rsa) {
        (true, _) => "SM2",
        (_, true) => "RSA",
        _ if key.algorithm == alg_id::ECDSA_P256K1.as_ref() => "ECDSA on secp256k1",
        _ => "ECDSA",
    }
}

/// Returns our own text for an error of webpki, whose text may quote the certificate.
fn defect(error: &webpki::Error) -> &'static str {
    use webpki::Error as E;
    match error {
        E::BadDer | E::BadDerTime | E::TrailingData(_) => "its encoding is invalid",
        E::UnsupportedCertVersion => "its X.509 version is not supported here",
        E::UnsupportedCriticalExtension => "it has a critical extension that is not supported",
        E::ExtensionValueInvalid | E::MalformedExtensions => "an extension is invalid",
        E::EndEntityUsedAsCa => "a certificate that is not a CA's has issued another",
        E::PathLenConstraintViolated => "a CA in it may not issue another CA",
        E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => "it is not issued for this use",
        E::SignatureAlgorithmMismatch => "it names two signature algorithms",
        E::InvalidSignatureForPublicKey => "a signature does not match the key",
        E::InvalidCertValidity => "its dates are invalid",
        E::NameConstraintViolation => "a name in it is not allowed by its CA",
        E::MaximumPathBuildCallsExceeded
        | E::MaximumPathDepthExceeded
        | E::MaximumSignatureChecksExceeded
        | E::MaximumNameConstraintComparisonsExceeded => "it has too many certificates",
        E::UnsupportedSignatureAlgorithmContext(_)
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            "its signature algorithm is not supported"
        }
        _ => "it is not supported",
    }
}

/// Returns the refusal of a certificate that isn't valid at `now`.
fn out_of_date(role: &str, certificate: &ParsedCertificate, now: UnixTime) -> Option<Refusal> {
    let (reason, what) = match certificate.dates(now) {
        Dates::Valid => return None,
        Dates::Expired => (Reason::Expired, "is expired"),
        Dates::NotYetValid => (Reason::NotValidYet, "is not valid yet"),
    };
    Some(Refusal {
        reason,
        text: format!("{role} {} ({}) {what}", certificate.subject_text(), certificate.period()),
    })
}

/// Returns whether the key of `issuer` made the signature on `certificate`.
fn signed_by(certificate: &ParsedCertificate, issuer: &ParsedCertificate) -> bool {
    certificate.algorithms_agree
        && ALGORITHMS
            .iter()
            .filter(|algorithm| algorithm.signature_alg_id().as_ref() == certificate.signature_algorithm)
            .any(|algorithm| verifies(*algorithm, issuer, certificate.signed_bytes(), &certificate.signature))
}

/// Returns whether a CA is among the certificates that were sent along.
pub(super) fn has_root(others: &[CertificateDer<'_>]) -> bool {
    others.iter().filter_map(|other| ParsedCertificate::parse(other).ok()).any(|other| other.is_self_issued())
}

/// Returns whether the key in `certificate` made `signature` over `message`.
pub(super) fn verifies(
    algorithm: &dyn SignatureVerificationAlgorithm,
    certificate: &ParsedCertificate,
    message: &[u8],
    signature: &[u8],
) -> bool {
    algorithm.public_key_alg_id().as_ref() == certificate.key.algorithm
        && algorithm.verify_signature(&certificate.key.bits, message, signature).is_ok()
}
