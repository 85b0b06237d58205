//! Key exchange on secp256k1, the only curve that 2.x nodes of the ECDSA channel support.

use k256::ecdh::EphemeralSecret;
use k256::elliptic_curve::Generate;
use k256::elliptic_curve::sec1::ToSec1Point;
use k256::{PublicKey, Sec1Point};
use rustls::crypto::{ActiveKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{Error, NamedGroup, PeerMisbehaved, ProtocolVersion};

/// The group's number in the TLS registry (RFC 8422); rustls has no name for it.
const SECP256K1_ID: u16 = 0x0016;

/// The first byte of a point in the uncompressed form, the only one that TLS allows.
const UNCOMPRESSED: u8 = 0x04;

/// The secp256k1 group for a rustls provider.
pub(super) static SECP256K1: &dyn SupportedKxGroup = &Secp256k1;

#[derive(Debug)]
struct Secp256k1;

impl SupportedKxGroup for Secp256k1 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let secret = EphemeralSecret::try_generate().map_err(|_| Error::FailedToGetRandomBytes)?;
        let public = secret.public_key().to_sec1_point(false);
        Ok(Box::new(Exchange { secret, public }))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::Unknown(SECP256K1_ID)
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        version == ProtocolVersion::TLSv1_2
    }
}

struct Exchange {
    secret: EphemeralSecret,
    public: Sec1Point,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let invalid = || Error::from(PeerMisbehaved::InvalidKeyShare);
        if peer.first() != Some(&UNCOMPRESSED) {
            return Err(invalid());
        }
        let peer = PublicKey::from_sec1_bytes(peer).map_err(|_| invalid())?;
        // All 32 bytes of x: TLS 1.2 strips leading zeros from finite-field secrets only.
        Ok(SharedSecret::from(self.secret.diffie_hellman(&peer).raw_secret_bytes().as_slice()))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn pub_key(&self) -> &[u8] {
        self.public.as_bytes()
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::Unknown(SECP256K1_ID)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_agree_on_32_bytes() {
        let (a, b) = (SECP256K1.start().unwrap(), SECP256K1.start().unwrap());
        let (a_public, b_public) = (a.pub_key().to_vec(), b.pub_key().to_vec());
        assert_eq!((a_public.len(), a_public[0]), (65, UNCOMPRESSED));
        let at_a = a.complete(&b_public).unwrap();
        assert_eq!(at_a.secret_bytes(), b.complete(&a_public).unwrap().secret_bytes());
        assert_eq!(at_a.secret_bytes().len(), 32);
    }

    #[test]
    fn invalid_point_is_refused() {
        let good = SECP256K1.start().unwrap().pub_key().to_vec();
        let compressed = [&[0x02 + (good[64] & 1)], &good[1..33]].concat();
        let off_curve = [&good[..64], &[good[64] ^ 1]].concat();
        for bad in [&[][..], &[0x00], &compressed, &off_curve, &good[..64]] {
            let refused = SECP256K1.start().unwrap().complete(bad).err();
            assert_eq!(refused, Some(PeerMisbehaved::InvalidKeyShare.into()), "{bad:02x?}");
        }
    }
}
