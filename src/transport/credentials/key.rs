//! Private keys as their encoding, for any TLS implementation to sign with.

use std::fmt;

use k256::pkcs8::{
    AlgorithmIdentifierRef, DecodePrivateKey, EncodePublicKey, ObjectIdentifier, PrivateKeyInfoRef,
};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RsaKeyPair,
};
use x509_cert::der::asn1::{AnyRef, OctetStringRef};
use x509_cert::der::{Decode, Encode};
use zeroize::Zeroizing;

use crate::transport::certificate::{PublicKey, is_sm2_key};

/// A private key that was parsed once. Its bytes are erased when it is dropped.
pub(crate) struct PrivateKey {
    kind: KeyKind,
    encoding: KeyEncoding,
    der: Zeroizing<Vec<u8>>,
    /// For secp256k1 a SubjectPublicKeyInfo, for other curves a point, for RSA an RSAPublicKey of PKCS#1.
    public: Vec<u8>,
}

/// The kinds of keys that chains have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Secp256k1,
    /// P-256 or P-384: nodes accept clients with such keys, though no chain script makes them.
    Nist,
    Rsa,
    /// On the curve of GM chains.
    Sm2,
}

/// How the bytes of a private key are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyEncoding {
    Pkcs8,
    Sec1,
    Pkcs1,
}

impl PrivateKey {
    /// Returns the key that `der` holds, `None` if it is damaged or of a kind that chains don't have.
    pub(super) fn parse(encoding: KeyEncoding, der: Zeroizing<Vec<u8>>) -> Option<PrivateKey> {
        let (kind, public) = if is_on_sm2(encoding, &der) {
            (KeyKind::Sm2, sm2_public(encoding, &der)?)
        } else if let Some(public) = secp256k1_public(encoding, &der) {
            (KeyKind::Secp256k1, public)
        } else if let Some(public) = nist_public(encoding, &der) {
            (KeyKind::Nist, public)
        } else {
            (KeyKind::Rsa, rsa_public(encoding, &der)?)
        };
        Some(PrivateKey { kind, encoding, der, public })
    }

    pub(crate) fn kind(&self) -> KeyKind {
        self.kind
    }

    pub(crate) fn encoding(&self) -> KeyEncoding {
        self.encoding
    }

    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns whether `public` is the other half of this key.
    pub(super) fn belongs_to(&self, public: &PublicKey) -> bool {
        match self.kind {
            KeyKind::Secp256k1 => public.same_as(&self.public),
            KeyKind::Nist => !public.is_rsa && public.bits == self.public,
            KeyKind::Rsa => public.is_rsa && public.bits == self.public,
            KeyKind::Sm2 => public.is_sm2 && sm2_point(&public.bits).as_deref() == Some(&self.public),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Returns a secp256k1 key from its encoding.
pub(crate) fn secp256k1(encoding: KeyEncoding, der: &[u8]) -> Option<k256::SecretKey> {
    match encoding {
        KeyEncoding::Pkcs8 => k256::SecretKey::from_pkcs8_der(der).ok(),
        KeyEncoding::Sec1 => k256::SecretKey::from_sec1_der(der).ok(),
        KeyEncoding::Pkcs1 => None,
    }
}

fn secp256k1_public(encoding: KeyEncoding, der: &[u8]) -> Option<Vec<u8>> {
    let public = secp256k1(encoding, der)?.public_key().to_public_key_der().ok()?;
    Some(public.into_vec())
}

/// The object identifier of the curve of GM chains, encoded.
const SM2_CURVE_DER: [u8; 10] = [0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d];

/// Returns whether a key states the curve of GM chains.
fn is_on_sm2(encoding: KeyEncoding, der: &[u8]) -> bool {
    match encoding {
        KeyEncoding::Pkcs8 => is_sm2_key(der),
        // The curve is the one object identifier in SEC1, and optional.
        KeyEncoding::Sec1 => der.windows(SM2_CURVE_DER.len()).any(|part| part == SM2_CURVE_DER),
        KeyEncoding::Pkcs1 => false,
    }
}

/// Returns an SM2 key from its encoding.
#[cfg(feature = "sm")]
pub(crate) fn sm2(encoding: KeyEncoding, der: &[u8]) -> Option<sm2::SecretKey> {
    match encoding {
        KeyEncoding::Pkcs8 => sm2::SecretKey::from_pkcs8_der(der).ok(),
        KeyEncoding::Sec1 => sm2::SecretKey::from_sec1_der(der).ok(),
        KeyEncoding::Pkcs1 => None,
    }
}

#[cfg(feature = "sm")]
fn sm2_public(encoding: KeyEncoding, der: &[u8]) -> Option<Vec<u8>> {
    sm2_point(&sm2(encoding, der)?.public_key().to_sec1_bytes())
}

/// Returns a point in the form in which keys are compared, uncompressed.
#[cfg(feature = "sm")]
fn sm2_point(bits: &[u8]) -> Option<Vec<u8>> {
    use sm2::elliptic_curve::sec1::ToSec1Point;
    let key = sm2::PublicKey::from_sec1_bytes(bits).ok()?;
    Some(key.to_sec1_point(false).as_bytes().to_vec())
}

#[cfg(not(feature = "sm"))]
fn sm2_public(_: KeyEncoding, _: &[u8]) -> Option<Vec<u8>> {
    None
}

#[cfg(not(feature = "sm"))]
fn sm2_point(_: &[u8]) -> Option<Vec<u8>> {
    None
}

/// The object identifier of elliptic curve keys.
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// P-256 and P-384.
const NIST_CURVES: [(ObjectIdentifier, &ring::signature::EcdsaSigningAlgorithm); 2] = [
    (ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), &ECDSA_P256_SHA256_ASN1_SIGNING),
    (ObjectIdentifier::new_unwrap("1.3.132.0.34"), &ECDSA_P384_SHA384_ASN1_SIGNING),
];

fn nist_public(encoding: KeyEncoding, der: &[u8]) -> Option<Vec<u8>> {
    NIST_CURVES.iter().find_map(|(curve, algorithm)| {
        let pkcs8 = match encoding {
            KeyEncoding::Pkcs8 => Zeroizing::new(der.to_vec()),
            KeyEncoding::Sec1 => sec1_as_pkcs8(*curve, der)?,
            KeyEncoding::Pkcs1 => return None,
        };
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &pkcs8, &SystemRandom::new()).ok()?;
        Some(pair.public_key().as_ref().to_vec())
    })
}

/// Returns a SEC1 key in PKCS#8, the one encoding that ring reads.
fn sec1_as_pkcs8(curve: ObjectIdentifier, der: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let curve = curve.to_der().ok()?;
    let parameters = AnyRef::from_der(&curve).ok()?;
    let algorithm = AlgorithmIdentifierRef { oid: EC_PUBLIC_KEY, parameters: Some(parameters) };
    let info = PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(der).ok()?);
    info.to_der().ok().map(Zeroizing::new)
}

fn rsa_public(encoding: KeyEncoding, der: &[u8]) -> Option<Vec<u8>> {
    let pair = match encoding {
        KeyEncoding::Pkcs8 => RsaKeyPair::from_pkcs8(der).ok()?,
        KeyEncoding::Pkcs1 => RsaKeyPair::from_der(der).ok()?,
        KeyEncoding::Sec1 => return None,
    };
    Some(pair.public_key().as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nist_keys_are_parsed_in_both_encodings() {
        for (_, algorithm) in NIST_CURVES {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
            let info = PrivateKeyInfoRef::from_der(pkcs8.as_ref()).unwrap();
            let sec1 = info.private_key.as_bytes().to_vec();
            let parse = |encoding, der: Vec<u8>| PrivateKey::parse(encoding, der.into()).unwrap();
            let first = parse(KeyEncoding::Pkcs8, pkcs8.as_ref().to_vec());
            let second = parse(KeyEncoding::Sec1, sec1);
            assert_eq!((first.kind(), second.kind()), (KeyKind::Nist, KeyKind::Nist));
            assert_eq!(first.public, second.public);
        }
    }
}
