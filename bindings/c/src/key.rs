//! The keys of private topics, as options hold them until they are used.

use amop::{PrivateKey, Result};
use zeroize::Zeroizing;

use crate::argument::invalid_argument;

/// More bytes than a key has in any form.
const MAX_LEN: usize = 1024 * 1024;

/// A private key as it was given. Its bytes are erased when it is dropped.
pub(crate) struct GivenKey {
    bytes: Zeroizing<Vec<u8>>,
    password: Option<Zeroizing<String>>,
}

impl GivenKey {
    /// Copies a key, which is read when it is used, so that the error has a text. Returns `None` for a length of 0.
    ///
    /// # Errors
    /// Returns [`amop::ErrorKind::InvalidArgument`] if it is NULL or has more than 1 MiB.
    ///
    /// # Safety
    /// `len` bytes can be read at `key`, unless it is NULL.
    pub(crate) unsafe fn copy(
        key: *const u8,
        len: usize,
        password: Option<&str>,
    ) -> Result<Option<GivenKey>> {
        if len == 0 {
            return Ok(None);
        }
        if key.is_null() || len > MAX_LEN {
            return Err(invalid_argument(format!("`key` is NULL, or has {len} bytes, of at most {MAX_LEN}")));
        }
        // SAFETY: guaranteed by the caller. A copy elsewhere would not be erased.
        let bytes = Zeroizing::new(unsafe { std::slice::from_raw_parts(key, len) }.to_vec());
        let password = password.map(|password| Zeroizing::new(password.to_owned()));
        Ok(Some(GivenKey { bytes, password }))
    }

    /// Reads the key.
    ///
    /// # Errors
    /// As [`PrivateKey::read`].
    pub(crate) fn read(&self) -> Result<PrivateKey> {
        PrivateKey::read(&*self.bytes, self.password.as_ref().map(|password| password.as_str()))
    }
}
