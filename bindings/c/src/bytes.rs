//! Bytes. How payloads are looked at without copying them.

use bytes::Bytes;

/// Any bytes, possibly none: then `len` is 0 and `data` isn't to be read. Not NUL-terminated.
///
/// Lent by the handle that it was got from, for as long as that lives.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct amop_bytes {
    /// The first byte.
    pub data: *const u8,
    /// How many there are.
    pub len: usize,
}

impl amop_bytes {
    /// No bytes.
    pub(crate) const NONE: amop_bytes = amop_bytes { data: std::ptr::null(), len: 0 };
}

impl From<&[u8]> for amop_bytes {
    fn from(bytes: &[u8]) -> amop_bytes {
        amop_bytes { data: bytes.as_ptr(), len: bytes.len() }
    }
}

impl From<&Bytes> for amop_bytes {
    fn from(bytes: &Bytes) -> amop_bytes {
        amop_bytes::from(bytes.as_ref())
    }
}
