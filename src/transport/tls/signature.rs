//! Signature algorithms that are accepted: those of ring, ECDSA on secp256k1, and SM2.

use k256::ecdsa::signature::hazmat::PrehashVerifier;
use k256::ecdsa::{Signature, VerifyingKey};
use pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use sha2::{Digest, Sha256, Sha384, Sha512};
use webpki::ring as base;

/// A signature algorithm.
pub(super) type Algorithm = &'static dyn SignatureVerificationAlgorithm;

/// The algorithms that are accepted in certificates.
pub(super) static ALGORITHMS: &[Algorithm] = &[
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
    #[cfg(feature = "sm")]
    SM2_SM3,
    #[cfg(feature = "sm")]
    SM2_SM3_NULL_PARAMS,
];

pub(super) static SECP256K1_SHA1: Algorithm = &Secp256k1 { hash: Hash::Sha1 };
pub(super) static SECP256K1_SHA256: Algorithm = &Secp256k1 { hash: Hash::Sha256 };
pub(super) static SECP256K1_SHA384: Algorithm = &Secp256k1 { hash: Hash::Sha384 };
pub(super) static SECP256K1_SHA512: Algorithm = &Secp256k1 { hash: Hash::Sha512 };

/// SM2 with SM3 as official scripts make certificates of GM chains: the algorithm has no parameters.
#[cfg(feature = "sm")]
pub(super) static SM2_SM3: Algorithm = &sm2_sm3::Sm2Sm3 { signature: sm2_sm3::SIGNATURE };
/// SM2 with SM3 as some other tools make certificates: the algorithm has NULL as its parameters.
#[cfg(feature = "sm")]
static SM2_SM3_NULL_PARAMS: Algorithm = &sm2_sm3::Sm2Sm3 { signature: sm2_sm3::SIGNATURE_NULL_PARAMS };
#[cfg(feature = "sm")]
pub(super) use sm2_sm3::IDENTITY as SM2_IDENTITY;

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

/// The object identifier 1.2.840.10045.4.1, encoded.
const ECDSA_SHA1: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01]);

#[derive(Debug)]
struct Secp256k1 {
    hash: Hash,
}

impl SignatureVerificationAlgorithm for Secp256k1 {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = VerifyingKey::from_sec1_bytes(key).map_err(|_| InvalidSignature)?;
        // Half of OpenSSL's signatures have s in the upper half, which is equivalent; k256 accepts the lower half only.
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

/// SM2 signatures over SM3, with the signer's identity (GB/T 32918.2).
#[cfg(feature = "sm")]
mod sm2_sm3 {
    use pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
    use sm2::dsa::signature::Verifier;
    use sm2::dsa::{Signature, VerifyingKey};

    /// The identity of all signers, where none is agreed (GM/T 0009).
    pub(crate) const IDENTITY: &str = "1234567812345678";

    /// id-ecPublicKey with the curve 1.2.156.10197.1.301.
    #[rustfmt::skip]
    const KEY: AlgorithmIdentifier = AlgorithmIdentifier::from_slice(&[
        0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
        0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d,
    ]);
    /// 1.2.156.10197.1.501.
    pub(super) const SIGNATURE: AlgorithmIdentifier =
        AlgorithmIdentifier::from_slice(&[0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75]);
    pub(super) const SIGNATURE_NULL_PARAMS: AlgorithmIdentifier = AlgorithmIdentifier::from_slice(&[
        0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75, 0x05, 0x00,
    ]);

    #[derive(Debug)]
    pub(super) struct Sm2Sm3 {
        pub(super) signature: AlgorithmIdentifier,
    }

    impl SignatureVerificationAlgorithm for Sm2Sm3 {
        fn verify_signature(
            &self,
            key: &[u8],
            message: &[u8],
            signature: &[u8],
        ) -> Result<(), InvalidSignature> {
            let key = VerifyingKey::from_sec1_bytes(IDENTITY, key).map_err(|_| InvalidSignature)?;
            let signature = Signature::from_der(signature).map_err(|_| InvalidSignature)?;
            key.verify(message, &signature).map_err(|_| InvalidSignature)
        }

        fn public_key_alg_id(&self) -> AlgorithmIdentifier {
            KEY
        }

        fn signature_alg_id(&self) -> AlgorithmIdentifier {
            self.signature
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
}
