//! What the client can do with its credentials and options, to compare with what a node demands.

use amop::transport::{Credentials, DialPlan, KeyClass, Security};

/// What the client can do with its credentials and options.
#[derive(Debug)]
pub(super) struct Usable {
    class: KeyClass,
    ways: Vec<Security>,
}

impl Usable {
    /// Returns what these credentials can do by the ways of a plan.
    pub(super) fn new(credentials: &Credentials, plan: &DialPlan) -> Usable {
        let ways = plan.ways().into_iter().map(|way| way.security).collect();
        Usable { class: credentials.key_class(), ways }
    }

    /// Returns whether the key is one of RSA.
    pub(super) fn has_rsa_key(&self) -> bool {
        self.class == KeyClass::Rsa
    }

    /// Returns whether the key is one of secp256k1.
    pub(super) fn has_ec_key(&self) -> bool {
        self.class == KeyClass::Ec
    }

    /// Returns whether the client can use a channel with secp256k1 certificates.
    pub(super) fn has_secp256k1(&self) -> bool {
        self.has_ec_key() && self.has(Security::Ecdhe)
    }

    /// Returns whether the client can use this way.
    pub(super) fn has(&self, security: Security) -> bool {
        self.ways.contains(&security)
    }

    /// Describes the credentials and ways, for texts.
    pub(super) fn described(&self) -> String {
        let class = match self.class {
            KeyClass::Ec => "secp256k1",
            KeyClass::Rsa => "RSA",
            KeyClass::Gm => "SM2",
        };
        let ways: Vec<_> = self.ways.iter().map(|security| security.tls().name()).collect();
        format!("{class} credentials, tls {}", ways.join(" or "))
    }
}
