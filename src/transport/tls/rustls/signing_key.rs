//! Keys that sign handshakes: ECDSA on secp256k1 by k256, RSA by ring.

use std::sync::Arc;

use k256::ecdsa::signature::hazmat::PrehashSigner;
use k256::ecdsa::{DerSignature, SigningKey as Secp256k1Key};
use k256::pkcs8::EncodePublicKey;
use pki_types::{PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer, SubjectPublicKeyInfoDer};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

use super::super::signature::Hash;
use crate::ErrorKind;
use crate::transport::Credentials;
use crate::transport::credentials::{KeyEncoding, KeyKind, PrivateKey, secp256k1};

/// The schemes that a secp256k1 key can sign with in TLS 1.2, the preferred one first.
const SCHEMES: [(SignatureScheme, Hash); 3] = [
    (SignatureScheme::ECDSA_NISTP256_SHA256, Hash::Sha256),
    (SignatureScheme::ECDSA_NISTP384_SHA384, Hash::Sha384),
    (SignatureScheme::ECDSA_NISTP521_SHA512, Hash::Sha512),
];

/// Returns the chain of `credentials` as it is sent, and the key to sign with.
///
/// # Errors
/// Returns [`ErrorKind::CredentialsInvalid`] if rustls can't use the key.
pub fn certified_key(credentials: &Credentials) -> crate::Result<CertifiedKey> {
    let chain = credentials.certificates().iter().map(|certificate| certificate.der.clone()).collect();
    let key = signing_key(credentials.key()).ok_or_else(|| {
        crate::Error::undelivered(ErrorKind::CredentialsInvalid, "the private key cannot be used for TLS 1.2")
    })?;
    Ok(CertifiedKey::new(chain, key))
}

fn signing_key(key: &PrivateKey) -> Option<Arc<dyn SigningKey>> {
    match key.kind() {
        KeyKind::Secp256k1 => {
            let key = Secp256k1::new(secp256k1(key.encoding(), key.der())?.into())?;
            Some(Arc::new(key))
        }
        KeyKind::Nist | KeyKind::Rsa => {
            let der = match key.encoding() {
                KeyEncoding::Pkcs8 => PrivatePkcs8KeyDer::from(key.der()).into(),
                KeyEncoding::Sec1 => PrivateSec1KeyDer::from(key.der()).into(),
                KeyEncoding::Pkcs1 => PrivatePkcs1KeyDer::from(key.der()).into(),
            };
            rustls::crypto::ring::sign::any_supported_type(&der).ok()
        }
        // rustls has no signatures with it.
        KeyKind::Sm2 => None,
    }
}

/// A secp256k1 key. `Debug` doesn't show it.
#[derive(Clone, Debug)]
struct Secp256k1 {
    key: Arc<Secp256k1Key>,
    spki: SubjectPublicKeyInfoDer<'static>,
}

impl Secp256k1 {
    fn new(key: Secp256k1Key) -> Option<Secp256k1> {
        let spki = key.verifying_key().to_public_key_der().ok()?.into_vec().into();
        Some(Secp256k1 { key: Arc::new(key), spki })
    }
}

impl SigningKey for Secp256k1 {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let (scheme, hash) = SCHEMES.into_iter().find(|(scheme, _)| offered.contains(scheme))?;
        Some(Box::new(Secp256k1Signer { key: self.key.clone(), scheme, hash }))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(SubjectPublicKeyInfoDer::from(self.spki.as_ref()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

#[derive(Debug)]
struct Secp256k1Signer {
    key: Arc<Secp256k1Key>,
    scheme: SignatureScheme,
    hash: Hash,
}

impl Signer for Secp256k1Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature: DerSignature = self
            .key
            .sign_prehash(&self.hash.of(message))
            .map_err(|error| Error::General(error.to_string()))?;
        Ok(signature.as_bytes().to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

#[cfg(test)]
mod tests {
    use k256::elliptic_curve::Generate;

    use super::super::schemes::ALGORITHMS;
    use super::*;

    fn generated() -> Secp256k1 {
        Secp256k1::new(Secp256k1Key::generate()).unwrap()
    }

    #[test]
    fn signature_verifies_under_the_scheme_that_the_signer_names() {
        let key = generated();
        let point = key.public_key().unwrap().as_ref()[23..].to_vec();
        for (scheme, _) in SCHEMES {
            let signer = key.choose_scheme(&[SignatureScheme::RSA_PSS_SHA256, scheme]).unwrap();
            assert_eq!(signer.scheme(), scheme);
            let signature = signer.sign(b"handshake").unwrap();
            let (_, algorithms) = ALGORITHMS.mapping.iter().find(|(s, _)| *s == scheme).unwrap();
            assert!(algorithms[0].verify_signature(&point, b"handshake", &signature).is_ok());
        }
    }

    #[test]
    fn sha256_is_preferred_and_rsa_is_not_chosen() {
        let key = generated();
        let offered = [SignatureScheme::ECDSA_NISTP384_SHA384, SignatureScheme::ECDSA_NISTP256_SHA256];
        assert_eq!(key.choose_scheme(&offered).unwrap().scheme(), SignatureScheme::ECDSA_NISTP256_SHA256);
        assert!(key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).is_none());
    }
}
