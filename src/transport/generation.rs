//! The generations of the protocol between client and node, and which of them a client tries.

use std::fmt;

use crate::{Error, ErrorKind, Result};

/// A generation of the protocol between client and node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Generation {
    /// The channel protocol of 2.x nodes.
    V2,
    /// The WebSocket protocol of 3.x nodes.
    V3,
}

impl Generation {
    /// Returns the name that options and statistics use: `2` or `3`.
    pub fn name(self) -> &'static str {
        match self {
            Generation::V2 => "2",
            Generation::V3 => "3",
        }
    }

    /// Returns the other one.
    pub fn other(self) -> Generation {
        match self {
            Generation::V2 => Generation::V3,
            Generation::V3 => Generation::V2,
        }
    }
}

impl fmt::Display for Generation {
    /// Writes `2.x` or `3.x`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.x", self.name())
    }
}

/// What an attempt to connect to a peer as one generation shows about the other one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OtherGeneration {
    /// Nothing: the peer was silent or closed the connection, as nodes do that can't read what they receive.
    #[default]
    Possible,
    /// The peer answered what no node of the tried generation answers.
    Likely,
    /// The peer is a node of the tried generation, or none at all.
    Excluded,
}

impl OtherGeneration {
    /// Returns what two observations of a peer show together.
    pub(crate) fn or(self, seen: OtherGeneration) -> OtherGeneration {
        match self {
            OtherGeneration::Excluded => self,
            OtherGeneration::Possible | OtherGeneration::Likely => seen,
        }
    }
}

/// Which generations of nodes a client connects to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Generations {
    /// The client finds out. The kind of certificate decides what is tried first. The default.
    #[default]
    Auto,
    /// 2.x only.
    V2,
    /// 3.x only.
    V3,
}

impl Generations {
    /// All values, in the order of their declaration.
    pub const ALL: [Generations; 3] = [Generations::Auto, Generations::V2, Generations::V3];

    /// Returns the name that commands and options use: `auto`, `2` or `3`.
    pub fn name(self) -> &'static str {
        match self {
            Generations::Auto => "auto",
            Generations::V2 => Generation::V2.name(),
            Generations::V3 => Generation::V3.name(),
        }
    }

    /// Returns the generations to try, in this order, if `first` suits the credentials best.
    pub fn in_order(self, first: Generation) -> Vec<Generation> {
        match self {
            Generations::Auto => vec![first, first.other()],
            Generations::V2 => vec![Generation::V2],
            Generations::V3 => vec![Generation::V3],
        }
    }
}

impl fmt::Display for Generations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Generations {
    type Err = Error;

    /// Returns the choice with this name.
    fn from_str(name: &str) -> Result<Generations> {
        Generations::ALL.into_iter().find(|generations| generations.name() == name).ok_or_else(|| {
            let names = Generations::ALL.map(Generations::name).join(", ");
            let text = format!("invalid generation {name:?}: use one of {names}");
            Error::undelivered(ErrorKind::InvalidArgument, text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed() {
        for generations in Generations::ALL {
            assert_eq!(generations.name().parse::<Generations>().unwrap(), generations);
        }
        let error = "4".parse::<Generations>().unwrap_err();
        assert!(error.message().contains("\"4\"") && error.message().contains("auto, 2, 3"), "{error}");
    }

    #[test]
    fn auto_tries_both_and_a_fixed_one_alone() {
        use Generation::{V2, V3};
        assert_eq!(Generations::Auto.in_order(V3), [V3, V2]);
        assert_eq!(Generations::V2.in_order(V3), [V2]);
        assert_eq!(Generations::V3.in_order(V2), [V3]);
    }
}
