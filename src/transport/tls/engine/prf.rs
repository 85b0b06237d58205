//! Hashes, and the pseudorandom function of TLS 1.2 (RFC 5246, section 5), which TLCP shares.

use ring::{digest, hmac};
use zeroize::Zeroizing;

/// The hash under the pseudorandom function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    #[cfg(feature = "sm")]
    Sm3,
}

impl Hash {
    pub(super) fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha256 => digest::digest(&digest::SHA256, message).as_ref().to_vec(),
            Hash::Sha384 => digest::digest(&digest::SHA384, message).as_ref().to_vec(),
            #[cfg(feature = "sm")]
            Hash::Sm3 => super::sm2::sm3(&[message]).to_vec(),
        }
    }

    /// Fills `out` from `secret`.
    pub(super) fn prf(self, secret: &[u8], label: &[u8], seed: &[u8], out: &mut [u8]) {
        match self {
            Hash::Sha256 => expand(&RingHmac(hmac::Key::new(hmac::HMAC_SHA256, secret)), label, seed, out),
            Hash::Sha384 => expand(&RingHmac(hmac::Key::new(hmac::HMAC_SHA384, secret)), label, seed, out),
            #[cfg(feature = "sm")]
            Hash::Sm3 => expand(&sm3::HmacSm3::new(secret), label, seed, out),
        }
    }
}

/// HMAC with a fixed key.
trait Hmac {
    fn of(&self, parts: &[&[u8]]) -> Zeroizing<Vec<u8>>;
}

struct RingHmac(hmac::Key);

impl Hmac for RingHmac {
    fn of(&self, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        context.sign().as_ref().to_vec().into()
    }
}

#[cfg(feature = "sm")]
mod sm3 {
    use hmac::{KeyInit, Mac};
    use zeroize::Zeroizing;

    pub(super) struct HmacSm3(hmac::Hmac<sm3::Sm3>);

    impl HmacSm3 {
        pub(super) fn new(key: &[u8]) -> HmacSm3 {
            HmacSm3(hmac::Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
        }
    }

    impl super::Hmac for HmacSm3 {
        fn of(&self, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
            let mut mac = self.0.clone();
            for part in parts {
                mac.update(part);
            }
            mac.finalize().into_bytes().to_vec().into()
        }
    }
}

/// P_hash of RFC 5246.
fn expand(hmac: &impl Hmac, label: &[u8], seed: &[u8], out: &mut [u8]) {
    let mut chain = hmac.of(&[label, seed]);
    let mut rest = out;
    while !rest.is_empty() {
        let block = hmac.of(&[&chain, label, seed]);
        let (filled, left) = rest.split_at_mut(block.len().min(rest.len()));
        filled.copy_from_slice(&block[..filled.len()]);
        rest = left;
        chain = hmac.of(&[&chain]);
    }
}
