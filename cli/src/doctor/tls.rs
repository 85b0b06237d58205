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
}

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
        Ok(Tls { connector, is_rsa: credentials.is_rsa(), endpoint: endpoint.clone(), address, limit })
    }

    /// Connects again. Returns `None` if that fails, although the first connection succeeded.
    pub(super) async fn connect(&self) -> Option<BoxedStream> {
        self.attempt().await?.ok()
    }

    /// Connects, or returns the problem.
    pub(super) async fn connect_or_explain(&self, known: Option<&Problem>) -> Result<BoxedStream, Problem> {
        match self.attempt().await {
            Some(Ok(stream)) => Ok(stream),
            Some(Err(failure)) => Err(self.explain(&failure, known).await),
            None => Err(self.unlike_a_channel().await.unwrap_or_else(|| {
                let seen = format!("the handshake didn't complete within {}", span(self.limit));
                Problem::new(Finding::TlsFailed, seen)
            })),
        }
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
            (Stage::BeforeCertificate, _) => {
                self.unlike_a_channel().await.unwrap_or_else(|| because(Finding::TlsFailed))
            }
            (Stage::NodeRefused(NodeRefusal::Expired), _) => because(Finding::NodeCertificateExpired),
            (Stage::NodeRefused(NodeRefusal::NotYetValid), _) => because(Finding::NodeCertificateNotYetValid),
            // An RSA client gets this far only with an RSA channel that supports ECDHE.
            (Stage::NodeRefused(NodeRefusal::Untrusted), _) if self.is_rsa => because(Finding::WrongCa),
            // An untrusted certificate may belong to a server that is not a node.
            (Stage::NodeRefused(NodeRefusal::Untrusted), _) => {
                self.unlike_a_channel().await.unwrap_or_else(|| because(Finding::WrongCa))
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

    async fn unlike_a_channel(&self) -> Option<Problem> {
        Listener::at(self.address, self.limit).await.problem(self.address, self.limit).await
    }
}
