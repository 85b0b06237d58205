//! The plan by which an endpoint is dialled: an ordered list of ways.
//!
//! Credentials decide which ways there are. A way that fails because the node shares nothing with it is followed by the
//! next one, over a new TCP connection. The way that worked is reported, and tried first the next time.

use super::credentials::{GmProtocol, KeyClass};
use super::security::{Security, Tls};
use super::tls::{HandshakeFailure, Stage};
use super::{Connector, Credentials, Generation};
use crate::{Error, ErrorKind, Result};

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
    /// Returns the plan for `credentials`, limited to the kind that `tls` states, which is not [`Tls::Off`].
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`] if the credentials can't be used with that kind, else the errors of
    /// [`Connector::new`].
    pub fn new(credentials: &Credentials, tls: Tls) -> Result<DialPlan> {
        let mut steps = steps(credentials, tls)?;
        if let Some(beside) = credentials.beside() {
            match self::steps(&beside, tls) {
                Ok(mut more) => steps.append(&mut more),
                // Most nodes don't need them.
                Err(error) if !steps.is_empty() => {
                    tracing::debug!(%error, "the GM credentials cannot be used")
                }
                Err(error) => return Err(error),
            }
        }
        if steps.is_empty() {
            return Err(unusable(tls, credentials));
        }
        Ok(DialPlan { steps })
    }

    /// Returns the plan for plain TCP, without credentials.
    pub fn plain() -> DialPlan {
        let way = Way { security: Security::Plain, generation: Generation::V3 };
        DialPlan { steps: vec![Step { way, connector: Connector::Plain }] }
    }

    /// Returns the ways in the order to try them.
    pub fn ways(&self) -> Vec<Way> {
        self.steps.iter().map(|step| step.way).collect()
    }

    /// Returns the steps in the order to try them: `known`, the way that worked the last time, comes first.
    ///
    /// After ECDHE has worked nothing else is tried, so that a forged alert can't take forward secrecy away.
    pub(super) fn in_order(&self, known: Option<Way>) -> Vec<&Step<Way>> {
        let mut steps = in_order(&self.steps, known);
        if steps[0].way.security == Security::Ecdhe && known == Some(steps[0].way) {
            steps.truncate(1);
        }
        steps
    }
}

/// Returns the ways of one set of credentials that `tls` allows, with their connectors.
fn steps(credentials: &Credentials, tls: Tls) -> Result<Vec<Step<Way>>> {
    let allowed = securities(credentials).iter().filter(|security| tls == Tls::Auto || tls == security.tls());
    allowed
        .map(|&security| {
            let way = Way { security, generation: Generation::V2 };
            Ok(Step { way, connector: Connector::new(security, credentials)? })
        })
        .collect()
}

/// Returns the kinds of security that credentials are for, the preferred one first.
fn securities(credentials: &Credentials) -> &'static [Security] {
    match (credentials.key_class(), credentials.gm_protocol()) {
        (KeyClass::Ec, _) => &[Security::Ecdhe],
        (KeyClass::Rsa, _) => &[Security::Ecdhe, Security::StaticRsa],
        (KeyClass::Gm, Some(GmProtocol::Tls12)) => &[Security::Gm],
        (KeyClass::Gm, Some(GmProtocol::Tlcp)) => &[Security::Tlcp],
        (KeyClass::Gm, None) => &[Security::Tlcp, Security::Gm],
    }
}

/// Returns the error for an option that excludes all ways of the credentials.
fn unusable(tls: Tls, credentials: &Credentials) -> Error {
    let class = match credentials.key_class() {
        KeyClass::Ec => "ECDSA",
        KeyClass::Rsa => "RSA",
        KeyClass::Gm => "SM2",
    };
    let usable = securities(credentials).iter().map(|security| security.tls().name()).collect::<Vec<_>>();
    Error::undelivered(
        ErrorKind::InvalidArgument,
        format!(
            "tls is {tls}, but {} holds an {class} certificate: use {} or auto, or give other credentials",
            credentials.certificate_name(),
            usable.join(", ")
        ),
    )
}

/// Returns the steps in the order of the plan, except that the one of `known` comes first.
fn in_order<W: PartialEq + Copy>(steps: &[Step<W>], known: Option<W>) -> Vec<&Step<W>> {
    let mut steps: Vec<_> = steps.iter().collect();
    // The sort is stable.
    steps.sort_by_key(|step| Some(step.way) != known);
    steps
}

/// The alert of a node that shares no cipher suite or curve with the client.
const HANDSHAKE_FAILURE: u8 = 40;
/// The alert of a node that doesn't support the client's version, as TLS nodes send it to clients of TLCP.
const PROTOCOL_VERSION: u8 = 70;

/// Returns whether another way may succeed where `way` failed: only if the node refused the first message because it
/// shares nothing with it. What else went wrong, a refused certificate for example, is not tried again by other means.
pub(super) fn allows_next_way(way: Way, failure: &HandshakeFailure) -> bool {
    failure.stage == Stage::BeforeCertificate
        && match failure.alert {
            Some(HANDSHAKE_FAILURE) => true,
            Some(PROTOCOL_VERSION) => way.security == Security::Tlcp,
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::tls::NodeRefusal;

    const fn way(security: Security) -> Way {
        Way { security, generation: Generation::V2 }
    }

    fn plan(securities: &[Security]) -> DialPlan {
        let step = |&security: &Security| Step { way: way(security), connector: Connector::Plain };
        DialPlan { steps: securities.iter().map(step).collect() }
    }

    fn order(plan: &DialPlan, known: Option<Security>) -> Vec<Security> {
        plan.in_order(known.map(way)).iter().map(|step| step.way.security).collect()
    }

    #[test]
    fn known_way_comes_first_and_the_others_keep_their_order() {
        use Security::{Ecdhe, Gm, StaticRsa, Tlcp};
        let plan = plan(&[Ecdhe, StaticRsa, Gm]);
        assert_eq!(order(&plan, None), [Ecdhe, StaticRsa, Gm]);
        assert_eq!(order(&plan, Some(StaticRsa)), [StaticRsa, Ecdhe, Gm]);
        assert_eq!(order(&plan, Some(Gm)), [Gm, Ecdhe, StaticRsa]);
        assert_eq!(order(&plan, Some(Tlcp)), [Ecdhe, StaticRsa, Gm], "a way that the plan no longer has");
    }

    #[test]
    fn nothing_else_is_tried_after_ecdhe_has_worked() {
        let plan = plan(&[Security::Ecdhe, Security::StaticRsa, Security::Gm]);
        assert_eq!(order(&plan, Some(Security::Ecdhe)), [Security::Ecdhe]);
    }

    #[test]
    fn only_a_refused_hello_allows_the_next_way() {
        let allowed = |security, stage, alert| {
            let error = Error::undelivered(ErrorKind::TlsNoCommon, "text");
            allows_next_way(way(security), &HandshakeFailure { stage, alert, error })
        };
        let before = Stage::BeforeCertificate;
        for security in [Security::Ecdhe, Security::StaticRsa, Security::Gm, Security::Tlcp] {
            assert!(allowed(security, before, Some(40)));
            assert_eq!(allowed(security, before, Some(70)), security == Security::Tlcp);
            for stage in [Stage::AfterCertificate, Stage::NodeRefused(NodeRefusal::Untrusted)] {
                assert!(!allowed(security, stage, Some(40)), "{stage:?}");
            }
            for alert in [None, Some(0), Some(48), Some(71), Some(80)] {
                assert!(!allowed(security, before, alert), "{alert:?}");
            }
        }
    }
}
