//! Encrypted PKCS#8 (PBES2), whose file states how much work and memory its decryption takes: no more than a limit is spent.

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::pbes2::Kdf;
use zeroize::Zeroizing;

/// More rounds of a hash than programs use. Each takes about 100 ns to 1 us.
pub(super) const MAX_ITERATIONS: u32 = 10_000_000;

/// The most memory that scrypt may take, in bytes. OpenSSL refuses more than 32 MiB.
const MAX_SCRYPT_BYTES: u64 = 256 * 1024 * 1024;

/// Why a key is not decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// The password is wrong.
    Password,
    /// It is encrypted in a way that is not supported.
    Encryption,
    /// Its decryption takes more work than the limit, or an impossible amount.
    Work,
}

/// Returns the private key, as PKCS#8.
///
/// # Errors
/// Returns why it is not decrypted.
pub(super) fn decrypt(
    info: &EncryptedPrivateKeyInfoRef<'_>,
    password: &str,
) -> Result<Zeroizing<Vec<u8>>, Failed> {
    let parameters = info.encryption_algorithm.pbes2().ok_or(Failed::Encryption)?;
    if !has_bounded_work(&parameters.kdf) {
        return Err(Failed::Work);
    }
    let key = info.decrypt(password).map_err(|_| Failed::Password)?;
    Ok(Zeroizing::new(key.as_bytes().to_vec()))
}

fn has_bounded_work(kdf: &Kdf) -> bool {
    match kdf {
        Kdf::Pbkdf2(pbkdf2) => (1..=MAX_ITERATIONS).contains(&pbkdf2.iteration_count),
        Kdf::Scrypt(scrypt) => {
            // The implementation panics if this is 0.
            let cost = scrypt.cost_parameter;
            // The parallel parts are computed one after the other, so that one product limits time and memory.
            let bytes = 128 * u64::from(scrypt.block_size) * u64::from(scrypt.parallelization);
            let bytes = bytes.checked_mul(cost);
            cost > 1 && cost.is_power_of_two() && bytes.is_some_and(|bytes| bytes <= MAX_SCRYPT_BYTES)
        }
        // The derivations above are all that there are.
        _ => false,
    }
}
