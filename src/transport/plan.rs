//! The plan by which an endpoint is dialled: an ordered list of ways.
//!
//! Credentials decide which ways there are. A way that fails because the node shares nothing with it is followed by the
//! next one, over a new TCP connection. The way that worked is reported, and tried first the next time.

use super::{Connector, Credentials, Generation};
use crate::{Error, ErrorKind, Result};

/// What protects a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Security {
    /// TLS 1.2 with ECDHE, by rustls.
    Rustls,
}

/// One way to connect to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Way {
    /// What protects the connection.
    pub security: Security,
    /// The protocol that is spoken over it.
    pub generation: Generation,
}

/// The ways to connect with one set of credentials, the preferred one first.
#[derive(Debug)]
pub struct DialPlan {
    /// At least one.
    steps: Vec<Step<Way>>,
}

/// A way, and what connects by it.
#[derive(Debug)]
pub(super) struct Step<W> {
    pub(super) way: W,
    pub(super) connector: Connector,
}

impl DialPlan {
    /// Returns the plan for `credentials`.
    ///
    /// # Errors
    /// As [`Connector::rustls`].
    pub fn new(credentials: &Credentials) -> Result<DialPlan> {
        let way = Way { security: Security::Rustls, generation: Generation::V2 };
        let connector = match way.security {
            Security::Rustls => Connector::rustls(credentials)?,
        };
        Ok(DialPlan { steps: vec![Step { way, connector }] })
    }

    /// Returns the steps in the order to try them: `known`, the way that worked the last time, comes first.
    pub(super) fn in_order(&self, known: Option<Way>) -> Vec<&Step<Way>> {
        in_order(&self.steps, known)
    }
}

/// Returns the steps in the order of the plan, except that the one of `known` comes first.
fn in_order<W: PartialEq + Copy>(steps: &[Step<W>], known: Option<W>) -> Vec<&Step<W>> {
    let mut steps: Vec<_> = steps.iter().collect();
    // The sort is stable.
    steps.sort_by_key(|step| Some(step.way) != known);
    steps
}

/// Returns whether another way may succeed where one failed with `error`: only if the node shared no cipher suite,
/// curve or version with it. A refused certificate, for example, is not tried again by other means.
pub(super) fn allows_next_way(error: &Error) -> bool {
    error.kind() == ErrorKind::TlsNoCommon
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_way_comes_first_and_the_others_keep_their_order() {
        let steps = ['a', 'b', 'c'].map(|way| Step { way, connector: Connector::Plain });
        let order = |known| in_order(&steps, known).iter().map(|step| step.way).collect::<String>();
        assert_eq!(order(None), "abc");
        assert_eq!(order(Some('a')), "abc");
        assert_eq!(order(Some('c')), "cab");
        assert_eq!(order(Some('x')), "abc", "a way that the plan no longer has");
    }

    #[test]
    fn only_a_node_that_shares_nothing_allows_the_next_way() {
        let of = |kind| allows_next_way(&Error::undelivered(kind, "text"));
        assert!(of(ErrorKind::TlsNoCommon));
        for kind in [
            ErrorKind::Connect,
            ErrorKind::Tls,
            ErrorKind::NodeCertificate,
            ErrorKind::ClientCertificate,
            ErrorKind::Resolve,
        ] {
            assert!(!of(kind), "{kind:?}");
        }
    }
}
