//! Private keys as their encoding, for any TLS implementation to sign with.

use std::fmt;

use k256::pkcs8::{DecodePrivateKey, EncodePublicKey};
use ring::signature::{KeyPair, RsaKeyPair};
use zeroize::Zeroizing;

use crate::transport::certificate::PublicKey;

/// A private key that was parsed once. Its bytes are erased when it is dropped.
pub(crate) struct PrivateKey {
    kind: KeyKind,
    encoding: KeyEncoding,
    der: Zeroizing<Vec<u8>>,
    /// For secp256k1 a SubjectPublicKeyInfo, for RSA an RSAPublicKey of PKCS#1.
    public: Vec<u8>,
}

/// The kinds of keys that chains have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Secp256k1,
    Rsa,
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
        let (kind, public) = match secp256k1_public(encoding, &der) {
            Some(public) => (KeyKind::Secp256k1, public),
            None => (KeyKind::Rsa, rsa_public(encoding, &der)?),
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
            KeyKind::Rsa => public.is_rsa && public.bits == self.public,
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

fn rsa_public(encoding: KeyEncoding, der: &[u8]) -> Option<Vec<u8>> {
    let pair = match encoding {
        KeyEncoding::Pkcs8 => RsaKeyPair::from_pkcs8(der).ok()?,
        KeyEncoding::Pkcs1 => RsaKeyPair::from_der(der).ok()?,
        KeyEncoding::Sec1 => return None,
    };
    Some(pair.public_key().as_ref().to_vec())
}
