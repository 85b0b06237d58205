//! AES-GCM as TLS 1.2 uses it (RFC 5288): half of the nonce is a secret salt, half is sent with the record.

use std::ops::Range;

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::associated::Associated;
use super::fault::Fault;

const SENT_NONCE: usize = 8;
const TAG: usize = 16;

/// The protection of one direction.
pub(super) struct Gcm {
    key: LessSafeKey,
    salt: Zeroizing<[u8; 4]>,
}

impl Gcm {
    /// Returns the protection with a key of 16 or 32 bytes and a salt of 4.
    pub(super) fn new(key: &[u8], salt: &[u8]) -> Gcm {
        let algorithm = if key.len() == 32 { &AES_256_GCM } else { &AES_128_GCM };
        let key = UnboundKey::new(algorithm, key).expect("the suite has keys of this length");
        let salt = Zeroizing::new(salt.try_into().expect("the suite has salts of 4 bytes"));
        Gcm { key: LessSafeKey::new(key), salt }
    }

    fn nonce(&self, sent: &[u8]) -> Nonce {
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(self.salt.as_ref());
        nonce[4..].copy_from_slice(sent);
        Nonce::assume_unique_for_key(nonce)
    }

    /// Appends what comes before the content. The sequence number is the nonce, because it never repeats under one key.
    pub(super) fn start(&self, sequence: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&sequence.to_be_bytes());
    }

    /// Encrypts what follows the nonce at `body`, and appends the tag.
    pub(super) fn seal(&self, associated: &Associated, out: &mut Vec<u8>, body: usize) -> Result<(), Fault> {
        let (nonce, content) = out[body..].split_at_mut(SENT_NONCE);
        let tag = self
            .key
            .seal_in_place_separate_tag(self.nonce(nonce), Aad::from(associated), content)
            .map_err(|_| Fault::internal("a record could not be encrypted"))?;
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Decrypts `body` in place. Returns where the content lies, `None` if it is not authentic.
    pub(super) fn open(
        &self,
        associated: impl Fn(usize) -> Associated,
        body: &mut [u8],
    ) -> Option<Range<usize>> {
        let length = body.len().checked_sub(SENT_NONCE + TAG)?;
        let (nonce, protected) = body.split_at_mut(SENT_NONCE);
        self.key.open_in_place(self.nonce(nonce), Aad::from(associated(length)), protected).ok()?;
        Some(SENT_NONCE..SENT_NONCE + length)
    }
}
