//! From an endpoint to its addresses: by the system, or by whatever else knows the nodes' names.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use super::Endpoint;
use crate::Result;

/// The future of [`Resolve::resolve`].
pub type Resolving<'a> = Pin<Box<dyn Future<Output = Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Knows the addresses of endpoints. Asked at every connect, so that a node that moved is found.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// The addresses of `endpoint` at this moment, each once, those to be tried first in front.
    ///
    /// # Errors
    /// [`ErrorKind::Resolve`](crate::ErrorKind::Resolve) when there is none.
    fn resolve<'a>(&'a self, endpoint: &'a Endpoint) -> Resolving<'a>;
}

/// Asks the system, as [`Endpoint::resolve`] does.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, endpoint: &'a Endpoint) -> Resolving<'a> {
        Box::pin(endpoint.resolve())
    }
}
