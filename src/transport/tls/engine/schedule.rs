//! From the premaster secret to keys and to the data of Finished messages.

use zeroize::Zeroizing;

#[cfg(feature = "sm")]
use super::cbc::Cbc;
use super::gcm::Gcm;
use super::record::Protection;
#[cfg(feature = "sm")]
use super::suite::Cipher;
use super::suite::Suite;

/// A premaster secret. Erased when it is dropped.
pub(super) type Premaster = Zeroizing<[u8; 48]>;

/// The random bytes of both hello messages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Randoms {
    pub(super) client: [u8; 32],
    pub(super) server: [u8; 32],
}

/// The side that sends a Finished message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// What the secrets of a connection are derived from. Erased when it is dropped.
pub(super) struct Secrets {
    suite: &'static Suite,
    /// In a box, so that moving it leaves no copies behind.
    master: Box<Zeroizing<[u8; 48]>>,
}

/// The protection of both directions.
pub(super) struct Protections {
    pub(super) from_client: Protection,
    pub(super) from_server: Protection,
}

impl Secrets {
    /// Derives the master secret. With `transcript`, the messages until the ClientKeyExchange, it is extended
    /// (RFC 7627).
    pub(super) fn derive(
        suite: &'static Suite,
        premaster: &Premaster,
        randoms: &Randoms,
        transcript: Option<&[u8]>,
    ) -> Secrets {
        let mut master = Box::new(Zeroizing::new([0; 48]));
        let mut expand =
            |label, seed: &[u8]| suite.hash.prf(premaster.as_ref(), label, seed, master.as_mut_slice());
        match transcript {
            Some(messages) => expand(b"extended master secret", &suite.hash.of(messages)),
            None => expand(b"master secret", &[randoms.client, randoms.server].concat()),
        }
        Secrets { suite, master }
    }

    /// Derives the keys of both directions.
    pub(super) fn protections(&self, randoms: &Randoms) -> Protections {
        let cipher = self.suite.cipher;
        let (mac, key, salt) = (cipher.mac_key_len(), cipher.key_len(), cipher.salt_len());
        let block = self.key_block(randoms, 2 * (mac + key + salt));
        let mut rest = &block[..];
        let mut next = |length| {
            let (taken, after) = rest.split_at(length);
            rest = after;
            taken
        };
        let macs = [next(mac), next(mac)];
        let keys = [next(key), next(key)];
        let salts = [next(salt), next(salt)];
        let protection = |side: usize| {
            #[cfg(feature = "sm")]
            if cipher == Cipher::Sm4Cbc {
                return Protection::Cbc(Box::new(Cbc::new(keys[side], macs[side])));
            }
            let _ = macs;
            Protection::Gcm(Box::new(Gcm::new(keys[side], salts[side])))
        };
        Protections { from_client: protection(0), from_server: protection(1) }
    }

    pub(super) fn key_block(&self, randoms: &Randoms, length: usize) -> Zeroizing<Vec<u8>> {
        let mut block = Zeroizing::new(vec![0; length]);
        let seed = [randoms.server, randoms.client].concat();
        self.suite.hash.prf(self.master.as_slice(), b"key expansion", &seed, &mut block);
        block
    }

    /// Returns the data of the Finished message that `side` sends after the messages in `transcript`.
    pub(super) fn finished(&self, side: Side, transcript: &[u8]) -> [u8; 12] {
        let label: &[u8] = match side {
            Side::Client => b"client finished",
            Side::Server => b"server finished",
        };
        let mut data = [0; 12];
        self.suite.hash.prf(self.master.as_slice(), label, &self.suite.hash.of(transcript), &mut data);
        data
    }

    #[cfg(test)]
    pub(super) fn master(&self) -> &[u8; 48] {
        &self.master
    }
}
