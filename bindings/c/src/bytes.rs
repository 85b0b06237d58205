//! Bytes. A view of a payload that is not copied.

use bytes::Bytes;

/// A sequence of bytes, possibly empty: then `len` is 0 and `data` must not be read. Not NUL-terminated.
///
/// The bytes are borrowed from the handle that returned them, and valid until that handle is freed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct amop_bytes {
    /// The first byte.
    pub data: *const u8,
    /// The number of bytes.
    pub len: usize,
}

impl amop_bytes {
    /// The empty sequence.
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
