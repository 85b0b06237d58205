//! Private keys that sign handshakes: ECDSA on secp256k1 here, RSA and NIST curves by ring.

use std::sync::Arc;

use k256::ecdsa::signature::hazmat::PrehashSigner;
use k256::ecdsa::{DerSignature, SigningKey as Secp256k1Key};
use k256::pkcs8::{DecodePrivateKey, EncodePublicKey};
use rustls::pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use rustls::sign::{Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

use super::signature::Hash;

/// What a secp256k1 key may sign with in TLS 1.2, the preferred first.
const SCHEMES: [(SignatureScheme, Hash); 3] = [
    (SignatureScheme::ECDSA_NISTP256_SHA256, Hash::Sha256),
    (SignatureScheme::ECDSA_NISTP384_SHA384, Hash::Sha384),
    (SignatureScheme::ECDSA_NISTP521_SHA512, Hash::Sha512),
];

/// The key in every way that it can be read.
///
/// More than one only for a SEC1 key that doesn't name its curve: which it is shows in the certificate.
pub(in crate::transport) fn candidates(key: &PrivateKeyDer<'_>) -> Vec<Arc<dyn SigningKey>> {
    let secp256k1 = match key {
        PrivateKeyDer::Pkcs8(pkcs8) => k256::SecretKey::from_pkcs8_der(pkcs8.secret_pkcs8_der()).ok(),
        PrivateKeyDer::Sec1(sec1) => k256::SecretKey::from_sec1_der(sec1.secret_sec1_der()).ok(),
        _ => None,
    };
    let secp256k1 = secp256k1.and_then(|key| Secp256k1::new(key.into()));
    let ring = rustls::crypto::ring::sign::any_supported_type(key).ok();
    secp256k1.map(|key| Arc::new(key) as Arc<dyn SigningKey>).into_iter().chain(ring).collect()
}

/// A secp256k1 key; it doesn't show itself in `Debug`.
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
    use k256::pkcs8::EncodePrivateKey;
    use rustls::pki_types::PrivatePkcs8KeyDer;

    use super::super::signature::ALGORITHMS;
    use super::*;

    fn generated() -> Arc<dyn SigningKey> {
        let der = Secp256k1Key::generate().to_pkcs8_der().unwrap();
        candidates(&PrivatePkcs8KeyDer::from(der.as_bytes().to_vec()).into()).remove(0)
    }

    #[test]
    fn what_it_signs_verifies_under_the_scheme_it_names() {
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
    fn sha256_is_preferred_and_rsa_is_never_chosen() {
        let key = generated();
        let offered = [SignatureScheme::ECDSA_NISTP384_SHA384, SignatureScheme::ECDSA_NISTP256_SHA256];
        assert_eq!(key.choose_scheme(&offered).unwrap().scheme(), SignatureScheme::ECDSA_NISTP256_SHA256);
        assert!(key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).is_none());
    }
}
