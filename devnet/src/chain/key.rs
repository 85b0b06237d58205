//! The keys of a chain: one kind for all its certificates.

use amop::{Error, ErrorKind, Result};
use k256::ecdsa;
use k256::elliptic_curve::Generate;
use k256::pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding};
use rsa::pkcs1v15;
use rsa::signature::{self, Keypair, Signer};
use sha2::Sha256;
use x509_cert::der::asn1::{BitString, ObjectIdentifier, UintRef};
use x509_cert::der::{self, Encode};
use x509_cert::spki::{
    self, AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, SignatureBitStringEncoding,
    SubjectPublicKeyInfoOwned,
};

use crate::options::Generation;

/// The kind of a chain's keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on secp256k1. The CA issues agencies, which issue nodes and SDKs.
    #[default]
    Secp256k1,
    /// RSA with 2048 bits. The CA issues nodes and SDKs itself.
    Rsa,
    /// SM2, of GM chains. Each node and SDK has two certificates: one for signatures and one for encryption. On chains of
    /// generation 2 an agency issues them, which the CA has issued; on chains of generation 3 the CA itself.
    Sm2,
    /// ECDSA on P-256. No script makes such chains, but nodes of generation 3 run with them. The CA issues nodes and SDKs
    /// itself.
    P256,
}

impl Algorithm {
    /// Returns the name for texts.
    pub(super) fn name(self) -> &'static str {
        match self {
            Algorithm::Secp256k1 => "secp256k1",
            Algorithm::Rsa => "RSA",
            Algorithm::Sm2 => "SM2",
            Algorithm::P256 => "P-256",
        }
    }
}

/// The kind of a chain: the script that makes it, and its keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainKind {
    /// The generation of the nodes, each of which has a script of its own.
    pub generation: Generation,
    /// The kind of all keys.
    pub algorithm: Algorithm,
}

impl ChainKind {
    /// Returns the kind of a chain of generation 3 with these keys.
    pub fn v3(algorithm: Algorithm) -> ChainKind {
        ChainKind { generation: Generation::V3, algorithm }
    }

    /// Returns whether agencies issue the certificates of nodes and SDKs.
    pub(super) fn has_agency(self) -> bool {
        self.generation == Generation::V2 && matches!(self.algorithm, Algorithm::Secp256k1 | Algorithm::Sm2)
    }
}

impl From<Algorithm> for ChainKind {
    /// Returns the kind of a chain of generation 2 with these keys.
    fn from(algorithm: Algorithm) -> ChainKind {
        ChainKind { generation: Generation::V2, algorithm }
    }
}

/// A private key.
#[derive(Clone)]
pub(super) enum Key {
    Secp256k1(ecdsa::SigningKey),
    Rsa(Box<pkcs1v15::SigningKey<Sha256>>),
    Sm2(Sm2Signer),
    P256(p256::ecdsa::SigningKey),
}

impl Key {
    /// Creates a key. An RSA key takes a large part of a second.
    pub(super) fn generate(algorithm: Algorithm) -> Key {
        match algorithm {
            Algorithm::Secp256k1 => Key::Secp256k1(ecdsa::SigningKey::generate()),
            // The crate's default length is that of the script: 2048 bits.
            Algorithm::Rsa => Key::Rsa(Box::new(pkcs1v15::SigningKey::generate())),
            Algorithm::Sm2 => Key::Sm2(Sm2Signer(sm2::SecretKey::generate())),
            Algorithm::P256 => Key::P256(p256::ecdsa::SigningKey::generate()),
        }
    }

    /// Parses the output of [`Key::pem`].
    pub(super) fn from_pem(pem: &str) -> std::result::Result<Key, String> {
        if let Ok(key) = ecdsa::SigningKey::from_pkcs8_pem(pem) {
            return Ok(Key::Secp256k1(key));
        }
        if let Ok(key) = sm2::SecretKey::from_pkcs8_pem(pem) {
            return Ok(Key::Sm2(Sm2Signer(key)));
        }
        if let Ok(key) = p256::ecdsa::SigningKey::from_pkcs8_pem(pem) {
            return Ok(Key::P256(key));
        }
        match pkcs1v15::SigningKey::from_pkcs8_pem(pem) {
            Ok(key) => Ok(Key::Rsa(Box::new(key))),
            // The parser's error is not passed on, because it could contain parts of the key.
            Err(_) => Err("the key is not a PKCS#8 key on secp256k1, P-256 or SM2, or for RSA".into()),
        }
    }

    /// Returns the key as PKCS#8 in PEM.
    pub(super) fn pem(&self) -> Result<String> {
        let pem = match self {
            Key::Secp256k1(key) => key.to_pkcs8_pem(LineEnding::LF),
            Key::Rsa(key) => key.to_pkcs8_pem(LineEnding::LF),
            Key::Sm2(key) => key.0.to_pkcs8_pem(LineEnding::LF),
            Key::P256(key) => key.to_pkcs8_pem(LineEnding::LF),
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
            Key::Sm2(_) => Algorithm::Sm2,
            Key::P256(_) => Algorithm::P256,
        }
    }

    /// Returns the public key in the form that certificates contain.
    pub(super) fn public(&self) -> spki::Result<SubjectPublicKeyInfoOwned> {
        match self {
            Key::Secp256k1(key) => SubjectPublicKeyInfoOwned::from_key(key.verifying_key()),
            Key::Rsa(key) => {
                SubjectPublicKeyInfoOwned::from_key(&rsa::signature::Keypair::verifying_key(key.as_ref()))
            }
            Key::Sm2(key) => SubjectPublicKeyInfoOwned::from_key(&key.0.public_key()),
            Key::P256(key) => SubjectPublicKeyInfoOwned::from_key(key.verifying_key()),
        }
    }
}

/// The identity of all signers on GM chains.
const SIGNER_ID: &str = "1234567812345678";

/// Signs certificates with an SM2 key. The crate's own signatures are not encoded as certificates contain them.
#[derive(Clone)]
pub(super) struct Sm2Signer(sm2::SecretKey);

/// A signature of an [`Sm2Signer`], encoded.
pub(super) struct Sm2Signature(Vec<u8>);

impl Keypair for Sm2Signer {
    type VerifyingKey = sm2::PublicKey;

    fn verifying_key(&self) -> sm2::PublicKey {
        self.0.public_key()
    }
}

impl DynSignatureAlgorithmIdentifier for Sm2Signer {
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        Ok(AlgorithmIdentifierOwned { oid: SM2_WITH_SM3, parameters: None })
    }
}

/// The object identifier of signatures with SM2 and SM3.
const SM2_WITH_SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.501");

impl Signer<Sm2Signature> for Sm2Signer {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Sm2Signature, signature::Error> {
        let key = sm2::dsa::SigningKey::new(SIGNER_ID, &self.0)?;
        let signature: sm2::dsa::Signature = key.try_sign(message)?;
        let bytes = signature.to_bytes();
        let (r, s) = bytes.split_at(bytes.len() / 2);
        let encoded = || vec![UintRef::new(r)?, UintRef::new(s)?].to_der();
        encoded().map(Sm2Signature).map_err(signature::Error::from_source)
    }
}

impl SignatureBitStringEncoding for Sm2Signature {
    fn to_bitstring(&self) -> der::Result<BitString> {
        BitString::from_bytes(&self.0)
    }
}
