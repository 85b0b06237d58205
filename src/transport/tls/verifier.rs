//! What rustls asks about the peer during a handshake, for both sides; made anew for each client connection,
//! since it also notes how far the handshake came.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, PeerIncompatible, PeerMisbehaved};
use rustls::{Error as TlsError, SignatureScheme};
use webpki::KeyUsage;
use x509_cert::name::Name;

use super::chain::{Refusal, TrustedRoots, verifies};
use super::signature::{ALGORITHMS, FOR_CLIENTS, Mapping};
use crate::transport::certificate::ParsedCertificate;

/// Judges the node's certificate and remembers the verdict.
///
/// The verdict tells failures apart that look alike: an alert before the node showed a certificate means that
/// nothing in common was found, the same alert afterwards that the node refused ours.
pub(super) struct NodeVerifier {
    roots: Arc<TrustedRoots>,
    verdict: OnceLock<Result<(), Refusal>>,
}

impl NodeVerifier {
    pub(super) fn new(roots: Arc<TrustedRoots>) -> NodeVerifier {
        NodeVerifier { roots, verdict: OnceLock::new() }
    }

    /// `None` as long as the node has shown no certificate.
    pub(super) fn verdict(&self) -> Option<&Result<(), Refusal>> {
        self.verdict.get()
    }
}

impl fmt::Debug for NodeVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeVerifier").field("verdict", &self.verdict).finish_non_exhaustive()
    }
}

impl ServerCertVerifier for NodeVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verdict =
            self.verdict.get_or_init(|| self.roots.verify(leaf, others, KeyUsage::server_auth(), now));
        match verdict {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(refusal) => Err(refusal.reason.clone().into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_handshake_signature(ALGORITHMS.mapping.iter(), message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _leaf: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ALGORITHMS.supported_schemes()
    }
}

/// Judges the certificates of clients, for the embedded node: each must show one.
#[derive(Debug)]
pub(super) struct SdkVerifier {
    roots: TrustedRoots,
    /// Who must have issued it; `None`: whoever leads to a root.
    issuer: Option<Name>,
}

impl SdkVerifier {
    pub(super) fn new(roots: TrustedRoots, issuer: Option<Name>) -> SdkVerifier {
        SdkVerifier { roots, issuer }
    }

    fn is_of_right_issuer(&self, leaf: &CertificateDer<'_>) -> bool {
        let Some(issuer) = &self.issuer else { return true };
        ParsedCertificate::parse(leaf).is_ok_and(|leaf| leaf.issuer == *issuer)
    }
}

impl ClientCertVerifier for SdkVerifier {
    /// None, as real nodes send none.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        match self.roots.verify(leaf, others, KeyUsage::client_auth(), now) {
            Ok(()) if self.is_of_right_issuer(leaf) => Ok(ClientCertVerified::assertion()),
            Ok(()) => Err(CertificateError::ApplicationVerificationFailure.into()),
            // The CAs of all chains have the same name, and a client sends its own along: nodes go by that one, so that
            // to them the CA is unknown, and no signature wrong.
            Err(Refusal { reason: CertificateError::BadSignature, .. }) if has_root(others) => {
                Err(CertificateError::UnknownIssuer.into())
            }
            Err(refusal) => Err(refusal.reason.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let mapping = ALGORITHMS.mapping.iter().chain([&FOR_CLIENTS]);
        verify_handshake_signature(mapping, message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _leaf: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = ALGORITHMS.supported_schemes();
        schemes.push(FOR_CLIENTS.0);
        schemes
    }
}

/// Whether a CA is among the certificates that were sent along.
fn has_root(others: &[CertificateDer<'_>]) -> bool {
    others.iter().filter_map(|other| ParsedCertificate::parse(other).ok()).any(|other| other.is_self_issued())
}

/// The peer's proof that it holds the key of the certificate it showed. Works for every version of certificate.
fn verify_handshake_signature<'a>(
    mut mapping: impl Iterator<Item = &'a Mapping>,
    message: &[u8],
    leaf: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, TlsError> {
    let (_, algorithms) = mapping
        .find(|(scheme, _)| *scheme == signed.scheme)
        .ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
    let leaf = ParsedCertificate::parse(leaf).map_err(|_| CertificateError::BadEncoding)?;
    if algorithms.iter().any(|algorithm| verifies(*algorithm, &leaf, message, signed.signature())) {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(CertificateError::BadSignature.into())
    }
}
