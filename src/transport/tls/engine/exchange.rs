//! The key exchanges: the messages in which both sides agree on a premaster secret.

use std::sync::Arc;

use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use super::super::alert::Alert;
use super::codec::{Reader, vector};
use super::context::Context;
use super::fault::Fault;
use super::identity::IdentityKeys;
use super::mode::Parameters;
use super::peer::PeerKeys;
use super::random::Random;
use super::rsa;
use super::schedule::Premaster;
#[cfg(feature = "sm")]
use super::signing::read_signed;
#[cfg(feature = "sm")]
use super::sm2;
use super::suite::{Exchange, Suite};

/// Decrypts with a node's RSA key, which the library has no code for: the embedded node brings it.
pub trait RsaDecryptor: Send + Sync {
    /// Returns the message in `ciphertext` (RSAES-PKCS1-v1_5), `None` if it is not well-formed.
    fn decrypt(&self, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>>;
}

/// The type of a curve that is named by its number.
#[cfg(feature = "sm")]
const NAMED_CURVE: u8 = 3;

/// What the client's half of a key exchange needs.
pub(super) struct ClientExchange<'a> {
    pub(super) suite: &'static Suite,
    pub(super) own: &'a IdentityKeys,
    /// Whether the client has sent its certificates.
    pub(super) is_own_shown: bool,
    pub(super) peer: &'a PeerKeys,
    #[cfg(feature = "sm")]
    pub(super) peer_ephemeral: Option<&'a ::sm2::PublicKey>,
    pub(super) parameters: &'static Parameters,
    pub(super) random: &'a dyn Random,
}

/// The client's half of a key exchange.
#[cfg_attr(any(test, fuzzing), derive(Clone))]
pub(super) struct Exchanged {
    /// The content of the ClientKeyExchange.
    pub(super) message: Vec<u8>,
    pub(super) premaster: Premaster,
}

/// Returns a random premaster secret that starts with `version`.
fn random_premaster(version: [u8; 2], random: &dyn Random) -> Result<Premaster, Fault> {
    let mut premaster = Premaster::new([0; 48]);
    premaster[..2].copy_from_slice(&version);
    random.fill(&mut premaster[2..])?;
    Ok(premaster)
}

/// Makes the content of a ClientKeyExchange.
pub(super) fn client_key_exchange(cx: &ClientExchange<'_>) -> Result<Exchanged, Fault> {
    let mut message = Vec::new();
    let premaster = match (cx.suite.exchange, cx.peer) {
        (Exchange::Rsa, PeerKeys::Rsa(key)) => {
            let premaster = random_premaster(cx.parameters.version, cx.random)?;
            let encrypted = rsa::encrypt(key, premaster.as_ref(), cx.random)?;
            vector::<2>(&mut message, |out| out.extend_from_slice(&encrypted));
            premaster
        }
        #[cfg(feature = "sm")]
        (Exchange::Sm2Encryption, PeerKeys::Sm2(keys)) => {
            let peer = keys.encryption.as_ref().ok_or_else(no_encryption_key)?;
            let premaster = random_premaster(cx.parameters.version, cx.random)?;
            let encrypted = sm2::encrypt(&peer.key, premaster.as_ref(), cx.random)?;
            vector::<2>(&mut message, |out| out.extend_from_slice(&encrypted));
            premaster
        }
        #[cfg(feature = "sm")]
        (Exchange::Sm2Agreement, PeerKeys::Sm2(keys)) => {
            let peer = keys.encryption.as_ref().ok_or_else(no_encryption_key)?;
            let IdentityKeys::Sm2 { encrypt: own, .. } = cx.own else { return Err(wrong_keys()) };
            if !cx.is_own_shown {
                let why = "the server asked for no certificate, which the key agreement needs";
                return Err(Fault::new(Alert::HANDSHAKE_FAILURE, why));
            }
            let ephemeral = sm2::ephemeral_key(cx.random)?;
            let mut premaster = Premaster::new([0; 48]);
            sm2::Agreement {
                own,
                own_ephemeral: &ephemeral,
                peer: &peer.key,
                peer_ephemeral: cx.peer_ephemeral.ok_or_else(wrong_keys)?,
                own_identity_first: cx.parameters.client_identity_first,
            }
            .derive(premaster.as_mut())?;
            write_point(&mut message, cx.parameters, &ephemeral.public_key());
            premaster
        }
        #[cfg(feature = "sm")]
        _ => return Err(wrong_keys()),
    };
    Ok(Exchanged { message, premaster })
}

#[cfg(feature = "sm")]
fn no_encryption_key() -> Fault {
    Fault::new(Alert::HANDSHAKE_FAILURE, "the peer showed no certificate for encryption")
}

#[cfg(feature = "sm")]
fn wrong_keys() -> Fault {
    Fault::internal("the keys do not fit the cipher suite")
}

/// Appends one half of a key agreement.
#[cfg(feature = "sm")]
fn write_point(out: &mut Vec<u8>, parameters: &Parameters, key: &::sm2::PublicKey) {
    out.push(NAMED_CURVE);
    out.extend_from_slice(&parameters.curve.to_be_bytes());
    vector::<1>(out, |out| out.extend_from_slice(&sm2::point_bytes(key)));
}

/// Reads one half of a key agreement.
#[cfg(feature = "sm")]
fn read_point(body: &mut Reader<'_>) -> Result<::sm2::PublicKey, Fault> {
    if body.u8()? != NAMED_CURVE {
        return Err(Fault::illegal("the peer's key is not on a named curve"));
    }
    // Libraries number the SM2 curve differently, and one sends 0.
    body.u16()?;
    sm2::point(body.vector8()?.rest()).ok_or(Fault::illegal("the peer's key is not a point of the SM2 curve"))
}

/// Returns what a ServerKeyExchange signs.
#[cfg(feature = "sm")]
fn signed_by_server(cx: &Context, rest: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut signed = [cx.randoms.client, cx.randoms.server].concat();
    rest(&mut signed);
    signed
}

/// Checks the content of a ServerKeyExchange. Returns the server's half of a key agreement, if the suite has one.
#[cfg(feature = "sm")]
pub(super) fn check_server_key_exchange(
    cx: &Context,
    suite: &Suite,
    keys: &PeerKeys,
    mut body: Reader<'_>,
) -> Result<Option<::sm2::PublicKey>, Fault> {
    let PeerKeys::Sm2(keys) = keys else { return Err(wrong_keys()) };
    let (signed, ephemeral) = if suite.exchange == Exchange::Sm2Agreement {
        let whole = body.rest();
        let ephemeral = read_point(&mut body)?;
        let half = &whole[..whole.len() - body.rest().len()];
        (signed_by_server(cx, |out| out.extend_from_slice(half)), Some(ephemeral))
    } else {
        let certificate = &keys.encryption.as_ref().ok_or_else(no_encryption_key)?.certificate;
        let certificate = |out: &mut Vec<u8>| vector::<3>(out, |out| out.extend_from_slice(certificate));
        (signed_by_server(cx, certificate), None)
    };
    let (_, signature) = read_signed(cx.parameters, &mut body)?;
    if sm2::verifies(&keys.sign, &signed, signature) { Ok(ephemeral) } else { Err(Fault::no_proof()) }
}

/// Makes the content of a ServerKeyExchange. Returns the ephemeral key of a key agreement, if the suite has one.
#[cfg(feature = "sm")]
pub(super) fn server_key_exchange(
    cx: &Context,
    suite: &Suite,
    keys: &IdentityKeys,
    encryption_certificate: &[u8],
) -> Result<(Vec<u8>, Option<::sm2::SecretKey>), Fault> {
    use super::signing::digitally_signed;

    let IdentityKeys::Sm2 { sign, .. } = keys else { return Err(wrong_keys()) };
    let mut message = Vec::new();
    let (signed, ephemeral) = if suite.exchange == Exchange::Sm2Agreement {
        let ephemeral = sm2::ephemeral_key(&*cx.random)?;
        write_point(&mut message, cx.parameters, &ephemeral.public_key());
        (signed_by_server(cx, |out| out.extend_from_slice(&message)), Some(ephemeral))
    } else {
        let certificate =
            |out: &mut Vec<u8>| vector::<3>(out, |out| out.extend_from_slice(encryption_certificate));
        (signed_by_server(cx, certificate), None)
    };
    let signature = sm2::sign(sign, &signed)?;
    message.extend(digitally_signed(cx.parameters.schemes.first().copied(), &signature));
    Ok((message, ephemeral))
}

/// What the server's half of a key exchange needs.
pub(super) struct ServerExchange<'a> {
    pub(super) suite: &'static Suite,
    pub(super) own: &'a IdentityKeys,
    pub(super) decryptor: Option<&'a Arc<dyn RsaDecryptor>>,
    pub(super) peer: &'a PeerKeys,
    #[cfg(feature = "sm")]
    pub(super) own_ephemeral: Option<&'a ::sm2::SecretKey>,
    pub(super) parameters: &'static Parameters,
    /// The version in the ClientHello.
    pub(super) version: [u8; 2],
    pub(super) random: &'a dyn Random,
}

/// Reads a ClientKeyExchange.
///
/// A premaster secret that can't be decrypted, or has another length or version, is replaced by a random one, so that
/// the client only sees a wrong Finished message and can't use the server to decrypt others (RFC 5246, section
/// 7.4.7.1).
pub(super) fn read_client_key_exchange(
    cx: &ServerExchange<'_>,
    mut body: Reader<'_>,
) -> Result<Premaster, Fault> {
    match cx.suite.exchange {
        Exchange::Rsa => {
            let encrypted = body.vector16()?.rest();
            body.end()?;
            let decryptor = cx.decryptor.ok_or(Fault::internal("the server has no key to decrypt with"))?;
            let replacement = random_premaster(cx.version, cx.random)?;
            Ok(checked(cx.version, decryptor.decrypt(encrypted), replacement))
        }
        #[cfg(feature = "sm")]
        Exchange::Sm2Encryption => {
            let encrypted = body.vector16()?.rest();
            body.end()?;
            let IdentityKeys::Sm2 { encrypt, .. } = cx.own else { return Err(wrong_keys()) };
            let replacement = random_premaster(cx.version, cx.random)?;
            Ok(checked(cx.version, sm2::decrypt(encrypt, encrypted), replacement))
        }
        #[cfg(feature = "sm")]
        Exchange::Sm2Agreement => {
            let peer_ephemeral = read_point(&mut body)?;
            body.end()?;
            let (IdentityKeys::Sm2 { encrypt, .. }, PeerKeys::Sm2(keys)) = (cx.own, cx.peer) else {
                return Err(wrong_keys());
            };
            let peer = keys.encryption.as_ref().ok_or_else(no_encryption_key)?;
            let mut premaster = Premaster::new([0; 48]);
            sm2::Agreement {
                own: encrypt,
                own_ephemeral: cx.own_ephemeral.ok_or_else(wrong_keys)?,
                peer: &peer.key,
                peer_ephemeral: &peer_ephemeral,
                own_identity_first: !cx.parameters.client_identity_first,
            }
            .derive(premaster.as_mut())?;
            Ok(premaster)
        }
    }
}

/// Returns `decrypted` if it is a premaster secret for `version`, else `replacement`.
fn checked(version: [u8; 2], decrypted: Option<Zeroizing<Vec<u8>>>, mut replacement: Premaster) -> Premaster {
    if let Some(decrypted) = decrypted.filter(|decrypted| decrypted.len() == replacement.len()) {
        let is_right = decrypted[..2].ct_eq(&version);
        for (out, byte) in replacement.iter_mut().zip(decrypted.iter()) {
            out.conditional_assign(byte, is_right);
        }
    }
    replacement
}
