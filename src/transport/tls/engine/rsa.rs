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

#[cfg(test)]
mod tests {
    use rsa::Pkcs1v15Encrypt;
    use rsa::pkcs8::DecodePrivateKey;
    use rsa::traits::PublicKeyParts;

    use super::super::random::SystemRandom;
    use super::*;

    /// Returns an RSAPublicKey of two numbers.
    fn public_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        use x509_cert::der::{Encode, asn1::Uint};
        let numbers = [modulus, exponent].map(|bytes| Uint::new(bytes).unwrap().to_der().unwrap()).concat();
        let length = u16::try_from(numbers.len()).unwrap().to_be_bytes();
        [&[0x30, 0x82][..], &length, &numbers].concat()
    }

    fn is_refused(modulus: &[u8], exponent: &[u8]) -> bool {
        encrypt(&public_key(modulus, exponent), &[7; 48], &SystemRandom).is_err()
    }

    #[test]
    fn owner_of_the_key_decrypts_and_no_padding_byte_is_zero() {
        let pem = include_str!("../../../../tests/vectors/tls/keys/rsa/node.key");
        let key = rsa::PrivateKey::from_pkcs8_pem(pem).unwrap();
        let (n, e) = (key.n().as_ref().to_be_bytes(), key.e().to_be_bytes_trimmed_vartime());
        for _ in 0..20 {
            let encrypted = encrypt(&public_key(&n, &e), &[7; 48], &SystemRandom).unwrap();
            assert_eq!(key.decrypt(Pkcs1v15Encrypt, &encrypted).unwrap(), [7; 48]);
        }
        // A modulus that doesn't fill whole words.
        let mut modulus = vec![0xc5; 257];
        modulus[0] = 0x01;
        let encrypted = encrypt(&public_key(&modulus, &[3]), &[7; 48], &SystemRandom).unwrap();
        assert!(encrypted.len() == 257 && encrypted < modulus);
        for _ in 0..200 {
            let padded = pad(&[0; 48], 256, &SystemRandom).unwrap();
            assert_eq!((&padded[..2], padded[256 - 49]), (&[0, 2][..], 0));
            assert!(padded[2..256 - 49].iter().all(|byte| *byte != 0));
        }
    }

    #[test]
    fn weak_and_invalid_keys_are_refused() {
        let modulus = |length: usize| {
            let mut modulus = vec![0x5a; length];
            (modulus[0], modulus[length - 1]) = (0xc5, 0x0f);
            modulus
        };
        let good = modulus(256);
        for exponent in [&[3][..], &[1, 0, 1], &[0xff; 8]] {
            assert!(!is_refused(&good, exponent), "{exponent:?}");
        }
        for exponent in [&[0][..], &[1], &[2], &[4], &[1, 0, 0], &[0xff; 9]] {
            assert!(is_refused(&good, exponent), "{exponent:?}");
        }
        let mut even = good.clone();
        even[255] = 0x0e;
        assert!(is_refused(&even, &[3]));
        assert!(!is_refused(&modulus(1024), &[3]));
        for length in [1, 64, 128, 255, 1025] {
            assert!(is_refused(&modulus(length), &[3]), "{length}");
        }
        let mut of_2047_bits = good.clone();
        of_2047_bits[0] = 0x45;
        assert!(is_refused(&of_2047_bits, &[3]));
        let key = public_key(&good, &[3]);
        for damaged in [&[][..], &[0x30, 0], &key[..key.len() - 1], &[&key[..], &[0]].concat()] {
            assert!(encrypt(damaged, &[7; 48], &SystemRandom).is_err());
        }
        assert!(encrypt(&key, &[7; 246], &SystemRandom).is_err(), "the message is too long");
    }
}
