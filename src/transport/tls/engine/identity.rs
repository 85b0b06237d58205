//! What one side shows and proves: certificates and private keys.

use std::fmt;
use std::sync::Arc;

use pki_types::CertificateDer;
use ring::signature::RsaKeyPair;
#[cfg(feature = "sm")]
use sm2::pkcs8::DecodePrivateKey;

use super::mode::EngineMode;
use crate::transport::Credentials;
use crate::transport::credentials::KeyEncoding;
use crate::{Error, ErrorKind, Result};

/// The certificates and private keys of one side. Cheap to clone; the keys are shared.
#[derive(Clone)]
pub struct EngineIdentity {
    /// As they are sent: the leaf that signs comes first, the one for encryption last.
    pub(super) certificates: Arc<Vec<CertificateDer<'static>>>,
    pub(super) keys: Arc<IdentityKeys>,
}

/// The private keys of an [`EngineIdentity`].
pub(super) enum IdentityKeys {
    Rsa(RsaKeyPair),
    #[cfg(feature = "sm")]
    Sm2 {
        sign: sm2::SecretKey,
        encrypt: sm2::SecretKey,
    },
}

impl EngineIdentity {
    /// Returns the identity of `credentials` with an RSA key.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsInvalid`] if the key is not an RSA key of 2048 bits or more.
    pub fn rsa(credentials: &Credentials) -> Result<EngineIdentity> {
        let key = credentials.key();
        let pair = match key.encoding() {
            KeyEncoding::Pkcs8 => RsaKeyPair::from_pkcs8(key.der()),
            KeyEncoding::Pkcs1 => RsaKeyPair::from_der(key.der()),
            KeyEncoding::Sec1 => return Err(unusable("it is not an RSA key")),
        };
        let pair = pair.map_err(|error| unusable(&error.to_string()))?;
        let certificates =
            credentials.certificates().iter().map(|certificate| certificate.der.clone()).collect();
        Ok(EngineIdentity { certificates: Arc::new(certificates), keys: Arc::new(IdentityKeys::Rsa(pair)) })
    }

    /// Returns an identity with the two pairs of GM chains. Each chain starts with its leaf; each key is in PKCS#8 or
    /// SEC1. The caller has checked that keys and certificates belong together.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsInvalid`] if a chain is empty or a key is not on the SM2 curve.
    #[cfg(feature = "sm")]
    pub fn sm2(
        sign_chain: &[CertificateDer<'static>],
        sign_key: &[u8],
        encryption_chain: &[CertificateDer<'static>],
        encryption_key: &[u8],
    ) -> Result<EngineIdentity> {
        let ([_, ..], [encryption_leaf, encryption_issuers @ ..]) = (sign_chain, encryption_chain) else {
            return Err(unusable("a certificate is missing"));
        };
        let mut certificates = sign_chain.to_vec();
        // Nodes look for the encryption certificate at the end. Its issuers are mostly those of the other leaf.
        let issuers = encryption_issuers.iter().filter(|issuer| !sign_chain.contains(issuer));
        certificates.extend(issuers.cloned());
        certificates.push(encryption_leaf.clone());
        let keys = IdentityKeys::Sm2 { sign: sm2_key(sign_key)?, encrypt: sm2_key(encryption_key)? };
        Ok(EngineIdentity { certificates: Arc::new(certificates), keys: Arc::new(keys) })
    }

    /// Returns an identity with an RSA key in PKCS#8.
    #[cfg(any(test, fuzzing))]
    pub(super) fn rsa_from_parts(chain: &[CertificateDer<'static>], key: &[u8]) -> EngineIdentity {
        let keys = IdentityKeys::Rsa(RsaKeyPair::from_pkcs8(key).unwrap());
        EngineIdentity { certificates: Arc::new(chain.to_vec()), keys: Arc::new(keys) }
    }

    /// Decrypts with the key for encryption.
    #[cfg(all(test, feature = "sm"))]
    pub(super) fn decrypt_for_test(&self, encrypted: &[u8]) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        match &*self.keys {
            IdentityKeys::Rsa(_) => None,
            IdentityKeys::Sm2 { encrypt, .. } => super::sm2::decrypt(encrypt, encrypted),
        }
    }

    /// Returns whether the keys are RSA keys; otherwise they are on the SM2 curve.
    pub(super) fn is_rsa(&self) -> bool {
        matches!(*self.keys, IdentityKeys::Rsa(_))
    }
}

impl fmt::Debug for EngineIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineIdentity").field("is_rsa", &self.is_rsa()).finish_non_exhaustive()
    }
}

/// # Errors
/// Returns [`ErrorKind::CredentialsInvalid`] if the keys of `identity` are not those of `mode`.
pub(super) fn check_fits(identity: &EngineIdentity, mode: EngineMode) -> Result<()> {
    match (&*identity.keys, mode) {
        (IdentityKeys::Rsa(_), EngineMode::StaticRsa) => Ok(()),
        #[cfg(feature = "sm")]
        (IdentityKeys::Sm2 { .. }, EngineMode::GmTls12 | EngineMode::Tlcp) => Ok(()),
        #[cfg(feature = "sm")]
        _ => Err(unusable("it is of another kind")),
    }
}

#[cfg(feature = "sm")]
pub(super) fn sm2_key(der: &[u8]) -> Result<sm2::SecretKey> {
    sm2::SecretKey::from_pkcs8_der(der)
        .ok()
        .or_else(|| sm2::SecretKey::from_sec1_der(der).ok())
        .ok_or_else(|| unusable("it is not a key on the SM2 curve"))
}

fn unusable(why: &str) -> Error {
    Error::undelivered(
        ErrorKind::CredentialsInvalid,
        format!(
            "the private key cannot be used for this kind of channel ({why}): use the files of one chain"
        ),
    )
}
