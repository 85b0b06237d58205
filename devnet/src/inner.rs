//! The running nodes of a devnet: their listeners and tasks, around the state that they share.
//!
//! The public handles ([`Devnet`](crate::Devnet), [`Node`](crate::Node), [`Session`](crate::Session)) all refer to
//! one [`DevnetInner`].

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use amop::{Client, ClientBuilder, Error, ErrorKind, Result, Tls};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::certificates::Certificates;
use crate::connection_handler::{ConnectionHandler, Security};
use crate::counters::NodeCounters;
use crate::faults::NodeCertificate;
use crate::listener::{Listener, Tasks};
use crate::net::Net;
use crate::options::Options;
use crate::session_guard::{Limits, SessionContext};
use crate::shared::Shared;

/// The state behind all handles of a devnet.
#[derive(Debug)]
pub(crate) struct DevnetInner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) servers: Vec<NodeServer>,
    options: Options,
    plain: bool,
    pub(crate) handle: Handle,
    pub(crate) certificates: Certificates,
    /// The task that fires the nodes' deadlines.
    clock: TaskTracker,
    clock_cut: CancellationToken,
}

/// The listener and tasks of one node.
#[derive(Debug)]
pub(crate) struct NodeServer {
    pub(crate) address: SocketAddr,
    pub(crate) handler: Arc<ConnectionHandler>,
    counters: Arc<NodeCounters>,
    running: Mutex<Running>,
}

/// The parts of a node that can be stopped and started again.
#[derive(Debug, Default)]
struct Running {
    /// `None` while the node is dead.
    tasks: Option<Tasks>,
    /// `None` while the node's port is closed.
    listener: Option<Listener>,
}

impl DevnetInner {
    /// Starts nodes on the current runtime.
    pub(crate) async fn start(
        options: Options,
        addresses: Vec<SocketAddr>,
        certificates: Certificates,
        plain: bool,
    ) -> Result<Arc<DevnetInner>> {
        let shared = Shared::new(Net::new(options.clone(), addresses.len(), Instant::now()));
        let mut listeners = Vec::new();
        for address in addresses {
            listeners.push(bind(address).await?);
        }
        let mut servers = Vec::new();
        for (node, (address, _)) in listeners.iter().enumerate() {
            shared.with(|net, _| net.nodes[node].address = address.to_string());
            let security = match plain {
                true => Security::Plain,
                false => Security::tls(&certificates.node(node)?, certificates.chain().kind(), &options)?,
            };
            let handler = Arc::new(ConnectionHandler::new(security, &options));
            let (counters, running) = (Arc::default(), Mutex::default());
            servers.push(NodeServer { address: *address, handler, counters, running });
        }
        let clock = TaskTracker::new();
        let clock_cut = CancellationToken::new();
        let time = shared.clone();
        let keep_time = async move { time.keep_time().await };
        clock.spawn(clock_cut.clone().run_until_cancelled_owned(keep_time));
        clock.close();
        let handle = Handle::current();
        let inner = DevnetInner { shared, servers, options, plain, handle, certificates, clock, clock_cut };
        for (node, (_, listener)) in listeners.into_iter().enumerate() {
            inner.open(node, listener);
        }
        Ok(Arc::new(inner))
    }

    /// Returns a client builder with the credentials of a client, or without TLS if the nodes have none.
    pub(crate) fn client(&self) -> ClientBuilder {
        match self.plain {
            true => Client::builder().tls(Tls::Off),
            false => self.certificates.client(),
        }
    }

    /// Starts a node's tasks with this listener. If the tasks run already, only the port is opened.
    fn open(&self, node: usize, listener: TcpListener) {
        let server = &self.servers[node];
        let mut running = server.lock();
        let tasks = running.tasks.get_or_insert_with(Tasks::new).clone();
        let listener =
            Listener::open(listener, self.context(node), server.handler.clone(), &tasks, &self.handle);
        running.listener = Some(listener);
    }

    /// Returns what the sessions of a node need to know.
    pub(crate) fn context(&self, node: usize) -> SessionContext {
        let limits = Limits {
            idle: self.options.idle_limit,
            close: self.options.close_limit,
            frame_len: self.options.max_frame_len,
            queued_bytes: self.options.max_queued_bytes,
        };
        let counters = self.servers[node].counters.clone();
        let generation = self.options.generation;
        SessionContext { shared: self.shared.clone(), counters, node, generation, limits }
    }

    /// Spawns a task that ends with the node. Returns `false` if the node is dead.
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

    /// Closes a node's port. Its sessions stay.
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
            let running = server.lock();
            running.tasks.is_some() && running.listener.is_none()
        };
        if closed {
            let (_, listener) = bind(server.address).await?;
            self.open(node, listener);
        }
        Ok(())
    }

    /// Kills a node: its port is closed and its sessions are cut when this returns.
    pub(crate) async fn kill(&self, node: usize) {
        self.shared.with(|net, now| net.kill(node, now));
        let running = std::mem::take(&mut *self.servers[node].lock());
        self.servers[node].handler.freeze(false);
        if let Some(tasks) = running.tasks {
            tasks.cut.cancel();
            tasks.tracker.close();
            tasks.tracker.wait().await;
        }
    }

    /// Starts a dead node again, on the same port.
    pub(crate) async fn restart(&self, node: usize) -> Result<()> {
        if self.servers[node].lock().tasks.is_some() {
            return Ok(());
        }
        let (_, listener) = bind(self.servers[node].address).await?;
        self.shared.with(|net, _| net.revive(node));
        self.open(node, listener);
        Ok(())
    }

    /// Sets the certificate that a node shows to new connections.
    pub(crate) fn show(&self, node: usize, certificate: NodeCertificate) -> Result<()> {
        if self.plain {
            let text = "this devnet runs without TLS (`plain`): its nodes have no certificates to show";
            return Err(Error::undelivered(ErrorKind::InvalidArgument, text));
        }
        let credentials = self.certificates.node_with(node, certificate)?;
        let security = Security::tls(&credentials, self.certificates.chain().kind(), &self.options)?;
        self.servers[node].handler.set_security(security);
        Ok(())
    }

    /// Stops all nodes and waits for their tasks, see [`Devnet::stop`](crate::Devnet::stop).
    pub(crate) async fn stop(&self) {
        self.shared.with(|net, _| net.close_all());
        let all: Vec<Running> =
            self.servers.iter().map(|server| std::mem::take(&mut *server.lock())).collect();
        let mut ending = Vec::new();
        for running in all {
            if let Some(listener) = running.listener {
                listener.close().await;
            }
            ending.extend(running.tasks.inspect(|tasks| {
                tasks.tracker.close();
            }));
        }
        for tasks in ending {
            // Once for the frames that are queued, once for the TLS `close_notify`.
            let _ = timeout(2 * self.options.close_limit, tasks.tracker.wait()).await;
            tasks.cut.cancel();
            tasks.tracker.wait().await;
        }
        self.clock_cut.cancel();
        self.clock.wait().await;
    }

    /// Cancels all tasks without waiting for them.
    pub(crate) fn cut(&self) {
        for server in &self.servers {
            if let Some(tasks) = std::mem::take(&mut *server.lock()).tasks {
                tasks.cut.cancel();
            }
        }
        self.clock_cut.cancel();
    }
}

impl NodeServer {
    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn counters(&self) -> &NodeCounters {
        &self.counters
    }

    /// Returns the tracker of the node's tasks, or `None` if the node is dead.
    pub(crate) fn tracker(&self) -> Option<TaskTracker> {
        self.lock().tasks.as_ref().map(|tasks| tasks.tracker.clone())
    }
}

async fn bind(address: SocketAddr) -> Result<(SocketAddr, TcpListener)> {
    let failed = |error: std::io::Error| {
        let text = format!(
            "the embedded node could not listen on {address}: {error}; stop the program that listens there, or \
             choose another port (0: any free port)"
        );
        Error::undelivered(ErrorKind::Listen, text)
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    Ok((listener.local_addr().map_err(failed)?, listener))
}
