//! Steps 4 and 5: TLS with the credentials, and the certificate of the node.

use std::net::SocketAddr;
use std::time::Duration;

use amop::Tls;
use amop::text::span;
use amop::transport::{
    BoxedStream, Credentials, DialPlan, Dialled, Endpoint, Generation, HandshakeFailure, NodeRefusal,
    Security, Stage, dial_at,
};

use super::finding::Finding;
use super::listener::Listener;
use super::report::Problem;
use super::usable::Usable;
use crate::session::Session;
use crate::websocket::WebSocket;

/// Makes TLS connections to one address with one set of credentials.
pub(super) struct Handshakes {
    plan: DialPlan,
    /// `None` without TLS.
    usable: Option<Usable>,
    endpoint: Endpoint,
    address: SocketAddr,
    limit: Duration,
    is_slow: bool,
}

/// Describes a connection of this kind for the report.
pub(super) fn described(security: Security) -> String {
    let kind = match security {
        Security::Ecdhe => "TLS 1.2",
        Security::StaticRsa => "TLS 1.2 with static RSA (no forward secrecy)",
        Security::Gm => "GM over TLS 1.2",
        Security::Tlcp => "TLCP",
        Security::Plain => {
            return "none (--tls off): anybody on the way can read and change messages".to_owned();
        }
    };
    format!("{kind}, both sides accept each other's certificates")
}

/// How many times the time limit a link may take that is slow, but not dead.
const PATIENCE: u32 = 6;

/// Numbers of alerts (RFC 5246).
mod alert {
    pub(super) const CERTIFICATE_EXPIRED: u8 = 45;
    pub(super) const ACCESS_DENIED: u8 = 49;
    pub(super) const INTERNAL_ERROR: u8 = 80;
}

impl Handshakes {
    pub(super) fn new(
        credentials: Option<&Credentials>,
        tls: Tls,
        endpoint: &Endpoint,
        address: SocketAddr,
        limit: Duration,
    ) -> Result<Handshakes, Problem> {
        let plan = match credentials {
            Some(credentials) => DialPlan::new(credentials, tls)
                .map_err(|error| Problem::new(Finding::WrongFormat, error.message()))?,
            None => DialPlan::plain(),
        };
        let usable = credentials.map(|credentials| Usable::new(credentials, &plan));
        Ok(Handshakes { plan, usable, endpoint: endpoint.clone(), address, limit, is_slow: false })
    }

    /// Connects again. Returns `None` if that fails, although the first connection succeeded.
    pub(super) async fn connect(&self) -> Option<BoxedStream> {
        self.attempt().await?.ok().map(|dialled| dialled.stream)
    }

    /// Connects again, for a second session with a node of 3.x.
    pub(super) async fn connect_to_3x(&self) -> Result<WebSocket, Problem> {
        let failed = |seen: String| Problem::new(Finding::NoRoundTrip, seen);
        let seen = "a second connection for the publisher failed";
        let stream = self.connect().await.ok_or_else(|| failed(seen.to_owned()))?;
        match Session::open(Generation::V3, stream, &self.endpoint, self.limit).await {
            Ok(Session::V3(session, _)) => Ok(session),
            Ok(Session::V2(..)) => Err(failed(seen.to_owned())),
            Err(error) => Err(failed(format!("{seen} {error}"))),
        }
    }

    /// Returns the address for texts.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns whether TLS is off.
    pub(super) fn is_plain(&self) -> bool {
        self.usable.is_none()
    }

    /// Returns whether the port accepts TLS.
    pub(super) async fn is_tls_port(&self) -> bool {
        Listener::at(self.address, self.limit).await.is_tls()
    }

    /// Returns the time limit of each step, which is longer on a slow link.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Returns a note if the link is slow.
    pub(super) fn note(&self) -> Option<Problem> {
        let seen = || format!("the handshake did not complete within {}", span(self.limit / PATIENCE));
        self.is_slow.then(|| Problem::new(Finding::SlowLink, seen()))
    }

    /// Connects, or returns the problem. Takes more time if the server speaks TLS, but too slowly for the limit.
    pub(super) async fn connect_or_explain(&mut self, known: Option<&Problem>) -> Result<Dialled, Problem> {
        let mut attempt = self.attempt().await;
        if attempt.is_none() {
            let listener = Listener::at(self.address, self.limit).await;
            let problem = listener.problem(self.usable.as_ref(), self.address, self.limit).await;
            if let Some(problem) = problem.filter(|_| listener != Listener::Slow) {
                return Err(problem);
            }
            self.is_slow = true;
            self.limit *= PATIENCE;
            attempt = self.attempt().await;
        }
        match attempt {
            Some(Ok(dialled)) => Ok(dialled),
            Some(Err(failure)) => Err(self.explain(&failure, known).await),
            None => Err(self.incomplete()),
        }
    }

    fn incomplete(&self) -> Problem {
        let seen = format!("the handshake did not complete within {}", span(self.limit));
        Problem::new(Finding::TlsFailed, seen)
    }

    /// Returns `None` if the handshake didn't complete in time.
    async fn attempt(&self) -> Option<Result<Dialled, Box<HandshakeFailure>>> {
        // The ways are tried one after the other within the limit. A refused TCP connection, after others were accepted,
        // counts as no answer.
        let dialling = dial_at(self.address, &self.endpoint, &self.plan);
        tokio::time::timeout(self.limit, dialling).await.ok()?.ok()
    }

    async fn explain(&self, failure: &HandshakeFailure, known: Option<&Problem>) -> Problem {
        let because = |finding| Problem::new(finding, failure.error.message());
        match (failure.stage, failure.alert) {
            // Servers limit the time of a handshake. A close says nothing about the certificates then.
            (Stage::BeforeCertificate | Stage::AfterCertificate, None) if self.is_slow => {
                let limit = span(self.limit / PATIENCE);
                let seen =
                    format!("the connection was closed during a handshake that took longer than {limit}");
                Problem::new(Finding::LinkTooSlow, seen)
            }
            (Stage::BeforeCertificate, _) => {
                let unlike = self.unlike_a_channel(failure.alert.is_some()).await;
                unlike.unwrap_or_else(|| because(Finding::TlsFailed))
            }
            (Stage::NodeRefused(NodeRefusal::Expired), _) => because(Finding::NodeCertificateExpired),
            (Stage::NodeRefused(NodeRefusal::NotYetValid), _) => because(Finding::NodeCertificateNotYetValid),
            // An untrusted certificate may belong to a server that is not a node, or to a node of another kind. With RSA
            // keys, a node with ECDHE may be one of another chain.
            (Stage::NodeRefused(NodeRefusal::Untrusted), _) => match self.unlike_a_channel(true).await {
                Some(problem) if self.has_ec_key() || !has_ecdhe_and_rsa(problem.finding) => problem,
                _ => because(Finding::WrongCa),
            },
            // The dates are valid by this machine's clock, so the node's clock differs.
            (Stage::AfterCertificate, Some(alert::CERTIFICATE_EXPIRED)) => because(Finding::ClockOff),
            (Stage::AfterCertificate, Some(alert::INTERNAL_ERROR | alert::ACCESS_DENIED)) => {
                because(Finding::OtherAgency)
            }
            (Stage::AfterCertificate, _) => match known {
                Some(problem) => problem.clone(),
                None => because(Finding::ClientRefused),
            },
        }
    }

    fn has_ec_key(&self) -> bool {
        self.usable.as_ref().is_some_and(Usable::has_ec_key)
    }

    /// Identifies a listener that is not a channel for the credentials. If it is known to speak TLS, a later connection that it
    /// closes or ignores, for example because it has too many, says nothing about it.
    async fn unlike_a_channel(&self, speaks_tls: bool) -> Option<Problem> {
        let listener = Listener::at(self.address, self.limit).await;
        if speaks_tls && (!listener.is_tls() || listener == Listener::Slow) {
            return None;
        }
        listener.problem(self.usable.as_ref(), self.address, self.limit).await
    }
}

/// Returns whether the finding is about a server that ECDHE with RSA certificates is usual for.
fn has_ecdhe_and_rsa(finding: Finding) -> bool {
    matches!(finding, Finding::ForeignTls | Finding::RsaNode3x)
}
