//! The checks of the peer that rustls calls during a handshake, for both sides. A client makes one for each connection,
//! because it also records how far the handshake came.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, PeerIncompatible, PeerMisbehaved};
use rustls::{Error as TlsError, SignatureScheme};
use webpki::KeyUsage;
use x509_cert::name::Name;

use super::super::chain::{Reason, Refusal, TrustedRoots, has_root, verifies};
use super::schemes::{ALGORITHMS, FOR_CLIENTS, Mapping};
use crate::transport::certificate::ParsedCertificate;

/// Judges the node's certificate and records the verdict.
///
/// The verdict distinguishes failures that look alike: an alert before the node showed a certificate means that both
/// sides share nothing, the same alert afterwards that the node refused the client's certificate.
pub(super) struct NodeVerifier {
    roots: Arc<TrustedRoots>,
    verdict: Mutex<Option<Result<(), Refusal>>>,
}

impl NodeVerifier {
    pub(super) fn new(roots: Arc<TrustedRoots>) -> NodeVerifier {
        NodeVerifier { roots, verdict: Mutex::new(None) }
    }

    /// Returns the verdict on the certificate that the node showed last, `None` if it has shown none.
    pub(super) fn verdict(&self) -> Option<Result<(), Refusal>> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        // Each certificate is judged anew; the record is for texts only.
        let verdict = self.roots.verify(leaf, others, KeyUsage::server_auth(), now);
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict.clone());
        match verdict {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(refusal) => Err(error(refusal.reason)),
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

/// Judges the certificates of clients, for the embedded node: each client must show one.
#[derive(Debug)]
pub(super) struct SdkVerifier {
    roots: TrustedRoots,
    /// The issuer that is required; `None` allows any that leads to a root.
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
    /// Returns no names, as real nodes send none.
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
            // The CAs of all chains have the same name. A node judges by the CA that the client sends along, which it
            // doesn't know, rather than by a wrong signature.
            Err(Refusal { reason: Reason::BadSignature, .. }) if has_root(others) => {
                Err(CertificateError::UnknownIssuer.into())
            }
            Err(refusal) => Err(error(refusal.reason)),
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

/// Returns the error of rustls for a refusal; it decides which alert the peer gets.
fn error(reason: Reason) -> TlsError {
    TlsError::from(match reason {
        Reason::Expired => CertificateError::Expired,
        Reason::NotValidYet => CertificateError::NotValidYet,
        Reason::UnknownIssuer => CertificateError::UnknownIssuer,
        Reason::BadSignature => CertificateError::BadSignature,
        Reason::Invalid => CertificateError::BadEncoding,
    })
}

/// Checks the peer's proof that it holds the key of the certificate that it showed, of any version.
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pki_types::pem::PemObject;

    use super::*;

    /// A CA on secp256k1, valid for 100 years from November 2026.
    const CA: &str = "\
        -----BEGIN CERTIFICATE-----\n\
        MIIBdDCCARqgAwIBAgIUCHSGad0/faAMW2kWvaaeXqHWOJ4wCgYIKoZIzj0EAwIw\n\
        EDEOMAwGA1UEAwwFY2hhaW4wIBcNMjYxMTI5MTg1MzM5WhgPMjEyNjExMDUxODUz\n\
        MzlaMBAxDjAMBgNVBAMMBWNoYWluMFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEtQDj\n\
        uxJqllyNGdqklfSp0Qd4DPhy7LksK+vF2zeKygP/uoERsn6XbejgwGNXRY+EigSM\n\
        wSW3noe8PeT55ho1EqNTMFEwHQYDVR0OBBYEFPWRAQWTVetBRg8H7gLYxhwT277u\n\
        MB8GA1UdIwQYMBaAFPWRAQWTVetBRg8H7gLYxhwT277uMA8GA1UdEwEB/wQFMAMB\n\
        Af8wCgYIKoZIzj0EAwIDSAAwRQIgS9dSxp2KdnZTczvuAPbLoHdDUlYO5aPusZTK\n\
        jDDONfgCIQCSQctyeFr/t+4jPcdztnzldpIm6mRp0nIKJ5HtyGThpw==\n\
        -----END CERTIFICATE-----\n\
        ";
    /// A node's certificate that it issued.
    const NODE: &str = "\
        -----BEGIN CERTIFICATE-----\n\
        MIIBbDCCAROgAwIBAgIUcUCRnY64ztlIE/FGh5FNHOweSKEwCgYIKoZIzj0EAwIw\n\
        EDEOMAwGA1UEAwwFY2hhaW4wIBcNMjYxMTI5MTg1MzM5WhgPMjEyNjExMDUxODUz\n\
        MzlaMA8xDTALBgNVBAMMBG5vZGUwVjAQBgcqhkjOPQIBBgUrgQQACgNCAASjNKUF\n\
        qCBJDEinT8Kf/ZrcM6HUUtsHq83KbGme0rp0q18rQBUTkeC26DmziJrlrD/QdUWl\n\
        TVin+Y2So/MTO60ko00wSzAJBgNVHRMEAjAAMB0GA1UdDgQWBBRUI78v4Sbp/MuD\n\
        0k4Q2lblic/McjAfBgNVHSMEGDAWgBT1kQEFk1XrQUYPB+4C2MYcE9u+7jAKBggq\n\
        hkjOPQQDAgNHADBEAiAOVrv1UqfYI7AxIJBTgnyRA3OlLEJkm+ygjeDbN/AKWwIg\n\
        bCU7/6Hc9nncsapjDZHneeBKP08BRhLvSBG+dUrYmZ4=\n\
        -----END CERTIFICATE-----\n\
        ";
    /// A node's certificate of another CA with the same name.
    const FOREIGN: &str = "\
        -----BEGIN CERTIFICATE-----\n\
        MIIBbTCCAROgAwIBAgIUPXQiuHSZ+8Hq24YhTa3urs6VrewwCgYIKoZIzj0EAwIw\n\
        EDEOMAwGA1UEAwwFY2hhaW4wIBcNMjYxMTI5MTg1MzM5WhgPMjEyNjExMDUxODUz\n\
        MzlaMA8xDTALBgNVBAMMBG5vZGUwVjAQBgcqhkjOPQIBBgUrgQQACgNCAASjttbk\n\
        RPkFw+vXDGSwx0ejI07ld+J5CI2xDB92aRzojgv7O7GUjR+TShm6wLDUyJlYplDv\n\
        Tt9lyGPWBtt44LDgo00wSzAJBgNVHRMEAjAAMB0GA1UdDgQWBBTwfEI/NDKIIIF6\n\
        Vnp7ih0duFaeCDAfBgNVHSMEGDAWgBRSL6oPJiW7fgGiXIUtsSPhLx9bIjAKBggq\n\
        hkjOPQQDAgNIADBFAiBDPpAupEUp1g8WRHYt+RnEBqXugVppriTTam9eFdadGwIh\n\
        AJ1zcSV0PXPY4moe1PUa/oN6HC//ljJbJTQFnfZVrL2O\n\
        -----END CERTIFICATE-----\n\
        ";

    #[test]
    fn each_certificate_is_judged_by_itself() {
        let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let ca = ParsedCertificate::parse(&certificate(CA)).unwrap();
        let verifier = NodeVerifier::new(Arc::new(TrustedRoots::new(&[ca]).unwrap()));
        let new_year_2027 = UnixTime::since_unix_epoch(Duration::from_secs(1_798_761_600));
        let name = ServerName::from(std::net::IpAddr::from([0, 0, 0, 0]));
        let verify = |pem| verifier.verify_server_cert(&certificate(pem), &[], &name, &[], new_year_2027);
        assert!(verifier.verdict().is_none());
        for (pem, is_accepted) in [(NODE, true), (FOREIGN, false), (NODE, true)] {
            assert_eq!(verify(pem).is_ok(), is_accepted);
            assert_eq!(verifier.verdict().unwrap().is_ok(), is_accepted);
        }
    }
}
