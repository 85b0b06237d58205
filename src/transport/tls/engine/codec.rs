//! Reading and writing the structures of handshake messages.

use super::fault::Fault;

/// Numbers of handshake messages.
pub(super) mod kind {
    pub(crate) const HELLO_REQUEST: u8 = 0;
    pub(crate) const CLIENT_HELLO: u8 = 1;
    pub(crate) const SERVER_HELLO: u8 = 2;
    pub(crate) const CERTIFICATE: u8 = 11;
    pub(crate) const SERVER_KEY_EXCHANGE: u8 = 12;
    pub(crate) const CERTIFICATE_REQUEST: u8 = 13;
    pub(crate) const SERVER_HELLO_DONE: u8 = 14;
    pub(crate) const CERTIFICATE_VERIFY: u8 = 15;
    pub(crate) const CLIENT_KEY_EXCHANGE: u8 = 16;
    pub(crate) const FINISHED: u8 = 20;
}

/// Numbers of extensions.
pub(super) mod extension {
    pub(crate) const POINT_FORMATS: u16 = 11;
    pub(crate) const EXTENDED_MASTER_SECRET: u16 = 23;
    pub(crate) const RENEGOTIATION_INFO: u16 = 0xff01;
}

/// The bytes of a message's type and length.
pub(super) const MESSAGE_HEADER: usize = 4;
/// The longest id of a session in a hello message.
pub(super) const MAX_SESSION_ID: usize = 32;

/// A structure that is being read.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    /// Returns the next `n` bytes.
    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(Fault::malformed("a message ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        Ok(self.take(N)?.try_into().expect("N bytes were taken"))
    }

    pub(super) fn u8(&mut self) -> Result<u8, Fault> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_be_bytes)
    }

    /// Returns a vector with a length of one byte.
    pub(super) fn vector8(&mut self) -> Result<Reader<'a>, Fault> {
        let n = self.u8()?;
        self.take(n.into()).map(Reader)
    }

    /// Returns a vector with a length of two bytes.
    pub(super) fn vector16(&mut self) -> Result<Reader<'a>, Fault> {
        let n = self.u16()?;
        self.take(n.into()).map(Reader)
    }

    /// Returns a vector with a length of three bytes.
    pub(super) fn vector24(&mut self) -> Result<Reader<'a>, Fault> {
        let [a, b, c] = self.array()?;
        self.take(u32::from_be_bytes([0, a, b, c]) as usize).map(Reader)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what was not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// # Errors
    /// Returns a fault if anything was not read.
    pub(super) fn end(&self) -> Result<(), Fault> {
        if self.0.is_empty() { Ok(()) } else { Err(Fault::malformed("a message has bytes after its end")) }
    }
}

/// Appends what `content` appends, after its length in `LENGTH` bytes.
pub(super) fn vector<const LENGTH: usize>(out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH]);
    content(out);
    let n = (out.len() - start - LENGTH).to_be_bytes();
    let (above, written) = n.split_at(n.len() - LENGTH);
    // Lengths come from this side's own certificates and keys, which are bounded when they are loaded.
    assert!(above.iter().all(|byte| *byte == 0), "a vector of at most {LENGTH} length bytes");
    out[start..start + LENGTH].copy_from_slice(written);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_read_as_they_are_written() {
        let mut out = Vec::new();
        vector::<1>(&mut out, |out| out.extend_from_slice(b"one"));
        vector::<2>(&mut out, |out| vector::<3>(out, |out| out.extend_from_slice(b"two")));
        assert_eq!(out, b"\x03one\x00\x06\x00\x00\x03two");
        let mut reader = Reader::new(&out);
        assert_eq!(reader.vector8().unwrap().rest(), b"one");
        let mut outer = reader.vector16().unwrap();
        assert_eq!(outer.vector24().unwrap().rest(), b"two");
        assert!(outer.end().is_ok() && reader.end().is_ok());
    }

    #[test]
    fn lengths_beyond_the_end_are_refused() {
        for bytes in [&b"\x02a"[..], b"", b"\xff"] {
            assert!(Reader::new(bytes).vector8().is_err(), "{bytes:?}");
        }
        assert!(Reader::new(b"\x00\x02a").vector16().is_err());
        assert!(Reader::new(b"\xff\xff\xff").vector24().is_err());
        assert!(Reader::new(b"a").end().is_err());
    }
}
