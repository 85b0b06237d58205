//! The keys of private topics.

use std::fmt;
use std::sync::Arc;

use k256::ecdsa::{SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use super::hex::hex;
use crate::error::{Error, ErrorKind, Result};

/// The key of a subscriber of private topics. Cheap to clone; erased from memory with the last clone.
///
/// The key lies on secp256k1, on GM chains too. It belongs to the application: neither the key of the client's TLS
/// certificate nor an account of the chain, whose transactions a signature would belong to.
#[derive(Clone)]
pub struct PrivateKey(Arc<SigningKey>);

/// The public half of a [`PrivateKey`], which publishers allow. Equal if it is the same key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; PublicKey::LEN]);

impl PrivateKey {
    /// Creates a key from the operating system's randomness. It is one that java-sdk can verify, see
    /// [`PublicKey::works_with_java_sdk`].
    ///
    /// # Errors
    /// Returns [`ErrorKind::Runtime`] if the operating system returns no random bytes.
    pub fn generate() -> Result<PrivateKey> {
        loop {
            let mut bytes = Zeroizing::new([0; 32]);
            getrandom::fill(&mut *bytes).map_err(|error| {
                let text = format!("the operating system returned no random bytes for a key ({error})");
                Error::undelivered(ErrorKind::Runtime, text)
            })?;
            // Of 2^128 numbers one is none.
            if let Some(key) = PrivateKey::from_bytes(&*bytes)
                && key.public_key().works_with_java_sdk()
            {
                return Ok(key);
            }
        }
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<PrivateKey> {
        SigningKey::from_slice(bytes).ok().map(|key| PrivateKey(Arc::new(key)))
    }

    pub(super) fn from_secret(secret: &k256::SecretKey) -> PrivateKey {
        PrivateKey(Arc::new(SigningKey::from(secret)))
    }

    pub(super) fn signing_key(&self) -> &SigningKey {
        &self.0
    }

    pub(super) fn secret(&self) -> k256::SecretKey {
        k256::SecretKey::from(&*self.0)
    }

    /// Returns the public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::of(self.0.verifying_key())
    }

    /// Returns the key as 64 hex digits.
    pub fn to_hex(&self) -> Zeroizing<String> {
        let bytes = Zeroizing::new(self.0.to_bytes());
        Zeroizing::new(hex(&bytes))
    }
}

impl fmt::Debug for PrivateKey {
    /// Shows the public half only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("public_key", &self.public_key()).finish_non_exhaustive()
    }
}

impl PublicKey {
    const LEN: usize = 64;

    pub(super) fn of(key: &VerifyingKey) -> PublicKey {
        let point = key.to_sec1_point(false);
        let mut bytes = [0; PublicKey::LEN];
        // An uncompressed point has a byte 04 before the coordinates.
        bytes.copy_from_slice(&point.as_bytes()[1..]);
        PublicKey(bytes)
    }

    pub(super) fn from_point(point: &[u8]) -> Option<PublicKey> {
        VerifyingKey::from_sec1_bytes(point).ok().map(|key| PublicKey::of(&key))
    }

    /// Returns the point in uncompressed form: 65 bytes, the first 04.
    pub(crate) fn to_point(&self) -> [u8; 1 + PublicKey::LEN] {
        let mut point = [4; 1 + PublicKey::LEN];
        point[1..].copy_from_slice(&self.0);
        point
    }

    /// Returns whether java-sdk can verify signatures of this key when it is given 128 hex digits. It takes a leading `04`
    /// for the mark of the encoding, so that it never verifies one key in 256; [`PrivateKey::generate`] makes none of these.
    pub fn works_with_java_sdk(&self) -> bool {
        self.0[0] != 4
    }

    /// Returns the key as 130 hex digits, the first two `04`.
    pub fn to_hex(&self) -> String {
        hex(&self.to_point())
    }
}

impl fmt::Display for PublicKey {
    /// Writes 130 hex digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_keys_differ_and_work_with_java_sdk() {
        let keys: Vec<_> = (0..64).map(|_| PrivateKey::generate().unwrap().public_key()).collect();
        assert!(keys.iter().all(PublicKey::works_with_java_sdk));
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }

    #[test]
    fn secrets_are_not_shown() {
        let key = PrivateKey::read("11".repeat(32), None).unwrap();
        let shown = format!("{key:?}");
        assert!(
            !shown.contains(&"11".repeat(4)) && shown.contains("044f355bdcb7cc0af728ef3cceb9615d"),
            "{shown}"
        );
        assert_eq!(*key.to_hex(), "11".repeat(32));
    }
}
