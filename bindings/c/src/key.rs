//! The keys of private topics, as options hold them until they are used.

use std::ffi::{c_char, c_void};

use amop::{PrivateKey, Result};
use zeroize::Zeroizing;

use crate::argument::invalid_argument;
use crate::macros::{secret, text};

/// More bytes than a key has in any form.
const MAX_LEN: usize = 1024 * 1024;

/// A private key as it was given. Its bytes are erased when it is dropped.
pub(crate) struct GivenKey {
    bytes: Zeroizing<Vec<u8>>,
    password: Option<Zeroizing<String>>,
}

impl GivenKey {
    /// Copies a key, which is read when it is used, so that the error has a text. Returns `None` for NULL and a length of 0.
    /// An empty key is kept, because without it the call would be one for the public topic of the same name.
    ///
    /// # Errors
    /// Returns [`amop::ErrorKind::InvalidArgument`] if it is NULL or has more than 1 MiB, or if the password is not UTF-8.
    ///
    /// # Safety
    /// `len` bytes can be read at `key`, and `password` ends with a NUL, unless they are NULL.
    pub(crate) unsafe fn copy(
        key: *const c_void,
        len: usize,
        password: *const c_char,
    ) -> Result<Option<GivenKey>> {
        if key.is_null() && len == 0 {
            return Ok(None);
        }
        if len > MAX_LEN {
            return Err(invalid_argument(format!("`key` has {len} bytes, but a key has at most {MAX_LEN}")));
        }
        let password =
            if password.is_null() { None } else { Some(Zeroizing::new(text!(password)?.to_owned())) };
        Ok(Some(GivenKey { bytes: secret!(key, len)?, password }))
    }

    /// Reads the key.
    ///
    /// # Errors
    /// As [`PrivateKey::read`].
    pub(crate) fn read(&self) -> Result<PrivateKey> {
        PrivateKey::read(&*self.bytes, self.password.as_ref().map(|password| password.as_str()))
    }
}
