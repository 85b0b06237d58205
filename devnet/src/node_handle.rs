//! The handle of one node of a running devnet.

use std::net::SocketAddr;
use std::sync::Arc;

use amop::{ClientBuilder, Result};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::counters::Counters;
use crate::devnet::Inner;
use crate::faults::{NodeCertificate, OnConnect};
use crate::outbox::End;
use crate::session::{SessionGuard, serve};
use crate::session_handle::Session;
use crate::wire::Memory;

/// One node of a [`Devnet`](crate::Devnet). Cheap to clone; outlives the devnet, whose nodes are then dead.
#[derive(Clone, Debug)]
pub struct Node {
    inner: Arc<Inner>,
    index: usize,
}

impl Node {
    pub(crate) fn new(inner: Arc<Inner>, index: usize) -> Node {
        Node { inner, index }
    }

    /// Its place in the devnet, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.inner.servers[self.index].address
    }

    /// Where it listens, as clients are given it.
    pub fn endpoint(&self) -> String {
        self.address().to_string()
    }

    /// A client that knows this node only and has credentials for it: only `connect` is missing.
    pub fn client(&self) -> ClientBuilder {
        self.inner.certificates.client().endpoint(self.endpoint())
    }

    /// Its id: 128 hex digits.
    pub fn id(&self) -> String {
        self.inner.shared.with(|net, _| net.nodes[self.index].id.clone())
    }

    /// The topics of its own sessions, in order.
    pub fn topics(&self) -> Vec<String> {
        self.inner.shared.with(|net, _| net.nodes[self.index].own_topics())
    }

    /// What it has counted; `slow_readers` and `held_bytes` are counted for the whole devnet only.
    pub fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        let server = &self.inner.servers[self.index];
        server.counters().add_to(&mut counters);
        counters.tasks = server.tracker().map_or(0, |tracker| tracker.len());
        self.inner.shared.with(|net, _| counters.sessions = net.nodes[self.index].sessions.len());
        counters
    }

    /// Serves a stream of bytes as one more session, without TCP and TLS; `false` when the node is dead.
    pub fn attach(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> bool {
        match SessionGuard::take(self.inner.context(self.index)) {
            Some(guard) => self.inner.spawn(self.index, serve(Memory(stream), guard)),
            None => false,
        }
    }

    /// Its sessions, oldest first.
    pub fn sessions(&self) -> Vec<Session> {
        let mut keys = self.inner.shared.with(|net, _| net.nodes[self.index].sessions.clone());
        keys.sort_unstable_by_key(|key| key.id());
        keys.into_iter().map(|key| Session::new(self.inner.clone(), key)).collect()
    }

    /// What it does with connections from now on.
    pub fn on_connect(&self, on_connect: OnConnect) {
        self.inner.servers[self.index].handler.set_on_connect(on_connect);
    }

    /// Which certificate it shows to new connections.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`](amop::ErrorKind::InvalidArgument) when the devnet does without TLS.
    pub fn show_certificate(&self, certificate: NodeCertificate) -> Result<()> {
        self.inner.show(self.index, certificate)
    }

    /// Closes its port, so that connections are refused; its sessions stay.
    pub async fn close_port(&self) {
        self.inner.close_port(self.index).await;
    }

    /// Opens its port again. Nothing happens when it is open, or the node dead.
    ///
    /// # Errors
    /// [`ErrorKind::Listen`](amop::ErrorKind::Listen) when the port has been taken meanwhile.
    pub async fn open_port(&self) -> Result<()> {
        self.inner.open_port(self.index).await
    }

    /// Stops it for the time being: it keeps its port, links and sessions, but does nothing.
    pub fn freeze(&self) {
        self.inner.servers[self.index].handler.freeze(true);
        self.inner.shared.with(|net, _| net.freeze(self.index));
    }

    /// Lets a frozen node go on where it stopped.
    pub fn thaw(&self) {
        self.inner.shared.with(|net, now| net.thaw(self.index, now));
        self.inner.servers[self.index].handler.freeze(false);
    }

    /// Kills it as a crash does: its port is closed and its sessions are cut when this returns.
    pub async fn kill(&self) {
        self.inner.kill(self.index).await;
    }

    /// Brings it back on the same port, with the same id. Nothing happens when it is alive.
    ///
    /// # Errors
    /// [`ErrorKind::Listen`](amop::ErrorKind::Listen) when the port has been taken meanwhile.
    pub async fn restart(&self) -> Result<()> {
        self.inner.restart(self.index).await
    }

    /// Cuts all its sessions: no goodbye, whatever is queued for them.
    pub fn cut_sessions(&self) {
        self.inner.shared.with(|net, _| net.end_sessions(self.index, End::Cut));
    }

    /// Cuts all its sessions with a TCP reset.
    pub fn reset_sessions(&self) {
        self.inner.shared.with(|net, _| net.end_sessions(self.index, End::Reset));
    }

    /// Cuts its link to another node.
    pub fn cut_link(&self, other: &Node) {
        self.inner.shared.with(|net, now| net.cut_link(self.index, other.index, now));
    }

    /// Restores a link that was cut.
    pub fn restore_link(&self, other: &Node) {
        self.inner.shared.with(|net, _| net.restore_link(self.index, other.index));
    }
}
