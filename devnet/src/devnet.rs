//! A running devnet: its nodes' ports and tasks around the state they share.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use amop::transport::CredentialSource;
use amop::{ClientBuilder, Error, ErrorKind, Result};
use tokio::net::TcpListener;
use tokio::runtime::{Handle, Runtime};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::builder::DevnetBuilder;
use crate::certificates::Certificates;
use crate::chain::Chain;
use crate::connection_handler::{ConnectionHandler, Security};
use crate::counters::{Counters, NodeCounters};
use crate::faults::{Fault, FaultId, NodeCertificate};
use crate::listener::{Listener, Tasks};
use crate::net::Net;
use crate::node_handle::Node;
use crate::options::Options;
use crate::session::{Limits, SessionContext};
use crate::shared::Shared;

/// A number of nodes in this process, joined as a chain's nodes are.
///
/// They end with [`Devnet::stop`], which waits for all tasks, or when this is dropped, which doesn't.
#[derive(Debug)]
pub struct Devnet {
    inner: Arc<Inner>,
    /// With [`DevnetBuilder::start_blocking`] only.
    runtime: Option<Runtime>,
}

/// What a devnet and the handles of its nodes share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) servers: Vec<NodeServer>,
    options: Options,
    plain: bool,
    handle: Handle,
    pub(crate) certificates: Certificates,
    /// The task that keeps the nodes' time.
    clock: TaskTracker,
    clock_cut: CancellationToken,
}

/// One node's port and tasks.
#[derive(Debug)]
pub(crate) struct NodeServer {
    pub(crate) address: SocketAddr,
    pub(crate) handler: Arc<ConnectionHandler>,
    counters: Arc<NodeCounters>,
    life: Mutex<Life>,
}

/// What runs of a node.
#[derive(Debug, Default)]
struct Life {
    /// `None` while the node is dead.
    tasks: Option<Tasks>,
    /// `None` while its port is closed.
    listener: Option<Listener>,
}

impl Devnet {
    /// What is to be started: two nodes on ports that are free, unless told otherwise.
    pub fn builder() -> DevnetBuilder {
        DevnetBuilder::default()
    }

    /// Starts nodes on the runtime that this is called in.
    pub(crate) async fn start(
        options: Options,
        addresses: Vec<SocketAddr>,
        certificates: Certificates,
        plain: bool,
    ) -> Result<Devnet> {
        let shared = Shared::new(Net::new(options.clone(), addresses.len(), tokio::time::Instant::now()));
        let mut listeners = Vec::new();
        for address in addresses {
            listeners.push(bind(address).await?);
        }
        let mut servers = Vec::new();
        for (node, (address, _)) in listeners.iter().enumerate() {
            shared.with(|net, _| net.nodes[node].address = address.to_string());
            let security = match plain {
                true => Security::Plain,
                false => {
                    let algorithm = certificates.chain().algorithm();
                    Security::tls(&certificates.node(node)?, algorithm, &options)?
                }
            };
            let handler = Arc::new(ConnectionHandler::new(security, options.first_byte_limit));
            let (counters, life) = (Arc::default(), Mutex::default());
            servers.push(NodeServer { address: *address, handler, counters, life });
        }
        let clock = TaskTracker::new();
        let clock_cut = CancellationToken::new();
        let time = shared.clone();
        let keep_time = async move { time.keep_time().await };
        clock.spawn(clock_cut.clone().run_until_cancelled_owned(keep_time));
        clock.close();
        let handle = Handle::current();
        let inner =
            Arc::new(Inner { shared, servers, options, plain, handle, certificates, clock, clock_cut });
        for (node, (_, listener)) in listeners.into_iter().enumerate() {
            inner.open(node, listener);
        }
        Ok(Devnet { inner, runtime: None })
    }

    pub(crate) fn with_runtime(mut self, runtime: Runtime) -> Devnet {
        self.runtime = Some(runtime);
        self
    }

    /// How many nodes there are, dead ones included.
    #[allow(clippy::len_without_is_empty)] // there is always one
    pub fn len(&self) -> usize {
        self.inner.servers.len()
    }

    /// The handle of one node.
    ///
    /// # Panics
    /// When there is no node of that index.
    pub fn node(&self, index: usize) -> Node {
        assert!(index < self.len(), "node {index} of a devnet with {} nodes", self.len());
        Node::new(self.inner.clone(), index)
    }

    /// All nodes in order.
    pub fn nodes(&self) -> Vec<Node> {
        (0..self.len()).map(|index| self.node(index)).collect()
    }

    /// Where the nodes listen, as clients are given it: `127.0.0.1:20200`.
    pub fn endpoints(&self) -> Vec<String> {
        self.inner.servers.iter().map(|server| server.address.to_string()).collect()
    }

    /// A client that knows all nodes and has credentials for them: only `connect` is missing.
    pub fn client(&self) -> ClientBuilder {
        self.inner.certificates.client().endpoints(self.endpoints())
    }

    /// What a client connects with: the folder of [`DevnetBuilder::dir`] where one was given, else PEM in memory.
    pub fn credentials(&self) -> CredentialSource {
        self.inner.certificates.sdk()
    }

    /// The folder with a client's `ca.crt`, `sdk.crt` and `sdk.key`; `None` without [`DevnetBuilder::dir`].
    pub fn credentials_dir(&self) -> Option<&Path> {
        self.inner.certificates.sdk_folder()
    }

    /// The chain's CA and agency, to issue further certificates.
    pub fn chain(&self) -> &Chain {
        self.inner.certificates.chain()
    }

    /// The chain has reached a block: sessions that ask for block numbers are told, and `getBlockNumber` answers
    /// it from now on.
    pub fn notify_block(&self, number: u64) {
        self.inner.shared.with(|net, _| net.notify_block(number));
    }

    /// Has something go wrong with frames from now on.
    pub fn inject(&self, fault: Fault) -> FaultId {
        self.inner.shared.with(|net, _| net.sessions.faults.inject(fault))
    }

    /// How often an injected fault has happened; `None` when it was removed.
    pub fn hits(&self, fault: FaultId) -> Option<u64> {
        self.inner.shared.with(|net, _| net.sessions.faults.hits(fault))
    }

    /// Ends one injected fault.
    pub fn remove_fault(&self, fault: FaultId) {
        self.inner.shared.with(|net, _| net.sessions.faults.remove(fault));
    }

    /// Ends all injected faults.
    pub fn clear_faults(&self) {
        self.inner.shared.with(|net, _| net.sessions.faults.clear());
    }

    /// What all nodes have counted.
    pub fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        for server in &self.inner.servers {
            server.counters.add_to(&mut counters);
            counters.tasks += server.tracker().map_or(0, |tracker| tracker.len());
        }
        self.inner.shared.with(|net, _| {
            counters.sessions = net.sessions.len();
            counters.in_flight = net.unicasts.len();
            counters.held_bytes = net.held_bytes();
            counters.slow_readers = net.sessions.overfull();
        });
        counters
    }

    /// Ends all nodes: sessions are closed as TLS wants it, and all tasks have ended when this returns.
    ///
    /// Clients that don't read have the close limit for what is queued for them.
    pub async fn stop(self) {
        self.inner.stop().await;
    }

    /// As [`Devnet::stop`], from outside any runtime; with [`DevnetBuilder::start_blocking`] the threads end too.
    ///
    /// # Panics
    /// When called on a thread that runs asynchronous code.
    pub fn stop_blocking(mut self) {
        match self.runtime.take() {
            Some(runtime) => {
                runtime.block_on(self.inner.stop());
                // Its last task has ended, so nothing is left to wait for.
                runtime.shutdown_background();
            }
            None => self.inner.handle.block_on(self.inner.stop()),
        }
    }

    /// The runtime that the nodes live on, for blocking callers of asynchronous methods.
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

impl Inner {
    /// Starts a node's tasks around its listener; where they run already, opens the port only.
    fn open(&self, node: usize, listener: TcpListener) {
        let server = &self.servers[node];
        let mut life = server.lock();
        let tasks = life.tasks.get_or_insert_with(Tasks::new).clone();
        let listener =
            Listener::open(listener, self.context(node), server.handler.clone(), &tasks, &self.handle);
        life.listener = Some(listener);
    }

    pub(crate) fn context(&self, node: usize) -> SessionContext {
        let limits = Limits {
            idle: self.options.idle_limit,
            close: self.options.close_limit,
            frame_len: self.options.max_frame_len,
            queued_bytes: self.options.max_queued_bytes,
        };
        SessionContext {
            shared: self.shared.clone(),
            counters: self.servers[node].counters.clone(),
            node,
            limits,
        }
    }

    /// Runs something among a node's tasks; `false` when the node is dead.
    pub(crate) fn spawn(&self, node: usize, task: impl Future<Output = ()> + Send + 'static) -> bool {
        match &self.servers[node].lock().tasks {
            Some(tasks) => {
                let task = tasks.cut.clone().run_until_cancelled_owned(task);
                tasks.tracker.spawn_on(task, &self.handle);
                true
            }
            None => false,
        }
    }

    /// Closes a node's port and leaves its sessions alone.
    pub(crate) async fn close_port(&self, node: usize) {
        let listener = self.servers[node].lock().listener.take();
        if let Some(listener) = listener {
            listener.close().await;
        }
    }

    /// Opens a node's port again. A dead node stays dead.
    pub(crate) async fn open_port(&self, node: usize) -> Result<()> {
        let server = &self.servers[node];
        let closed = {
            let life = server.lock();
            life.tasks.is_some() && life.listener.is_none()
        };
        if closed {
            let (_, listener) = bind(server.address).await?;
            self.open(node, listener);
        }
        Ok(())
    }

    /// Kills a node: its port and its sessions are gone when this returns.
    pub(crate) async fn kill(&self, node: usize) {
        self.shared.with(|net, now| net.kill(node, now));
        let life = std::mem::take(&mut *self.servers[node].lock());
        self.servers[node].handler.freeze(false);
        if let Some(tasks) = life.tasks {
            tasks.cut.cancel();
            tasks.tracker.close();
            tasks.tracker.wait().await;
        }
    }

    /// Brings a dead node back on its port.
    pub(crate) async fn restart(&self, node: usize) -> Result<()> {
        if self.servers[node].lock().tasks.is_some() {
            return Ok(());
        }
        let (_, listener) = bind(self.servers[node].address).await?;
        self.shared.with(|net, _| net.revive(node));
        self.open(node, listener);
        Ok(())
    }

    /// Has a node show another certificate to new connections.
    pub(crate) fn show(&self, node: usize, certificate: NodeCertificate) -> Result<()> {
        if self.plain {
            let text = "this devnet does without TLS (`plain`): its nodes have no certificates to show";
            return Err(Error::undelivered(ErrorKind::InvalidArgument, text));
        }
        let credentials = self.certificates.node_with(node, certificate)?;
        let security = Security::tls(&credentials, self.certificates.chain().algorithm(), &self.options)?;
        self.servers[node].handler.set_security(security);
        Ok(())
    }

    async fn stop(&self) {
        self.shared.with(|net, _| net.close_all());
        let all: Vec<Life> = self.servers.iter().map(|server| std::mem::take(&mut *server.lock())).collect();
        let mut ending = Vec::new();
        for life in all {
            if let Some(listener) = life.listener {
                listener.close().await;
            }
            ending.extend(life.tasks.inspect(|tasks| {
                tasks.tracker.close();
            }));
        }
        for tasks in ending {
            // Once for what is queued, once for the goodbye of TLS.
            let _ = timeout(2 * self.options.close_limit, tasks.tracker.wait()).await;
            tasks.cut.cancel();
            tasks.tracker.wait().await;
        }
        self.clock_cut.cancel();
        self.clock.wait().await;
    }

    /// Tells all tasks to end, without waiting.
    fn cut(&self) {
        for server in &self.servers {
            if let Some(tasks) = std::mem::take(&mut *server.lock()).tasks {
                tasks.cut.cancel();
            }
        }
        self.clock_cut.cancel();
    }
}

impl NodeServer {
    fn lock(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn counters(&self) -> &NodeCounters {
        &self.counters
    }

    pub(crate) fn tracker(&self) -> Option<TaskTracker> {
        self.lock().tasks.as_ref().map(|tasks| tasks.tracker.clone())
    }
}

async fn bind(address: SocketAddr) -> Result<(SocketAddr, TcpListener)> {
    let failed = |error: std::io::Error| {
        let text = format!(
            "the embedded node can't listen on {address}: {error}; stop what listens there, or take another port \
             (0: any that is free)"
        );
        Error::undelivered(ErrorKind::Listen, text)
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    Ok((listener.local_addr().map_err(failed)?, listener))
}
