//! The kinds of protection of a connection.

use std::fmt;

use super::Generation;
use crate::{Error, ErrorKind, Result};

/// The kind of TLS that protects connections, and how a client chooses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tls {
    /// The credentials decide. With RSA keys ECDHE is tried first and static RSA only if the node has nothing in common
    /// with it. The default.
    #[default]
    Auto,
    /// TLS 1.2 with ECDHE, for secp256k1 chains, and for RSA chains whose nodes support it.
    Ecdhe,
    /// TLS 1.2 with static RSA key exchange, the only one of 2.x nodes with an RSA channel. It has no forward secrecy.
    StaticRsa,
    /// The GM suites over TLS 1.2, of GM channels of 2.x nodes.
    Gm,
    /// TLCP, of SM chains of generation 3.
    Tlcp,
    /// No TLS: plain TCP, without credentials, for 3.x nodes that are set up so (`disable_ssl`). Anybody on the way can read
    /// and change what is sent. It is used only if it is set.
    Off,
}

impl Tls {
    /// All values, in the order of their declaration.
    pub const ALL: [Tls; 6] = [Tls::Auto, Tls::Ecdhe, Tls::StaticRsa, Tls::Gm, Tls::Tlcp, Tls::Off];

    /// Returns the name that commands, options and statistics use: `auto`, `ecdhe`, `static-rsa`, `gm`, `tlcp` or `off`.
    pub fn name(self) -> &'static str {
        match self {
            Tls::Auto => "auto",
            Tls::Ecdhe => "ecdhe",
            Tls::StaticRsa => "static-rsa",
            Tls::Gm => "gm",
            Tls::Tlcp => "tlcp",
            Tls::Off => "off",
        }
    }
}

impl fmt::Display for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Tls {
    type Err = Error;

    /// Returns the kind with this name.
    fn from_str(name: &str) -> Result<Tls> {
        Tls::ALL.into_iter().find(|tls| tls.name() == name).ok_or_else(|| {
            let names = Tls::ALL.map(Tls::name).join(", ");
            let text = format!("invalid kind of TLS {name:?}: use one of {names}");
            Error::undelivered(ErrorKind::InvalidArgument, text)
        })
    }
}

/// What protects a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Security {
    /// TLS 1.2 with ECDHE, by rustls.
    Ecdhe,
    /// TLS 1.2 with static RSA, by the engine.
    StaticRsa,
    /// The GM suites over TLS 1.2, by the engine.
    Gm,
    /// TLCP, by the engine.
    Tlcp,
    /// None: plain TCP.
    Plain,
}

impl Security {
    /// Returns the kind of TLS.
    pub fn tls(self) -> Tls {
        match self {
            Security::Ecdhe => Tls::Ecdhe,
            Security::StaticRsa => Tls::StaticRsa,
            Security::Gm => Tls::Gm,
            Security::Tlcp => Tls::Tlcp,
            Security::Plain => Tls::Off,
        }
    }

    /// Returns the generation of the nodes that use this kind, `None` for both.
    pub(crate) fn generation(self) -> Option<Generation> {
        match self {
            Security::Ecdhe | Security::Plain => None,
            Security::StaticRsa | Security::Gm => Some(Generation::V2),
            Security::Tlcp => Some(Generation::V3),
        }
    }
}

/// Returns whether bytes begin with an alert of TLS or TLCP: what answers so to bytes without TLS expects TLS.
pub(crate) fn is_tls_alert(bytes: &[u8]) -> bool {
    const ALERT: u8 = 21;
    matches!(bytes, [ALERT, 1 | 3, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_kinds_are_parsed() {
        for tls in Tls::ALL {
            assert_eq!(tls.name().parse::<Tls>().unwrap(), tls);
        }
        let error = "ssl".parse::<Tls>().unwrap_err();
        assert!(error.message().contains("\"ssl\"") && error.message().contains("static-rsa"), "{error}");
    }
}
