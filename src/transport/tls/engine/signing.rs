//! Signatures in handshake messages.

use ring::rand::SystemRandom;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, UnparsedPublicKey,
};

use super::super::alert::Alert;
use super::codec::{Reader, vector};
use super::fault::Fault;
use super::identity::IdentityKeys;
use super::mode::{Parameters, scheme};
use super::peer::PeerKeys;
#[cfg(feature = "sm")]
use super::sm2;

/// Returns the content of a CertificateVerify over `transcript`, with a scheme among those that were `offered`.
pub(super) fn certificate_verify(
    keys: &IdentityKeys,
    parameters: &Parameters,
    offered: &[u16],
    transcript: &[u8],
) -> Result<Vec<u8>, Fault> {
    let scheme = choose(parameters, offered)?;
    let signature = match keys {
        IdentityKeys::Rsa(key) => {
            let algorithm: &dyn ring::signature::RsaEncoding = match scheme {
                Some(scheme::RSA_SHA512) => &RSA_PKCS1_SHA512,
                Some(scheme::RSA_SHA384) => &RSA_PKCS1_SHA384,
                _ => &RSA_PKCS1_SHA256,
            };
            let mut signature = vec![0; key.public().modulus_len()];
            key.sign(algorithm, &SystemRandom::new(), transcript, &mut signature)
                .map_err(|_| Fault::internal("an RSA signature failed"))?;
            signature
        }
        #[cfg(feature = "sm")]
        IdentityKeys::Sm2 { sign, .. } => {
            let hash = sm2::sm3(&[transcript]);
            if parameters.verify_with_identity {
                sm2::sign(sign, &hash)?
            } else {
                sm2::sign_hash(sign, &hash)?
            }
        }
    };
    Ok(digitally_signed(scheme, &signature))
}

/// Returns the first scheme of the mode that the peer offers; `None` if the mode has no field for it.
fn choose(parameters: &Parameters, offered: &[u16]) -> Result<Option<u16>, Fault> {
    if parameters.schemes.is_empty() {
        return Ok(None);
    }
    let common = parameters.schemes.iter().find(|scheme| offered.contains(scheme));
    common
        .map(|scheme| Some(*scheme))
        .ok_or_else(|| Fault::incompatible(Alert::HANDSHAKE_FAILURE, "no signature scheme in common"))
}

/// Returns a signature as messages have it.
pub(super) fn digitally_signed(scheme: Option<u16>, signature: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(signature.len() + 4);
    if let Some(scheme) = scheme {
        out.extend_from_slice(&scheme.to_be_bytes());
    }
    vector::<2>(&mut out, |out| out.extend_from_slice(signature));
    out
}

/// Reads a signature to the end of a message. Its scheme is one of the mode's, `None` if the mode has no field for it.
pub(super) fn read_signed<'a>(
    parameters: &Parameters,
    body: &mut Reader<'a>,
) -> Result<(Option<u16>, &'a [u8]), Fault> {
    let scheme = if parameters.schemes.is_empty() { None } else { Some(body.u16()?) };
    if scheme.is_some_and(|scheme| !parameters.schemes.contains(&scheme)) {
        return Err(Fault::illegal("a signature has a scheme that was not offered"));
    }
    let signature = body.vector16()?.rest();
    body.end()?;
    Ok((scheme, signature))
}

/// Checks the content of the peer's CertificateVerify over `transcript`.
pub(super) fn check_certificate_verify(
    keys: &PeerKeys,
    parameters: &Parameters,
    mut body: Reader<'_>,
    transcript: &[u8],
) -> Result<(), Fault> {
    let (scheme, signature) = read_signed(parameters, &mut body)?;
    let is_right = match keys {
        PeerKeys::Rsa(key) => {
            let algorithm = match scheme {
                Some(scheme::RSA_SHA512) => &RSA_PKCS1_2048_8192_SHA512,
                Some(scheme::RSA_SHA384) => &RSA_PKCS1_2048_8192_SHA384,
                _ => &RSA_PKCS1_2048_8192_SHA256,
            };
            UnparsedPublicKey::new(algorithm, key).verify(transcript, signature).is_ok()
        }
        #[cfg(feature = "sm")]
        PeerKeys::Sm2(keys) => {
            let hash = sm2::sm3(&[transcript]);
            if parameters.verify_with_identity {
                sm2::verifies(&keys.sign, &hash, signature)
            } else {
                sm2::verifies_hash(&keys.sign, &hash, signature)
            }
        }
    };
    if is_right { Ok(()) } else { Err(Fault::no_proof()) }
}
