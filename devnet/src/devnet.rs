//! The public handle of a running devnet.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use amop::ClientBuilder;
use amop::transport::CredentialSource;
use tokio::runtime::{Handle, Runtime};

use crate::chain::Chain;
use crate::counters::Counters;
use crate::faults::{Fault, FaultId};
use crate::inner::DevnetInner;
use crate::node_handle::Node;

/// The embedded nodes of one chain, running in this process.
///
/// [`Devnet::stop`] stops them and waits for all their tasks. Dropping the devnet stops them without waiting.
#[derive(Debug)]
pub struct Devnet {
    inner: Arc<DevnetInner>,
    /// The devnet's own runtime, if it was started by
    /// [`DevnetBuilder::start_blocking`](crate::DevnetBuilder::start_blocking).
    runtime: Option<Runtime>,
}

impl Devnet {
    pub(crate) fn new(inner: Arc<DevnetInner>) -> Devnet {
        Devnet { inner, runtime: None }
    }

    pub(crate) fn with_runtime(mut self, runtime: Runtime) -> Devnet {
        self.runtime = Some(runtime);
        self
    }

    /// Returns the number of nodes, including killed ones.
    #[allow(clippy::len_without_is_empty)] // a devnet has at least one node
    pub fn len(&self) -> usize {
        self.inner.servers.len()
    }

    /// Returns the handle of one node.
    ///
    /// # Panics
    /// Panics if there is no node with this index.
    pub fn node(&self, index: usize) -> Node {
        assert!(index < self.len(), "node {index} of a devnet with {} nodes", self.len());
        Node::new(self.inner.clone(), index)
    }

    /// Returns the handles of all nodes, in order.
    pub fn nodes(&self) -> Vec<Node> {
        (0..self.len()).map(|index| self.node(index)).collect()
    }

    /// Returns the addresses of all nodes in the form that clients accept: `127.0.0.1:20200`.
    pub fn endpoints(&self) -> Vec<String> {
        self.inner.servers.iter().map(|server| server.address.to_string()).collect()
    }

    /// Returns a client builder with all nodes as endpoints and with credentials for them.
    pub fn client(&self) -> ClientBuilder {
        self.inner.client().endpoints(self.endpoints())
    }

    /// Returns a client's credentials: the folder of [`DevnetBuilder::dir`](crate::DevnetBuilder::dir) if one
    /// was set, otherwise PEM texts in memory. Nodes without TLS ask for none.
    pub fn credentials(&self) -> CredentialSource {
        self.inner.certificates.sdk()
    }

    /// Returns the folder with a client's credentials, such as `ca.crt`, `sdk.crt` and `sdk.key`, or `None` without
    /// [`DevnetBuilder::dir`](crate::DevnetBuilder::dir) or without TLS.
    pub fn credentials_dir(&self) -> Option<&Path> {
        self.inner.certificates.sdk_folder()
    }

    /// Returns the chain's CA and agency, which can issue more certificates.
    pub fn chain(&self) -> &Chain {
        self.inner.certificates.chain()
    }

    /// Sets the chain's block number: `getBlockNumber` returns it from now on, and sessions that subscribe to
    /// block numbers are notified.
    pub fn notify_block(&self, number: u64) {
        self.inner.shared.with(|net, _| net.notify_block(number));
    }

    /// Sets how long a node waits for the reply of one session, for messages that nodes deliver from now on, see
    /// [`DevnetBuilder::push_limit`](crate::DevnetBuilder::push_limit).
    pub fn set_push_limit(&self, limit: Duration) {
        self.inner.shared.with(|net, _| net.options.set_push_limit(limit));
    }

    /// Injects a fault, which applies to frames from now on.
    pub fn inject(&self, fault: Fault) -> FaultId {
        self.inner.shared.with(|net, _| net.sessions.faults.inject(fault))
    }

    /// Returns how often an injected fault has happened, or `None` if it was removed.
    pub fn hits(&self, fault: FaultId) -> Option<u64> {
        self.inner.shared.with(|net, _| net.sessions.faults.hits(fault))
    }

    /// Removes one injected fault.
    pub fn remove_fault(&self, fault: FaultId) {
        self.inner.shared.with(|net, _| net.sessions.faults.remove(fault));
    }

    /// Removes all injected faults.
    pub fn clear_faults(&self) {
        self.inner.shared.with(|net, _| net.sessions.faults.clear());
    }

    /// Returns the counters of all nodes together.
    pub fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        for server in &self.inner.servers {
            server.counters().add_to(&mut counters);
            counters.tasks += server.tracker().map_or(0, |tracker| tracker.len());
        }
        self.inner.shared.with(|net, _| {
            counters.sessions = net.sessions.len();
            counters.in_flight = net.unicasts.len() + net.requests.len();
            counters.held_bytes = net.held_bytes();
            counters.slow_readers = net.sessions.slow_readers();
        });
        counters
    }

    /// Stops all nodes. Sessions are closed with a TLS `close_notify`, and all tasks have ended when this returns.
    ///
    /// Clients that do not read have the close limit for the frames that are queued for them.
    pub async fn stop(self) {
        self.inner.stop().await;
    }

    /// Stops all nodes like [`Devnet::stop`], from outside any runtime. After
    /// [`DevnetBuilder::start_blocking`](crate::DevnetBuilder::start_blocking) the devnet's threads end too.
    ///
    /// # Panics
    /// Panics if it is called on a thread that runs asynchronous code.
    pub fn stop_blocking(mut self) {
        match self.runtime.take() {
            Some(runtime) => {
                runtime.block_on(self.inner.stop());
                // All its tasks have ended, so there is nothing left to wait for.
                runtime.shutdown_background();
            }
            None => self.inner.handle.block_on(self.inner.stop()),
        }
    }

    /// Returns the handle of the runtime that the nodes run on, for blocking callers of asynchronous methods.
    pub fn handle(&self) -> &Handle {
        &self.inner.handle
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        self.inner.cut();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
