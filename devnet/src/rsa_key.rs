//! The RSA key of a node, which decrypts what clients send in handshakes with static RSA.
//!
//! The library has no RSA decryption, because clients don't need it. The one used here is not hardened against timing
//! attacks (RUSTSEC-2023-0071): the embedded nodes are made for tests.

use amop::transport::{Credentials, RsaDecryptor};
use amop::{Error, ErrorKind, Result};
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey;
use zeroize::Zeroizing;

/// A node's RSA key.
pub(crate) struct RsaKey(rsa::PrivateKey);

impl RsaKey {
    /// Returns the key of `credentials`.
    pub(crate) fn of(credentials: &Credentials) -> Result<RsaKey> {
        let der = credentials.key_der();
        let key =
            rsa::PrivateKey::from_pkcs8_der(der).ok().or_else(|| rsa::PrivateKey::from_pkcs1_der(der).ok());
        key.map(RsaKey).ok_or_else(|| {
            let text = "the node's private key is not an RSA key of two primes: make another chain";
            Error::undelivered(ErrorKind::CredentialsInvalid, text)
        })
    }
}

impl RsaDecryptor for RsaKey {
    fn decrypt(&self, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.0.decrypt(rsa::Pkcs1v15Encrypt, ciphertext).ok().map(Zeroizing::new)
    }
}
