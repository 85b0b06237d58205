//! The cipher suites.

use super::prf::Hash;

/// A cipher suite: key exchange, hash and record cipher.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Suite {
    pub(super) id: u16,
    pub(super) exchange: Exchange,
    /// The hash of the key derivation and of the Finished messages.
    pub(super) hash: Hash,
    pub(super) cipher: Cipher,
}

/// How both sides agree on a premaster secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// The client encrypts it with the RSA key of the server's certificate.
    Rsa,
    /// The client encrypts it with the SM2 key of the server's encryption certificate.
    #[cfg(feature = "sm")]
    Sm2Encryption,
    /// SM2 key agreement, with the keys of both encryption certificates and an ephemeral key of each side.
    #[cfg(feature = "sm")]
    Sm2Agreement,
}

/// How records are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    Aes128Gcm,
    Aes256Gcm,
    /// SM4 in CBC mode with HMAC-SM3, authenticated before it is encrypted.
    #[cfg(feature = "sm")]
    Sm4Cbc,
}

impl Cipher {
    /// The length of a key for HMAC, 0 if the cipher itself authenticates.
    pub(super) fn mac_key_len(self) -> usize {
        match self {
            Cipher::Aes128Gcm | Cipher::Aes256Gcm => 0,
            #[cfg(feature = "sm")]
            Cipher::Sm4Cbc => 32,
        }
    }

    pub(super) fn key_len(self) -> usize {
        match self {
            Cipher::Aes128Gcm => 16,
            Cipher::Aes256Gcm => 32,
            #[cfg(feature = "sm")]
            Cipher::Sm4Cbc => 16,
        }
    }

    /// The length of the part of the nonce that is derived like a key.
    pub(super) fn salt_len(self) -> usize {
        match self {
            Cipher::Aes128Gcm | Cipher::Aes256Gcm => 4,
            #[cfg(feature = "sm")]
            Cipher::Sm4Cbc => 0,
        }
    }
}

pub(super) static RSA_AES_256_GCM: Suite =
    Suite { id: 0x009d, exchange: Exchange::Rsa, hash: Hash::Sha384, cipher: Cipher::Aes256Gcm };
pub(super) static RSA_AES_128_GCM: Suite =
    Suite { id: 0x009c, exchange: Exchange::Rsa, hash: Hash::Sha256, cipher: Cipher::Aes128Gcm };
/// ECDHE_SM4_CBC_SM3.
#[cfg(feature = "sm")]
pub(super) static SM2_AGREEMENT: Suite =
    Suite { id: 0xe011, exchange: Exchange::Sm2Agreement, hash: Hash::Sm3, cipher: Cipher::Sm4Cbc };
/// ECC_SM4_CBC_SM3.
#[cfg(feature = "sm")]
pub(super) static SM2_ENCRYPTION: Suite =
    Suite { id: 0xe013, exchange: Exchange::Sm2Encryption, hash: Hash::Sm3, cipher: Cipher::Sm4Cbc };
