//! Encryption with an RSA public key (RSAES-PKCS1-v1_5, RFC 8017): ring only signs and verifies.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use x509_cert::der::asn1::UintRef;
use x509_cert::der::{Decode, Reader, SliceReader};
use zeroize::{Zeroize, Zeroizing};

use super::super::alert::Alert;
use super::fault::Fault;
use super::random::Random;

/// The lengths of a modulus that are accepted, in bytes.
const MODULUS_LEN: std::ops::RangeInclusive<usize> = 256..=1024;
/// The longest public exponent that is accepted, in bytes.
const MAX_EXPONENT_LEN: usize = 8;
/// The bytes around the message: 0, 2, at least eight random bytes, 0.
const MIN_OVERHEAD: usize = 11;

/// Encrypts `message` with `public_key`, an RSAPublicKey of PKCS#1.
///
/// # Errors
/// Returns a fault if the key can't be used: shorter than 2048 bits or longer than 8192, an even modulus, an even
/// exponent or one below 3.
pub(super) fn encrypt(public_key: &[u8], message: &[u8], random: &dyn Random) -> Result<Vec<u8>, Fault> {
    let unusable =
        || Fault::new(Alert::BAD_CERTIFICATE, "the RSA key of the peer's certificate cannot be used");
    let (modulus, exponent) = parse(public_key).ok_or_else(unusable)?;
    let length = modulus.len();
    let top = modulus[0].leading_zeros();
    let precision = length as u32 * 8;
    if !MODULUS_LEN.contains(&length) || (length == *MODULUS_LEN.start() && top > 0) {
        return Err(unusable());
    }
    let is_usable = match exponent {
        [] | [0..=2] => false,
        [.., last] => exponent.len() <= MAX_EXPONENT_LEN && last % 2 == 1,
    };
    if !is_usable || message.len() + MIN_OVERHEAD > length {
        return Err(unusable());
    }
    let number = |bytes: &[u8], bits: u32| BoxedUint::from_be_slice(bytes, bits).map_err(|_| unusable());
    let modulus = Odd::new(number(modulus, precision)?).into_option().ok_or_else(unusable)?;
    let exponent = number(exponent, exponent.len() as u32 * 8)?;

    let padded = pad(message, length, random)?;
    let parameters = BoxedMontyParams::new(modulus);
    // The message is secret, the exponent is not. `pow` takes the same time for every message.
    let mut base = BoxedMontyForm::new(number(&padded, precision)?, &parameters);
    let encrypted = base.pow(&exponent).retrieve().to_be_bytes();
    base.zeroize();
    // The number is kept in whole words, which may be longer than the modulus.
    Ok(encrypted[encrypted.len() - length..].to_vec())
}

/// Returns modulus and exponent without leading zeros.
fn parse(public_key: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut outer = SliceReader::new(public_key).ok()?;
    let numbers = outer
        .sequence(|inner: &mut SliceReader<'_>| -> x509_cert::der::Result<_> {
            Ok((UintRef::decode(inner)?, UintRef::decode(inner)?))
        })
        .ok()?;
    outer.finish().ok()?;
    let (modulus, exponent) = (numbers.0.as_bytes(), numbers.1.as_bytes());
    (!modulus.is_empty()).then_some((modulus, exponent))
}

/// Returns `message` behind random padding, `length` bytes in all.
fn pad(message: &[u8], length: usize, random: &dyn Random) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let mut padded = Zeroizing::new(vec![0; length]);
    padded[1] = 2;
    let (padding, tail) = padded[2..].split_at_mut(length - message.len() - 3);
    random.fill(padding)?;
    // Zero ends the padding, so each zero in it is replaced.
    for byte in padding {
        while *byte == 0 {
            random.fill(std::slice::from_mut(byte))?;
        }
    }
    tail[1..].copy_from_slice(message);
    Ok(padded)
}
