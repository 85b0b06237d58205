//! SM4 in CBC mode with HMAC-SM3, authenticated, then padded, then encrypted (RFC 5246, section 6.2.3.2; GB/T 38636).
//!
//! This order lets an attacker who alters records learn about their content, if the time of a refusal depends on the
//! padding ("Lucky Thirteen"). [`Cbc::open`] therefore takes the same steps for every padding that a record of this
//! length could have: there is no branch, no memory access and no number of hash steps that depends on the decrypted
//! bytes. How far the padding reaches is known only once the code has been verified.

use std::hint::black_box;
use std::ops::Range;

use cbc::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit, consts::U16};
use hmac::{Hmac, Mac};
use sm3::digest::block_api::UpdateCore;
use sm3::digest::common::hazmat::SerializableState;
use sm3::{Sm3, Sm3Core};
use sm4::Sm4;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::associated::Associated;
use super::fault::Fault;
use super::masks::{equal, less};
use super::random::Random;

const BLOCK: usize = 16;
const MAC: usize = 32;
const MAX_PADDING: usize = 255;
/// The bytes of a block of SM3.
const HASH_BLOCK: usize = 64;
/// The bytes after a hashed message at the least: 0x80, and its length in bits.
const HASH_PADDING: usize = 9;
const ASSOCIATED: usize = size_of::<Associated>();

/// The protection of one direction.
pub(super) struct Cbc {
    cipher: Sm4,
    mac: Hmac<Sm3>,
    /// SM3 after the first block of HMAC's inner and of its outer hash.
    inner: Sm3Core,
    outer: Sm3Core,
}

impl Cbc {
    /// Returns the protection with a key of 16 bytes and a MAC key of 32.
    pub(super) fn new(key: &[u8], mac_key: &[u8]) -> Cbc {
        let start = |pad: u8| {
            let mut block = Zeroizing::new([pad; HASH_BLOCK]);
            for (byte, key) in block.iter_mut().zip(mac_key) {
                *byte ^= key;
            }
            let mut core = Sm3Core::default();
            compress(&mut core, block.as_slice());
            core
        };
        assert!(mac_key.len() <= HASH_BLOCK, "HMAC would hash a longer key");
        Cbc {
            cipher: Sm4::new_from_slice(key).expect("the suite has keys of this length"),
            mac: Hmac::new_from_slice(mac_key).expect("HMAC takes keys of any length"),
            inner: start(0x36),
            outer: start(0x5c),
        }
    }

    /// Appends what comes before the content: a random initialisation vector.
    pub(super) fn start(&self, random: &dyn Random, out: &mut Vec<u8>) -> Result<(), Fault> {
        let at = out.len();
        out.extend_from_slice(&[0; BLOCK]);
        random.fill(&mut out[at..])
    }

    /// Appends the code of what follows the initialisation vector at `body`, pads and encrypts it.
    pub(super) fn seal(&self, associated: &Associated, out: &mut Vec<u8>, body: usize) {
        let content = body + BLOCK;
        let mut mac = self.mac.clone();
        mac.update(associated);
        mac.update(&out[content..]);
        out.extend_from_slice(&mac.finalize().into_bytes());
        let padding = BLOCK - 1 - (out.len() - content) % BLOCK;
        out.resize(out.len() + padding + 1, padding as u8);
        let (iv, blocks) = out[body..].split_at_mut(BLOCK);
        let iv = Array::try_from(&*iv).expect("BLOCK bytes");
        let (blocks, _) = Array::<u8, U16>::slice_as_chunks_mut(blocks);
        cbc::Encryptor::inner_iv_init(self.cipher.clone(), &iv).encrypt_blocks(blocks);
    }

    /// Decrypts `body` in place. Returns where the content lies, `None` if it is not authentic.
    pub(super) fn open(
        &self,
        associated: impl Fn(usize) -> Associated,
        body: &mut [u8],
    ) -> Option<Range<usize>> {
        // These are lengths that everybody sees. The shortest record has a code and a byte of padding.
        if !body.len().is_multiple_of(BLOCK) || body.len() < BLOCK + (MAC + 1).next_multiple_of(BLOCK) {
            return None;
        }
        let (iv, blocks) = body.split_at_mut(BLOCK);
        let iv = Array::try_from(&*iv).expect("BLOCK bytes");
        {
            let (blocks, _) = Array::<u8, U16>::slice_as_chunks_mut(blocks);
            cbc::Decryptor::inner_iv_init(self.cipher.clone(), &iv).decrypt_blocks(blocks);
        }
        let padded = Padded::new(blocks);
        let computed = self.code(&associated(padded.content), &padded);
        let is_good = computed.ct_eq(&padded.code()) & padded.is_well_formed.ct_eq(&0xff);
        bool::from(is_good).then_some(BLOCK..BLOCK + padded.content)
    }

    /// Returns HMAC-SM3 of `associated` and the content, in a number of hash steps that only the record's length
    /// decides.
    fn code(&self, associated: &Associated, padded: &Padded<'_>) -> [u8; MAC] {
        let mut inner = self.inner.clone();
        // Every possible content has these blocks in whole.
        let whole = (ASSOCIATED + padded.shortest) / HASH_BLOCK;
        if let Some(after_first) = (whole * HASH_BLOCK).checked_sub(HASH_BLOCK) {
            let in_first = HASH_BLOCK - ASSOCIATED;
            let mut first = [0; HASH_BLOCK];
            first[..ASSOCIATED].copy_from_slice(associated);
            first[ASSOCIATED..].copy_from_slice(&padded.bytes[..in_first]);
            compress(&mut inner, &first);
            compress(&mut inner, &padded.bytes[in_first..in_first + after_first]);
        }
        // In the others the content may end, or have ended. The digest is the state after the block with the length.
        let end = ASSOCIATED + padded.content;
        let with_length = (end + HASH_PADDING - 1) / HASH_BLOCK;
        let length = ((HASH_BLOCK + end) as u64 * 8).to_be_bytes();
        let blocks = (ASSOCIATED + padded.longest + HASH_PADDING).div_ceil(HASH_BLOCK);
        let mut digest = [0; MAC];
        for index in whole..blocks {
            let is_last = equal(index, with_length);
            let mut block = [0; HASH_BLOCK];
            for (offset, out) in block.iter_mut().enumerate() {
                let position = index * HASH_BLOCK + offset;
                let byte = match position.checked_sub(ASSOCIATED) {
                    None => associated[position],
                    Some(at) => padded.bytes.get(at).copied().unwrap_or(0),
                };
                *out = byte & less(position, end) | 0x80 & equal(position, end);
            }
            for (out, byte) in block[HASH_BLOCK - length.len()..].iter_mut().zip(length) {
                *out |= byte & is_last;
            }
            compress(&mut inner, &block);
            select_state(&mut digest, &inner, is_last);
        }

        let mut outer = self.outer.clone();
        let mut block = [0; HASH_BLOCK];
        block[..MAC].copy_from_slice(&digest);
        block[MAC] = 0x80;
        block[HASH_BLOCK - 8..].copy_from_slice(&((HASH_BLOCK + MAC) as u64 * 8).to_be_bytes());
        compress(&mut outer, &block);
        let mut code = [0; MAC];
        select_state(&mut code, &outer, 0xff);
        code
    }
}

/// Runs the compression function of SM3 over whole blocks.
fn compress(core: &mut Sm3Core, blocks: &[u8]) {
    #[cfg(test)]
    tests::COMPRESSIONS.with(|count| count.set(count.get() + blocks.len() / HASH_BLOCK));
    let (blocks, rest) = Array::slice_as_chunks(blocks);
    debug_assert!(rest.is_empty());
    core.update_blocks(blocks);
}

/// Adds the state of `core` to `digest` if `mask` is 0xff. All others are added with 0.
fn select_state(digest: &mut [u8; MAC], core: &Sm3Core, mask: u8) {
    // The serialized state is eight words, the first byte of each last, and a counter.
    let state = core.serialize();
    for (out, word) in digest.chunks_exact_mut(4).zip(state.chunks_exact(4)) {
        for (out, byte) in out.iter_mut().zip(word.iter().rev()) {
            *out |= byte & mask;
        }
    }
}

/// Decrypted bytes: content, code, padding, and the length of the padding. Where they end is a secret.
struct Padded<'a> {
    bytes: &'a [u8],
    /// The length of the content if the padding is as long as it can be, and as short. Public.
    shortest: usize,
    longest: usize,
    /// The length of the content; [`Padded::longest`] if the padding is wrong. Secret.
    content: usize,
    /// 0xff if the padding is right, else 0. Secret.
    is_well_formed: u8,
}

impl<'a> Padded<'a> {
    /// Checks the padding of `bytes`, which have space for a code and for one byte of padding.
    fn new(bytes: &'a [u8]) -> Padded<'a> {
        let longest = bytes.len() - MAC - 1;
        let padding = black_box(bytes[bytes.len() - 1]);
        // The code and the last byte must fit.
        let mut is_well_formed = less(padding.into(), longest + 1);
        let before_last = bytes.iter().rev().skip(1).take(MAX_PADDING);
        for (index, byte) in before_last.enumerate() {
            let is_padding = less(index, padding.into());
            is_well_formed &= !is_padding | equal((*byte).into(), padding.into());
        }
        let is_well_formed = black_box(is_well_formed);
        let content = black_box(longest - usize::from(padding & is_well_formed));
        Padded { bytes, shortest: longest.saturating_sub(MAX_PADDING), longest, content, is_well_formed }
    }

    /// Returns the code that follows the content.
    fn code(&self) -> [u8; MAC] {
        // Collect it rotated, at fixed steps through all places where it may lie, then rotate it back.
        let mut rotated = [0; MAC];
        let places = &self.bytes[self.shortest..self.longest + MAC];
        for (place, byte) in places.iter().enumerate() {
            let position = self.shortest + place;
            let is_code = !less(position, self.content) & less(position, self.content + MAC);
            rotated[place % MAC] |= byte & is_code;
        }
        let shift = (self.content - self.shortest) % MAC;
        for step in [1, 2, 4, 8, 16] {
            let mask = !equal(shift & step, 0);
            let before = rotated;
            for (index, out) in rotated.iter_mut().enumerate() {
                *out = before[index] & !mask | before[(index + step) % MAC] & mask;
            }
        }
        rotated
    }
}

#[cfg(test)]
mod tests;
