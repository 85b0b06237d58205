//! Keys as texts and files.

use std::path::Path;
use std::str::FromStr;

use zeroize::Zeroizing;

use super::format;
use super::key::{PrivateKey, PublicKey};
use crate::error::{Error, Result};

impl PrivateKey {
    /// Reads a key: PEM of PKCS#8, encrypted or not, or of SEC1 (`EC PRIVATE KEY`); PKCS#12; or 64 hex digits, with `0x`
    /// or without. `password` is that of an encrypted key, and unused for others.
    ///
    /// # Errors
    /// Returns [`ErrorKind::KeyEncrypted`](crate::ErrorKind::KeyEncrypted) if the password is missing or wrong, and
    /// [`ErrorKind::CredentialsInvalid`](crate::ErrorKind::CredentialsInvalid) if it is no private key on secp256k1.
    /// The text says what it is instead.
    pub fn read(bytes: impl AsRef<[u8]>, password: Option<&str>) -> Result<PrivateKey> {
        format::private_key("the key", bytes.as_ref(), password)
    }

    /// Reads a key from a file, as [`PrivateKey::read`]. Blocks while the file is read.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsNotFound`](crate::ErrorKind::CredentialsNotFound) if there is no such file,
    /// [`ErrorKind::CredentialsInvalid`](crate::ErrorKind::CredentialsInvalid) if it can't be read, and as
    /// [`PrivateKey::read`].
    pub fn from_file(path: impl AsRef<Path>, password: Option<&str>) -> Result<PrivateKey> {
        let (name, bytes) = format::read_file(path.as_ref())?;
        format::private_key(&name, &bytes, password)
    }

    /// Returns the key as PEM of PKCS#8, not encrypted.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Internal`](crate::ErrorKind::Internal) if it can't be encoded, which does not happen.
    pub fn to_pem(&self) -> Result<Zeroizing<String>> {
        format::private_pem(self)
    }

    /// Returns the key as PEM of PKCS#8, encrypted with a password by scrypt and AES-256.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the password is empty.
    pub fn to_encrypted_pem(&self, password: &str) -> Result<Zeroizing<String>> {
        format::encrypted_pem(self, password)
    }
}

impl PublicKey {
    /// Reads a key: PEM (`PUBLIC KEY`), or 128 hex digits, with `04` or `0x` before them or without.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsInvalid`](crate::ErrorKind::CredentialsInvalid) if it is no public key on
    /// secp256k1. The text says what it is instead.
    pub fn read(bytes: impl AsRef<[u8]>) -> Result<PublicKey> {
        format::public_key("the key", bytes.as_ref())
    }

    /// Reads a key from a file, as [`PublicKey::read`]. Blocks while the file is read.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsNotFound`](crate::ErrorKind::CredentialsNotFound) if there is no such file,
    /// [`ErrorKind::CredentialsInvalid`](crate::ErrorKind::CredentialsInvalid) if it can't be read, and as
    /// [`PublicKey::read`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<PublicKey> {
        let (name, bytes) = format::read_file(path.as_ref())?;
        format::public_key(&name, &bytes)
    }

    /// Returns the key as PEM.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Internal`](crate::ErrorKind::Internal) if it can't be encoded, which does not happen.
    pub fn to_pem(&self) -> Result<String> {
        format::public_pem(self)
    }
}

impl FromStr for PublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<PublicKey> {
        PublicKey::read(text)
    }
}
