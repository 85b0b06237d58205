//! The challenge of a publisher, and a subscriber's signature over it, byte for byte as java-sdk and go-sdk have them.
//!
//! The signature is over the Keccak-256 hash of the challenge and nothing else: neither the topic nor a node is part of it.
//! It is that of RFC 6979, with the lower of the two values of s, as r, s and one byte v of 0 or 1.

use k256::ecdsa::signature::hazmat::PrehashVerifier;
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use sha3::{Digest, Keccak256};

use super::hex::hex;
use super::key::{PrivateKey, PublicKey};
use crate::error::{Error, ErrorKind, Result};

/// The bytes of r and s.
const SIGNATURE_LEN: usize = 64;
/// The hex digits of the challenge that java-sdk and this library send.
const CHALLENGE_LEN: usize = 32;
/// The most bytes of go-sdk's challenge: a random number below 2^130, without leading zeros.
const MAX_NUMBER_LEN: usize = 17;
/// The fewest bytes of such a number that are signed. It is shorter once in 2^66 times.
const MIN_NUMBER_LEN: usize = 8;

/// What a publisher sends to the subscribers that it verifies: 32 hex digits.
#[derive(Debug)]
pub(crate) struct Challenge([u8; CHALLENGE_LEN]);

/// What a publisher learns from the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The subscriber holds this key, which is allowed.
    Verified(PublicKey),
    /// The signature is not one of an allowed key. If it is a valid one, it was made with this key.
    Wrong(Option<PublicKey>),
    /// The answer is no signature: it has this many bytes.
    NoSignature(usize),
}

impl Challenge {
    /// Creates a challenge from the operating system's randomness.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Runtime`] if the operating system returns no random bytes.
    pub(crate) fn new() -> Result<Challenge> {
        let mut random = [0; CHALLENGE_LEN / 2];
        getrandom::fill(&mut random).map_err(|error| {
            let text = format!("the operating system returned no random bytes for a challenge ({error})");
            Error::undelivered(ErrorKind::Runtime, text)
        })?;
        let mut challenge = [0; CHALLENGE_LEN];
        challenge.copy_from_slice(hex(&random).as_bytes());
        Ok(Challenge(challenge))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns what an answer shows, whoever sent it.
    pub(crate) fn verify(&self, answer: &[u8], allowed: &[PublicKey]) -> Verdict {
        let Some((signature, v)) = answer.split_at_checked(SIGNATURE_LEN).filter(|(_, v)| v.len() <= 1)
        else {
            return Verdict::NoSignature(answer.len());
        };
        let Ok(signature) = Signature::from_slice(signature) else { return Verdict::Wrong(None) };
        let candidates: &[u8] = match v {
            [] => &[0, 1, 2, 3],
            [v @ 0..=3] => std::slice::from_ref(v),
            _ => return Verdict::Wrong(None),
        };
        let hash = Keccak256::digest(self.as_bytes());
        let recover = |v: &u8| {
            let id = RecoveryId::from_byte(*v)?;
            let key = VerifyingKey::recover_from_prehash(&hash, &signature, id).ok()?;
            // Recovery also accepts the higher value of s, which go-sdk refuses.
            key.verify_prehash(&hash, &signature).ok().map(|()| PublicKey::of(&key))
        };
        let mut signers = candidates.iter().filter_map(recover).peekable();
        let first = signers.peek().filter(|_| !v.is_empty()).cloned();
        match signers.find(|signer| allowed.contains(signer)) {
            Some(signer) => Verdict::Verified(signer),
            None => Verdict::Wrong(first),
        }
    }
}

/// Returns whether this may be a publisher's challenge. Anything else is not signed: whoever sends it could choose what a
/// signature is used for, and the longest challenge is shorter than a transaction.
pub(super) fn is_challenge(data: &[u8]) -> bool {
    let is_hex = data.len() == CHALLENGE_LEN && data.iter().all(u8::is_ascii_hexdigit);
    is_hex || (MIN_NUMBER_LEN..=MAX_NUMBER_LEN).contains(&data.len())
}

/// Returns the signature over a challenge, `None` if it isn't one.
pub(super) fn sign(key: &PrivateKey, challenge: &[u8]) -> Option<[u8; SIGNATURE_LEN + 1]> {
    if !is_challenge(challenge) {
        return None;
    }
    let (signature, id) = key.signing_key().sign_prehash_recoverable(&Keccak256::digest(challenge));
    let mut bytes = [0; SIGNATURE_LEN + 1];
    bytes[..SIGNATURE_LEN].copy_from_slice(&signature.to_bytes());
    bytes[SIGNATURE_LEN] = id.to_byte();
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(digit: &str) -> PrivateKey {
        PrivateKey::read(digit.repeat(64), None).unwrap()
    }

    fn challenge(text: &[u8; CHALLENGE_LEN]) -> Challenge {
        Challenge(*text)
    }

    const KNOWN: &[u8; CHALLENGE_LEN] = b"5e14c53197adbcb719d915fb93342c25";

    /// Made by go-sdk 1.1.1, whose signatures come from go-ethereum: key, challenge, hash, signature.
    const OF_GO_SDK: [[&str; 4]; 6] = [
        [
            "1111111111111111111111111111111111111111111111111111111111111111",
            "3565313463353331393761646263623731396439313566623933333432633235",
            "95e85fba32450bd661846700181465969ab8d3908f3c5731bce7aeb2fb845597",
            "cc898d4229747b5236265c45a16d2fced2cb7ba14a6238870b4ffddb474013aa536e576a011cf676e94127777a0b57435d6da00e9a8d874de15ac6f11858869c00",
        ],
        [
            "1111111111111111111111111111111111111111111111111111111111111111",
            "3030303030303030303030303030303030303030303030303030303030303030",
            "3ab96d3f576e4b3858295aa57b9c72646b0b8b03c77643ff67749ccc5ade3a7d",
            "416473605bc982fd09f067257c038ab8cac0c37bd54ae2a34a390ce87ca581ca5f001a615e2f25c0edcaf89285b71f85668091780a96229a0a5b33cc7caf5e7e01",
        ],
        [
            "1111111111111111111111111111111111111111111111111111111111111111",
            "3fedcba98765432100123456789abcdef0",
            "07cc897d317b2d20608381f17cb28c71bc4923e43082ed990a4462d023a03b15",
            "134da832a2b32db3227a59e6106e8adc4beec473d7f7e64ebc8c253fec61dc1a6a04ddece68b7633e9975f7f57c56239e039e63363ea135dff878929cdf40b8f01",
        ],
        [
            "00000000000000000000000000000000000000000000000000000000000000ff",
            "3565313463353331393761646263623731396439313566623933333432633235",
            "95e85fba32450bd661846700181465969ab8d3908f3c5731bce7aeb2fb845597",
            "fab9e85c962ba35b6df4e95bef6353a1daf56504eb373ada2709e1519573815527d7db91cfe54104dc3430537e1e07dce8229c80d58eb39831ad342a2b0c172e00",
        ],
        [
            "00000000000000000000000000000000000000000000000000000000000000ff",
            "3030303030303030303030303030303030303030303030303030303030303030",
            "3ab96d3f576e4b3858295aa57b9c72646b0b8b03c77643ff67749ccc5ade3a7d",
            "fb296059303eb750120327d5adbbbd8590db62eb62b629aa183148f825d3306a7d4fd56799592cc899c314f60b5c922bd66a776158ddcebb53c3754d774fce4f01",
        ],
        [
            "00000000000000000000000000000000000000000000000000000000000000ff",
            "3fedcba98765432100123456789abcdef0",
            "07cc897d317b2d20608381f17cb28c71bc4923e43082ed990a4462d023a03b15",
            "0fa7fbb18ff7d66582f451ce102cb4c714569dd8826bb93fcc3d3eba17762cdc502db1f4087fb24a646cf52c5fcdbc29b4f57de57001738dcb015999c6a7935400",
        ],
    ];

    fn unhex(digits: &str) -> Vec<u8> {
        let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        (0..digits.len()).step_by(2).map(pair).collect()
    }

    #[test]
    fn signatures_are_those_of_go_sdk_byte_for_byte() {
        for [key, challenge, hash, signature] in OF_GO_SDK {
            let (key, challenge) = (PrivateKey::read(key, None).unwrap(), unhex(challenge));
            assert_eq!(hex(&Keccak256::digest(&challenge)), hash);
            assert_eq!(hex(&sign(&key, &challenge).unwrap()), signature);
        }
    }

    #[test]
    fn challenges_are_32_lower_case_hex_digits_and_differ() {
        let [one, other] = [Challenge::new().unwrap(), Challenge::new().unwrap()];
        assert!(one.as_bytes().iter().all(|byte| b"0123456789abcdef".contains(byte)) && one.0.len() == 32);
        assert_ne!(one.0, other.0);
    }

    #[test]
    fn answers_of_64_and_65_bytes_are_verified_against_several_keys() {
        let (holder, challenge) = (key("1"), challenge(KNOWN));
        let allowed = [key("2").public_key(), holder.public_key(), key("3").public_key()];
        let answer = sign(&holder, challenge.as_bytes()).unwrap();
        assert!(answer[64] <= 1);
        for answer in [&answer[..], &answer[..64]] {
            assert_eq!(challenge.verify(answer, &allowed), Verdict::Verified(holder.public_key()));
        }
    }

    #[test]
    fn wrong_signatures_are_rejected_with_the_key_that_made_them() {
        let (holder, challenge) = (key("1"), challenge(KNOWN));
        let answer = sign(&key("4"), challenge.as_bytes()).unwrap();
        let allowed = [holder.public_key()];
        assert_eq!(challenge.verify(&answer, &allowed), Verdict::Wrong(Some(key("4").public_key())));
        assert_eq!(challenge.verify(&answer[..64], &allowed), Verdict::Wrong(None));
        assert_eq!(challenge.verify(&answer, &[]), Verdict::Wrong(Some(key("4").public_key())));
        let other = sign(&holder, b"00000000000000000000000000000000").unwrap();
        assert!(matches!(challenge.verify(&other, &allowed), Verdict::Wrong(_)));
        let mut ethereum = sign(&holder, challenge.as_bytes()).unwrap();
        ethereum[64] += 27;
        assert_eq!(challenge.verify(&ethereum, &allowed), Verdict::Wrong(None));
        for bad in [[0; 65], [0xff; 65]] {
            assert_eq!(challenge.verify(&bad, &allowed), Verdict::Wrong(None));
        }
    }

    #[test]
    fn higher_value_of_s_is_rejected() {
        let (holder, challenge) = (key("1"), challenge(KNOWN));
        let answer = sign(&holder, challenge.as_bytes()).unwrap();
        let low = Signature::from_slice(&answer[..64]).unwrap();
        assert_eq!(low.normalize_s(), low, "it is the lower one");
        let (r, s) = low.split_scalars();
        let high = Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
        let mut bytes = high.to_bytes().to_vec();
        bytes.push(answer[64] ^ 1);
        assert_eq!(challenge.verify(&bytes, &[holder.public_key()]), Verdict::Wrong(None));
        assert_eq!(challenge.verify(&bytes[..64], &[holder.public_key()]), Verdict::Wrong(None));
    }

    #[test]
    fn empty_short_and_long_answers_are_no_signatures() {
        let challenge = challenge(KNOWN);
        for len in [0, 1, 63, 66, 71, 130] {
            assert_eq!(challenge.verify(&vec![1; len], &[key("1").public_key()]), Verdict::NoSignature(len));
        }
    }

    #[test]
    fn only_data_with_the_shape_of_a_challenge_is_signed() {
        for challenge in [&KNOWN[..], b"0123456789ABCDEF0123456789abcdef", &[0xff; 17], &[1; 16], &[1; 8]] {
            assert!(sign(&key("1"), challenge).is_some(), "{challenge:?}");
        }
        for other in [&b""[..], &[1; 7], &[1; 18], &[1; 31], &[1; 32], &[b'g'; 32], &[b'0'; 33], &[b'0'; 64]]
        {
            assert_eq!(sign(&key("1"), other), None, "{other:?}");
        }
    }
}
