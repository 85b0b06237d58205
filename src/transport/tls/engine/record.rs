//! Records: their header, and their protection in one direction.

use std::ops::Range;

use super::super::alert::Alert;
use super::associated::associated;
#[cfg(feature = "sm")]
use super::cbc::Cbc;
use super::fault::Fault;
use super::gcm::Gcm;
use super::random::Random;

/// The most bytes that a record carries.
pub(super) const MAX_PLAIN: usize = 1 << 14;
/// The most bytes that follow a record's header.
pub(super) const MAX_BODY: usize = MAX_PLAIN + 2048;
/// The bytes of a record's header.
pub(super) const HEADER: usize = 5;

/// Types of records.
pub(super) mod content {
    pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(crate) const ALERT: u8 = 21;
    pub(crate) const HANDSHAKE: u8 = 22;
    pub(crate) const APPLICATION_DATA: u8 = 23;
}

/// How the records of one direction are protected.
pub(super) enum Protection {
    None,
    Gcm(Box<Gcm>),
    #[cfg(feature = "sm")]
    Cbc(Box<Cbc>),
}

/// The records of one direction.
pub(super) struct Direction {
    version: [u8; 2],
    protection: Protection,
    /// The number of the next record under this protection.
    sequence: u64,
}

impl Direction {
    /// Returns a direction without protection.
    pub(super) fn new(version: [u8; 2]) -> Direction {
        Direction { version, protection: Protection::None, sequence: 0 }
    }

    /// Changes the version in the headers of records, for an alert to a peer that speaks another one.
    pub(super) fn set_version(&mut self, version: [u8; 2]) {
        self.version = version;
    }

    /// Changes the protection from the next record on.
    pub(super) fn protect(&mut self, protection: Protection) {
        self.protection = protection;
        self.sequence = 0;
    }

    /// Appends one record to `out`, with the content that `fill` appends, at most [`MAX_PLAIN`] bytes.
    ///
    /// # Errors
    /// Returns a fault if the content is too long, the sequence numbers are used up, or there are no random bytes.
    /// `out` is as before then.
    pub(super) fn seal(
        &mut self,
        kind: u8,
        out: &mut Vec<u8>,
        random: &dyn Random,
        fill: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Fault> {
        let start = out.len();
        let sealed = self.append(kind, out, random, fill);
        if sealed.is_err() {
            out.truncate(start);
        }
        sealed
    }

    fn append(
        &mut self,
        kind: u8,
        out: &mut Vec<u8>,
        random: &dyn Random,
        fill: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Fault> {
        let next = self.next_sequence()?;
        out.extend_from_slice(&[kind, self.version[0], self.version[1], 0, 0]);
        let body = out.len();
        match &self.protection {
            Protection::None => {}
            Protection::Gcm(gcm) => gcm.start(self.sequence, out),
            #[cfg(feature = "sm")]
            Protection::Cbc(cbc) => cbc.start(random, out)?,
        }
        let content = out.len();
        fill(out);
        let length = out.len() - content;
        if length > MAX_PLAIN {
            return Err(Fault::internal("a record would be too long"));
        }
        let associated = associated(self.sequence, kind, self.version, length);
        match &self.protection {
            Protection::None => {}
            Protection::Gcm(gcm) => gcm.seal(&associated, out, body)?,
            #[cfg(feature = "sm")]
            Protection::Cbc(cbc) => cbc.seal(&associated, out, body),
        }
        let length = u16::try_from(out.len() - body).expect("protection adds less than 2048 bytes");
        out[body - 2..body].copy_from_slice(&length.to_be_bytes());
        self.sequence = next;
        Ok(())
    }

    /// Opens the body of a record in place. Returns where in it the content lies.
    ///
    /// # Errors
    /// Returns one and the same fault whatever is wrong under the protection.
    pub(super) fn open(&mut self, kind: u8, body: &mut [u8]) -> Result<Range<usize>, Fault> {
        let next = self.next_sequence()?;
        let associated = |length| associated(self.sequence, kind, self.version, length);
        let content = match &self.protection {
            Protection::None => Some(0..body.len()),
            Protection::Gcm(gcm) => gcm.open(associated, body),
            #[cfg(feature = "sm")]
            Protection::Cbc(cbc) => cbc.open(associated, body),
        };
        let content = content.ok_or_else(Fault::bad_record)?;
        if content.len() > MAX_PLAIN {
            return Err(Fault::new(Alert::RECORD_OVERFLOW, "a record is longer than TLS allows"));
        }
        self.sequence = next;
        Ok(content)
    }

    /// Continues with another sequence number.
    #[cfg(test)]
    pub(super) fn skip_to(&mut self, sequence: u64) {
        self.sequence = sequence;
    }

    /// Returns the sequence number after the current one. Numbers never repeat under one key.
    fn next_sequence(&self) -> Result<u64, Fault> {
        self.sequence
            .checked_add(1)
            .ok_or(Fault::internal("the sequence numbers of the connection are used up"))
    }
}
