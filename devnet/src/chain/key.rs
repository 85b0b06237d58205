//! The keys of a chain: secp256k1 or RSA, one kind for all its certificates.

use amop::{Error, ErrorKind, Result};
use k256::ecdsa;
use k256::elliptic_curve::Generate;
use k256::pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding};
use rsa::pkcs1v15;
use sha2::Sha256;
use x509_cert::spki::{self, SubjectPublicKeyInfoOwned};

/// The kind of a chain's keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on secp256k1. The CA issues agencies, which issue nodes and SDKs.
    #[default]
    Secp256k1,
    /// RSA with 2048 bits. The CA issues nodes and SDKs itself.
    Rsa,
}

/// A private key.
#[derive(Clone)]
pub(super) enum Key {
    Secp256k1(ecdsa::SigningKey),
    Rsa(Box<pkcs1v15::SigningKey<Sha256>>),
}

impl Key {
    /// Creates a key. An RSA key takes a large part of a second.
    pub(super) fn generate(algorithm: Algorithm) -> Key {
        match algorithm {
            Algorithm::Secp256k1 => Key::Secp256k1(ecdsa::SigningKey::generate()),
            // The crate's default length is that of the script: 2048 bits.
            Algorithm::Rsa => Key::Rsa(Box::new(pkcs1v15::SigningKey::generate())),
        }
    }

    /// Parses the output of [`Key::pem`].
    pub(super) fn from_pem(pem: &str) -> std::result::Result<Key, String> {
        if let Ok(key) = ecdsa::SigningKey::from_pkcs8_pem(pem) {
            return Ok(Key::Secp256k1(key));
        }
        match pkcs1v15::SigningKey::from_pkcs8_pem(pem) {
            Ok(key) => Ok(Key::Rsa(Box::new(key))),
            // The parser's error is not passed on, because it could contain parts of the key.
            Err(_) => Err("the key is not a PKCS#8 key on secp256k1 or for RSA".into()),
        }
    }

    /// Returns the key as PKCS#8 in PEM.
    pub(super) fn pem(&self) -> Result<String> {
        let pem = match self {
            Key::Secp256k1(key) => key.to_pkcs8_pem(LineEnding::LF),
            Key::Rsa(key) => key.to_pkcs8_pem(LineEnding::LF),
        };
        let pem = pem.map_err(|error| {
            Error::undelivered(ErrorKind::Internal, format!("could not encode a key: {error}"))
        })?;
        Ok(pem.to_string())
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Key::Secp256k1(_) => Algorithm::Secp256k1,
            Key::Rsa(_) => Algorithm::Rsa,
        }
    }

    /// Returns the public key in the form that certificates contain.
    pub(super) fn public(&self) -> spki::Result<SubjectPublicKeyInfoOwned> {
        match self {
            Key::Secp256k1(key) => SubjectPublicKeyInfoOwned::from_key(key.verifying_key()),
            Key::Rsa(key) => {
                SubjectPublicKeyInfoOwned::from_key(&rsa::signature::Keypair::verifying_key(key.as_ref()))
            }
        }
    }
}
