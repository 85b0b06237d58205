//! SM2 (GB/T 32918) as the GM modes use it: signatures with and without identity, key agreement, encryption.
//!
//! The curve is that of the crate `sm2`, which has no key agreement.

use sm2::dsa::signature::Signer;
use sm2::dsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use sm2::dsa::{Signature, SigningKey, VerifyingKey};
use sm2::elliptic_curve::Group;
use sm2::elliptic_curve::ops::Reduce;
use sm2::elliptic_curve::rand_core::{TryCryptoRng, TryRng};
use sm2::elliptic_curve::sec1::ToSec1Point;
use sm2::pke::{DecryptingKey, EncryptingKey};
use sm2::{PublicKey, Scalar, SecretKey, U256};
use sm3::{Digest, Sm3};
use zeroize::{Zeroize, Zeroizing};

use super::super::signature::{SM2_IDENTITY, SM2_SM3};
use super::fault::Fault;
use super::random::Random;

/// The length of a point in the uncompressed form, the only one that is accepted.
const POINT_LEN: usize = 65;
const UNCOMPRESSED: u8 = 0x04;

/// The coefficients a and b of the curve, then the coordinates of its base point.
const CURVE: [u8; 128] = *b"\
    \xff\xff\xff\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
    \xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xfc\
    \x28\xe9\xfa\x9e\x9d\x9f\x5e\x34\x4d\x5a\x9e\x4b\xcf\x65\x09\xa7\
    \xf3\x97\x89\xf5\x15\xab\x8f\x92\xdd\xbc\xbd\x41\x4d\x94\x0e\x93\
    \x32\xc4\xae\x2c\x1f\x19\x81\x19\x5f\x99\x04\x46\x6a\x39\xc9\x94\
    \x8f\xe3\x0b\xbf\xf2\x66\x0b\xe1\x71\x5a\x45\x89\x33\x4c\x74\xc7\
    \xbc\x37\x36\xa2\xf4\xf6\x77\x9c\x59\xbd\xce\xe3\x6b\x69\x21\x53\
    \xd0\xa9\x87\x7c\xc6\x2a\x47\x40\x02\xdf\x32\xe5\x21\x39\xf0\xa0";

pub(super) fn sm3(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sm3::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// Returns the point that a peer sent, `None` if it is not an uncompressed point of the curve.
pub(super) fn point(bytes: &[u8]) -> Option<PublicKey> {
    if bytes.len() != POINT_LEN || bytes[0] != UNCOMPRESSED {
        return None;
    }
    PublicKey::from_sec1_bytes(bytes).ok()
}

pub(super) fn point_bytes(key: &PublicKey) -> Vec<u8> {
    key.to_sec1_point(false).as_bytes().to_vec()
}

/// Returns a fresh key for one handshake.
pub(super) fn ephemeral_key(random: &dyn Random) -> Result<SecretKey, Fault> {
    let mut bytes = Zeroizing::new([0; 32]);
    loop {
        random.fill(bytes.as_mut())?;
        // All but about one in 2^32 are below the order of the curve.
        if let Ok(key) = SecretKey::from_slice(bytes.as_ref()) {
            return Ok(key);
        }
    }
}

/// Returns Z, the hash of a signer's identity and key (GB/T 32918.2, section 5.5).
pub(super) fn identity_hash(key: &PublicKey) -> [u8; 32] {
    let bits = (SM2_IDENTITY.len() as u16 * 8).to_be_bytes();
    sm3(&[&bits, SM2_IDENTITY.as_bytes(), &CURVE, &point_bytes(key)[1..]])
}

fn signing_key(key: &SecretKey) -> Result<SigningKey, Fault> {
    SigningKey::new(SM2_IDENTITY, key).map_err(|_| Fault::internal("an SM2 key cannot sign"))
}

/// Signs `message` with the signer's identity.
pub(super) fn sign(key: &SecretKey, message: &[u8]) -> Result<Vec<u8>, Fault> {
    let signature: Signature =
        signing_key(key)?.try_sign(message).map_err(|_| Fault::internal("an SM2 signature failed"))?;
    Ok(signature.to_der().as_bytes().to_vec())
}

/// Signs a hash as it is, without the signer's identity.
pub(super) fn sign_hash(key: &SecretKey, hash: &[u8; 32]) -> Result<Vec<u8>, Fault> {
    let signature: Signature =
        signing_key(key)?.sign_prehash(hash).map_err(|_| Fault::internal("an SM2 signature failed"))?;
    Ok(signature.to_der().as_bytes().to_vec())
}

/// Returns whether `signature` is over `message` with the signer's identity.
pub(super) fn verifies(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    SM2_SM3.verify_signature(&point_bytes(key), message, signature).is_ok()
}

/// Returns whether `signature` is over a hash as it is.
pub(super) fn verifies_hash(key: &PublicKey, hash: &[u8; 32], signature: &[u8]) -> bool {
    let Ok(key) = VerifyingKey::new(SM2_IDENTITY, *key) else { return false };
    Signature::from_der(signature).is_ok_and(|signature| key.verify_prehash(hash, &signature).is_ok())
}

/// One side of a key agreement (GB/T 32918.3, without key confirmation).
pub(super) struct Agreement<'a> {
    /// The key of this side's encryption certificate.
    pub(super) own: &'a SecretKey,
    pub(super) own_ephemeral: &'a SecretKey,
    /// The key of the peer's encryption certificate.
    pub(super) peer: &'a PublicKey,
    pub(super) peer_ephemeral: &'a PublicKey,
    /// Whether the identity of this side comes first.
    pub(super) own_identity_first: bool,
}

impl Agreement<'_> {
    /// Fills `secret`.
    ///
    /// # Errors
    /// Returns a fault if the peer's points lead to none.
    pub(super) fn derive(&self, secret: &mut [u8]) -> Result<(), Fault> {
        let mut factor = *self.own.to_nonzero_scalar()
            + reduced(&self.own_ephemeral.public_key()) * *self.own_ephemeral.to_nonzero_scalar();
        let sum =
            self.peer.to_projective() + self.peer_ephemeral.to_projective() * reduced(self.peer_ephemeral);
        let mut shared = sum * factor;
        factor.zeroize();
        if bool::from(shared.is_identity()) {
            return Err(Fault::illegal("the peer's keys lead to no shared secret"));
        }
        let point = shared.to_affine().to_sec1_point(false);
        shared.zeroize();
        let coordinates = Zeroizing::new(point.as_bytes()[1..].to_vec());
        let (own, peer) = (identity_hash(&self.own.public_key()), identity_hash(self.peer));
        let [first, second] = if self.own_identity_first { [own, peer] } else { [peer, own] };
        for (counter, filled) in (1u32..).zip(secret.chunks_mut(32)) {
            let block = Zeroizing::new(sm3(&[&coordinates, &first, &second, &counter.to_be_bytes()]));
            filled.copy_from_slice(&block[..filled.len()]);
        }
        Ok(())
    }
}

/// Returns 2^127 + (x mod 2^127) of a point.
fn reduced(key: &PublicKey) -> Scalar {
    let point = key.to_sec1_point(false);
    let mut low = [0; 32];
    low[16..].copy_from_slice(&point.as_bytes()[17..33]);
    low[16] |= 0x80;
    Scalar::reduce(&U256::from_be_slice(&low))
}

/// Encrypts `message`: the ciphertext of GB/T 35276, in DER.
pub(super) fn encrypt(key: &PublicKey, message: &[u8], random: &dyn Random) -> Result<Vec<u8>, Fault> {
    EncryptingKey::new(*key)
        .encrypt_der(&mut Rng(random), message)
        .map_err(|_| Fault::internal("SM2 encryption failed"))
}

/// Decrypts what [`encrypt`] makes; `None` if it is damaged.
pub(super) fn decrypt(key: &SecretKey, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    DecryptingKey::new(key.clone()).decrypt_der(ciphertext).ok().map(Zeroizing::new)
}

/// [`Random`] as RustCrypto has it.
struct Rng<'a>(&'a dyn Random);

/// The source gave nothing.
#[derive(Debug)]
struct NoRandomBytes;

impl std::fmt::Display for NoRandomBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no random bytes")
    }
}

impl std::error::Error for NoRandomBytes {}

impl TryRng for Rng<'_> {
    type Error = NoRandomBytes;

    fn try_next_u32(&mut self) -> Result<u32, NoRandomBytes> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, NoRandomBytes> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), NoRandomBytes> {
        self.0.fill(out).map_err(|_| NoRandomBytes)
    }
}

impl TryCryptoRng for Rng<'_> {}
