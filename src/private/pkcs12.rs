//! Private keys in PKCS#12, as Java writes it: also with the encryption that was usual before PBES2.

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use hmac::{KeyInit, Mac};
use pkcs8::der::asn1::{AnyRef, OctetStringRef};
use pkcs8::der::{Decode, Encode};
use pkcs8::{EncryptedPrivateKeyInfoRef, ObjectIdentifier};
use pkcs12::kdf::{Pkcs12KeyType, derive_key_utf8};
use pkcs12::pbe_params::{EncryptedPrivateKeyInfo, Pkcs12PbeParams};
use pkcs12::safe_bag::SafeContents;
use pkcs12::{
    AuthenticatedSafe, MacData, PKCS_12_KEY_BAG_OID, PKCS_12_PBE_WITH_SHAAND3_KEY_TRIPLE_DES_CBC,
    PKCS_12_PKCS8_KEY_BAG_OID, Pfx,
};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::pbes2::{self, Failed, MAX_ITERATIONS};

/// Why a file holds no key that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// The password is missing or wrong.
    Password,
    /// It is damaged, or its encoding is BER and not DER.
    Damaged,
    /// It holds certificates only.
    NoKey,
    /// It is encrypted in a way that is not supported.
    Encryption,
    /// Its encryption takes more work than the limit.
    Work,
}

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// Returns whether these bytes begin like PKCS#12: with version 3, which no key has.
pub(super) fn is_pkcs12(der: &[u8]) -> bool {
    let after_length = match der {
        [0x30, length, rest @ ..] if *length < 0x80 => rest,
        // 0x80 is the indefinite length of BER.
        [0x30, length, rest @ ..] => rest.get(usize::from(length & 0x7f)..).unwrap_or_default(),
        _ => return false,
    };
    after_length.starts_with(&[2, 1, 3])
}

/// Returns the first private key, as PKCS#8.
///
/// # Errors
/// Returns why there is none that can be read.
pub(super) fn private_key(der: &[u8], password: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
    let pfx = Pfx::from_der(der).map_err(|_| Unreadable::Damaged)?;
    let safe = content(&pfx.auth_safe.content_type, &pfx.auth_safe.content).ok_or(Unreadable::Damaged)?;
    let Some(password) = password else { return Err(Unreadable::Password) };
    if let Some(mac) = &pfx.mac_data {
        check_mac(mac, &safe, password)?;
    }
    for part in AuthenticatedSafe::from_der(&safe).map_err(|_| Unreadable::Damaged)? {
        // Java and OpenSSL encrypt each key by itself, and only certificates as a whole.
        let Some(bags) = content(&part.content_type, &part.content) else { continue };
        for bag in SafeContents::from_der(&bags).map_err(|_| Unreadable::Damaged)? {
            let value = explicit(&bag.bag_value).ok_or(Unreadable::Damaged)?;
            match bag.bag_id {
                PKCS_12_KEY_BAG_OID => return Ok(Zeroizing::new(value.to_vec())),
                PKCS_12_PKCS8_KEY_BAG_OID => return decrypt(value, password),
                _ => {}
            }
        }
    }
    Err(Unreadable::NoKey)
}

/// Returns what a ContentInfo holds, if it is not encrypted.
fn content(kind: &ObjectIdentifier, content: &pkcs8::der::Any) -> Option<Zeroizing<Vec<u8>>> {
    let der = content.to_der().ok().filter(|_| *kind == DATA)?;
    let octets = <&OctetStringRef>::from_der(&der).ok()?;
    Some(Zeroizing::new(octets.as_bytes().to_vec()))
}

/// Returns what stands inside of the tag `[0]`.
fn explicit(tagged: &[u8]) -> Option<&[u8]> {
    let any = AnyRef::from_der(tagged).ok()?;
    Some(any.value())
}

fn decrypt(der: &[u8], password: &str) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
    let info = EncryptedPrivateKeyInfo::from_der(der).map_err(|_| Unreadable::Damaged)?;
    match info.encryption_algorithm.oid {
        PKCS_12_PBE_WITH_SHAAND3_KEY_TRIPLE_DES_CBC => {}
        PBES2 => {
            let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| Unreadable::Encryption)?;
            return pbes2::decrypt(&info, password).map_err(|failed| match failed {
                Failed::Password => Unreadable::Password,
                Failed::Encryption => Unreadable::Encryption,
                Failed::Work => Unreadable::Work,
            });
        }
        _ => return Err(Unreadable::Encryption),
    }
    let parameters = info.encryption_algorithm.parameters.as_ref().and_then(|any| any.to_der().ok());
    let parameters =
        parameters.and_then(|der| Pkcs12PbeParams::from_der(&der).ok()).ok_or(Unreadable::Damaged)?;
    let rounds = iterations(parameters.iterations)?;
    let derive = |kind, len| {
        let derived = derive_key_utf8::<Sha1>(password, parameters.salt.as_bytes(), kind, rounds, len);
        derived.map(Zeroizing::new).map_err(|_| Unreadable::Password)
    };
    let (key, iv) = (derive(Pkcs12KeyType::EncryptionKey, 24)?, derive(Pkcs12KeyType::Iv, 8)?);
    let cipher =
        cbc::Decryptor::<des::TdesEde3>::new_from_slices(&key, &iv).map_err(|_| Unreadable::Encryption)?;
    let mut buffer = Zeroizing::new(info.encrypted_data.as_bytes().to_vec());
    let plain = cipher.decrypt_padded::<Pkcs7>(&mut buffer).map_err(|_| Unreadable::Password)?;
    Ok(Zeroizing::new(plain.to_vec()))
}

/// Checks the file's MAC, which shows a wrong password. One of an unknown kind is not checked.
fn check_mac(mac: &MacData, safe: &[u8], password: &str) -> Result<(), Unreadable> {
    let rounds = iterations(mac.iterations)?;
    let (salt, expected) = (mac.mac_salt.as_bytes(), mac.mac.digest.as_bytes());
    macro_rules! is_right {
        ($digest:ty, $len:expr) => {{
            let key = derive_key_utf8::<$digest>(password, salt, Pkcs12KeyType::Mac, rounds, $len);
            let key = Zeroizing::new(key.map_err(|_| Unreadable::Password)?);
            let mac = hmac::Hmac::<$digest>::new_from_slice(&key).map_err(|_| Unreadable::Damaged)?;
            mac.chain_update(safe).verify_slice(expected).is_ok()
        }};
    }
    let is_right = match mac.mac.algorithm.oid {
        SHA1 => is_right!(Sha1, 20),
        SHA256 => is_right!(Sha256, 32),
        SHA384 => is_right!(Sha384, 48),
        SHA512 => is_right!(Sha512, 64),
        _ => true,
    };
    if is_right { Ok(()) } else { Err(Unreadable::Password) }
}

fn iterations(count: i32) -> Result<i32, Unreadable> {
    let is_bounded = u32::try_from(count).is_ok_and(|count| (1..=MAX_ITERATIONS).contains(&count));
    if is_bounded { Ok(count) } else { Err(Unreadable::Work) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iterations_are_bounded() {
        assert_eq!(iterations(2048), Ok(2048));
        for count in [i32::MIN, -1, 0, 10_000_001, i32::MAX] {
            assert_eq!(iterations(count), Err(Unreadable::Work), "{count}");
        }
    }
}
