//! Which signatures are understood, in certificates and in handshakes: ring's, and ECDSA on secp256k1.

use k256::ecdsa::signature::hazmat::PrehashVerifier;
use k256::ecdsa::{Signature, VerifyingKey};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use sha2::{Digest, Sha256, Sha384, Sha512};
use webpki::ring as base;

/// Everything that is understood, the preferred scheme first.
///
/// ECDSA with SHA-256 leads: a node picks the first it can do, and SHA-256 is what fits its key. The three
/// schemes named after NIST curves mean only their hash in TLS 1.2, and an OpenSSL node uses any of them.
pub(super) static ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        SECP256K1_SHA256,
        SECP256K1_SHA384,
        SECP256K1_SHA512,
        base::ECDSA_P256_SHA256,
        base::ECDSA_P256_SHA384,
        base::ECDSA_P384_SHA256,
        base::ECDSA_P384_SHA384,
        base::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        base::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
        base::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
        base::RSA_PKCS1_2048_8192_SHA256,
        base::RSA_PKCS1_2048_8192_SHA384,
        base::RSA_PKCS1_2048_8192_SHA512,
        base::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
        base::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
        base::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    ],
    mapping: &[
        (
            SignatureScheme::ECDSA_NISTP256_SHA256,
            &[SECP256K1_SHA256, base::ECDSA_P256_SHA256, base::ECDSA_P384_SHA256],
        ),
        (
            SignatureScheme::ECDSA_NISTP384_SHA384,
            &[SECP256K1_SHA384, base::ECDSA_P256_SHA384, base::ECDSA_P384_SHA384],
        ),
        (SignatureScheme::ECDSA_NISTP521_SHA512, &[SECP256K1_SHA512]),
        (SignatureScheme::RSA_PSS_SHA256, &[base::RSA_PSS_2048_8192_SHA256_LEGACY_KEY]),
        (SignatureScheme::RSA_PSS_SHA384, &[base::RSA_PSS_2048_8192_SHA384_LEGACY_KEY]),
        (SignatureScheme::RSA_PSS_SHA512, &[base::RSA_PSS_2048_8192_SHA512_LEGACY_KEY]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[base::RSA_PKCS1_2048_8192_SHA256]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[base::RSA_PKCS1_2048_8192_SHA384]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[base::RSA_PKCS1_2048_8192_SHA512]),
    ],
};

/// What a client of the embedded node may prove its key with beside that, and nothing else be signed with: ECDSA with
/// SHA-1.
///
/// Java 11, which java-sdk needs, holds the schemes above to the curves of their names. With a key on secp256k1 that
/// leaves it those without a name, which real nodes take, and of which rustls asks for this one only.
pub(super) static FOR_CLIENTS: Mapping = (SignatureScheme::ECDSA_SHA1_Legacy, &[SECP256K1_SHA1]);

/// A scheme of TLS and what it means, by kind of key.
pub(super) type Mapping = (SignatureScheme, &'static [&'static dyn SignatureVerificationAlgorithm]);

static SECP256K1_SHA1: &dyn SignatureVerificationAlgorithm = &Secp256k1 { hash: Hash::Sha1 };
static SECP256K1_SHA256: &dyn SignatureVerificationAlgorithm = &Secp256k1 { hash: Hash::Sha256 };
static SECP256K1_SHA384: &dyn SignatureVerificationAlgorithm = &Secp256k1 { hash: Hash::Sha384 };
static SECP256K1_SHA512: &dyn SignatureVerificationAlgorithm = &Secp256k1 { hash: Hash::Sha512 };

/// The hash under an ECDSA signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(super) fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha1 => digest(&SHA1_FOR_LEGACY_USE_ONLY, message).as_ref().to_vec(),
            Hash::Sha256 => Sha256::digest(message).to_vec(),
            Hash::Sha384 => Sha384::digest(message).to_vec(),
            Hash::Sha512 => Sha512::digest(message).to_vec(),
        }
    }
}

/// As it would stand in a certificate: the object identifier 1.2.840.10045.4.1.
const ECDSA_SHA1: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01]);

#[derive(Debug)]
struct Secp256k1 {
    hash: Hash,
}

impl SignatureVerificationAlgorithm for Secp256k1 {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = VerifyingKey::from_sec1_bytes(key).map_err(|_| InvalidSignature)?;
        // OpenSSL leaves s in the upper half every second time; k256 takes the lower half only. Both say the same.
        let signature = Signature::from_der(signature).map_err(|_| InvalidSignature)?.normalize_s();
        key.verify_prehash(&self.hash.of(message), &signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P256K1
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        match self.hash {
            Hash::Sha1 => ECDSA_SHA1,
            Hash::Sha256 => alg_id::ECDSA_SHA256,
            Hash::Sha384 => alg_id::ECDSA_SHA384,
            Hash::Sha512 => alg_id::ECDSA_SHA512,
        }
    }
}

#[cfg(test)]
mod tests {
    use k256::ecdsa::SigningKey;
    use k256::ecdsa::signature::hazmat::PrehashSigner;
    use k256::elliptic_curve::Generate;

    use super::*;

    #[test]
    fn high_and_low_s_are_the_same_signature() {
        let key = SigningKey::generate();
        let public = key.verifying_key().to_sec1_bytes();
        for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let algorithm = Secp256k1 { hash };
            let low: Signature = key.sign_prehash(&hash.of(b"handshake")).unwrap();
            let high = Signature::from_scalars(low.r().to_bytes(), (-*low.s()).to_bytes()).unwrap();
            assert_ne!(low, high);
            for signature in [low, high] {
                let der = signature.to_der();
                assert!(algorithm.verify_signature(&public, b"handshake", der.as_bytes()).is_ok());
                assert!(algorithm.verify_signature(&public, b"Handshake", der.as_bytes()).is_err());
            }
        }
    }

    #[test]
    fn every_scheme_has_its_hash_on_secp256k1() {
        for (scheme, id) in [
            (SignatureScheme::ECDSA_NISTP256_SHA256, alg_id::ECDSA_SHA256),
            (SignatureScheme::ECDSA_NISTP384_SHA384, alg_id::ECDSA_SHA384),
            (SignatureScheme::ECDSA_NISTP521_SHA512, alg_id::ECDSA_SHA512),
        ] {
            let (_, algorithms) = ALGORITHMS.mapping.iter().find(|(s, _)| *s == scheme).unwrap();
            assert_eq!(algorithms[0].public_key_alg_id(), alg_id::ECDSA_P256K1);
            assert_eq!(algorithms[0].signature_alg_id(), id);
        }
    }
}
