//! Steps 4 and 5: TLS with the credentials, and the certificate of the node.

use std::net::SocketAddr;
use std::time::Duration;

use amop::text::span;
use amop::transport::{
    BoxedStream, Credentials, Endpoint, HandshakeFailure, NodeRefusal, RustlsConnector, Stage,
};
use tokio::net::TcpStream;

use super::finding::Finding;
use super::listener::Listener;
use super::report::Problem;

/// Makes TLS connections to one address with one set of credentials.
pub(super) struct Tls {
    connector: RustlsConnector,
    /// Whether the client's credentials are RSA.
    is_rsa: bool,
    endpoint: Endpoint,
    address: SocketAddr,
    limit: Duration,
    is_slow: bool,
}

/// How many times the time limit a link may take that is slow, but not dead.
const PATIENCE: u32 = 6;

/// Numbers of alerts (RFC 5246).
mod alert {
    pub(super) const CERTIFICATE_EXPIRED: u8 = 45;
    pub(super) const ACCESS_DENIED: u8 = 49;
    pub(super) const INTERNAL_ERROR: u8 = 80;
}

impl Tls {
    pub(super) fn new(
        credentials: &Credentials,
        endpoint: &Endpoint,
        address: SocketAddr,
        limit: Duration,
    ) -> Result<Tls, Problem> {
        let connector = RustlsConnector::new(credentials)
            .map_err(|error| Problem::new(Finding::WrongFormat, error.message()))?;
        Ok(Tls {
            connector,
            is_rsa: credentials.is_rsa(),
            endpoint: endpoint.clone(),
            address,
            limit,
            is_slow: false,
        })
    }

    /// Connects again. Returns `None` if that fails, although the first connection succeeded.
    pub(super) async fn connect(&self) -> Option<BoxedStream> {
        self.attempt().await?.ok()
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
    pub(super) async fn connect_or_explain(
        &mut self,
        known: Option<&Problem>,
    ) -> Result<BoxedStream, Problem> {
        let mut attempt = self.attempt().await;
        if attempt.is_none() {
            let listener = Listener::at(self.address, self.limit).await;
            if !matches!(listener, Listener::Slow | Listener::Secp256k1(_)) {
                return Err(listener
                    .problem(self.address, self.limit)
                    .await
                    .unwrap_or_else(|| self.incomplete()));
            }
            self.is_slow = true;
            self.limit *= PATIENCE;
            attempt = self.attempt().await;
        }
        match attempt {
            Some(Ok(stream)) => Ok(stream),
            Some(Err(failure)) => Err(self.explain(&failure, known).await),
            None => Err(self.incomplete()),
        }
    }

    fn incomplete(&self) -> Problem {
        let seen = format!("the handshake did not complete within {}", span(self.limit));
        Problem::new(Finding::TlsFailed, seen)
    }

    /// Returns `None` if the handshake didn't complete in time.
    async fn attempt(&self) -> Option<Result<BoxedStream, HandshakeFailure>> {
        let tcp = match tokio::time::timeout(self.limit, TcpStream::connect(self.address)).await {
            Ok(Ok(tcp)) => tcp,
            // It accepted a connection before.
            Ok(Err(_)) | Err(_) => return None,
        };
        tokio::time::timeout(self.limit, self.connector.handshake(tcp, &self.endpoint)).await.ok()
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
            // An RSA client gets this far only with an RSA channel that supports ECDHE.
            (Stage::NodeRefused(NodeRefusal::Untrusted), _) if self.is_rsa => because(Finding::WrongCa),
            // An untrusted certificate may belong to a server that is not a node.
            (Stage::NodeRefused(NodeRefusal::Untrusted), _) => {
                self.unlike_a_channel(true).await.unwrap_or_else(|| because(Finding::WrongCa))
            }
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

    /// Identifies a listener that is not an ECDSA channel. If it is known to speak TLS, a later connection that it
    /// closes or ignores, for example because it has too many, says nothing about it.
    async fn unlike_a_channel(&self, speaks_tls: bool) -> Option<Problem> {
        let listener = Listener::at(self.address, self.limit).await;
        if speaks_tls && (!listener.is_tls() || listener == Listener::Slow) {
            return None;
        }
        listener.problem(self.address, self.limit).await
    }
}
