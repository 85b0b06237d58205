//! Steps 1 and 2: resolves the endpoint, and connects to one of its addresses.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use amop::text::span;
use amop::transport::Endpoint;
use tokio::net::TcpStream;

use super::finding::Finding;
use super::report::Problem;

/// Resolves `endpoint`.
pub(super) async fn resolve(endpoint: &str, limit: Duration) -> Result<(Endpoint, Vec<SocketAddr>), Problem> {
    let endpoint: Endpoint =
        endpoint.parse().map_err(|error: amop::Error| Problem::new(Finding::BadEndpoint, error.message()))?;
    match tokio::time::timeout(limit, endpoint.resolve()).await {
        Ok(Ok(addresses)) => Ok((endpoint, addresses)),
        Ok(Err(error)) => Err(Problem::new(Finding::UnknownName, error.message())),
        Err(_) => {
            let seen = format!("no name server answered for {endpoint} within {}", span(limit));
            Err(Problem::new(Finding::UnknownName, seen))
        }
    }
}

/// Connects to the first of `addresses` that accepts. Returns it and how long that took.
pub(super) async fn connect(
    addresses: &[SocketAddr],
    limit: Duration,
) -> Result<(SocketAddr, String), Problem> {
    let mut failures = Vec::new();
    for address in addresses {
        let began = Instant::now();
        match tokio::time::timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Ok((*address, span(began.elapsed()).to_string())),
            Ok(Err(error)) => failures.push((kind_of(&error), format!("{address}: {error}"))),
            Err(_) => {
                failures.push((Finding::Firewall, format!("{address}: no answer within {}", span(limit))))
            }
        }
    }
    let seen: Vec<_> = failures.iter().map(|(_, text)| text.as_str()).collect();
    // Of several addresses, one that responds is the most informative.
    let finding = failures
        .iter()
        .map(|(finding, _)| *finding)
        .find(|finding| *finding == Finding::NothingListening)
        .or(failures.first().map(|(finding, _)| *finding))
        .unwrap_or(Finding::Unreachable);
    Err(Problem::new(finding, seen.join("; ")))
}

fn kind_of(error: &io::Error) -> Finding {
    match error.kind() {
        ErrorKind::ConnectionRefused => Finding::NothingListening,
        ErrorKind::TimedOut => Finding::Firewall,
        _ => Finding::Unreachable,
    }
}
