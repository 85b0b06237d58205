//! Signature schemes of TLS for rustls, and the algorithms that they stand for.

use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use webpki::ring as base;

use super::super::signature::{
    self, Algorithm, SECP256K1_SHA1, SECP256K1_SHA256, SECP256K1_SHA384, SECP256K1_SHA512,
};

/// The algorithms and schemes that are accepted, the preferred scheme first.
///
/// ECDSA with SHA-256 comes first: a node uses the first scheme that it supports, and SHA-256 fits its key. The three
/// schemes named after NIST curves state only a hash in TLS 1.2, and an OpenSSL node uses any of them.
pub(super) static ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: signature::ALGORITHMS,
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

/// ECDSA with SHA-1: the scheme that a client of the embedded node may also prove its key with. It is accepted in no
/// certificate.
///
/// Java 11, which java-sdk needs, uses the schemes above only with the curves in their names. For a key on secp256k1
/// that leaves it the schemes without a curve, which real nodes accept, and of which rustls offers only this one.
pub(super) static FOR_CLIENTS: Mapping = (SignatureScheme::ECDSA_SHA1_Legacy, &[SECP256K1_SHA1]);

/// A scheme of TLS and the algorithms that it stands for, by kind of key.
pub(super) type Mapping = (SignatureScheme, &'static [Algorithm]);

#[cfg(test)]
mod tests {
    use pki_types::alg_id;

    use super::*;

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
