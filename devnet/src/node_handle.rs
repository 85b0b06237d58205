//! The public handle of one node.

use std::net::SocketAddr;
use std::sync::Arc;

use amop::protocol::channel::verify::NEED_VERIFY_PREFIX;
use amop::{ClientBuilder, Result, VerificationState};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection_handler::serve_session;
use crate::counters::Counters;
use crate::faults::{NodeCertificate, OnConnect};
use crate::inner::DevnetInner;
use crate::outbox::End;
use crate::session_guard::SessionGuard;
use crate::session_handle::Session;
use crate::wire::{Opaque, Reset};

/// One node of a [`Devnet`](crate::Devnet).
///
/// Cloning is cheap. A handle may outlive its devnet; the node is then dead.
#[derive(Clone, Debug)]
pub struct Node {
    inner: Arc<DevnetInner>,
    index: usize,
}

impl Node {
    pub(crate) fn new(inner: Arc<DevnetInner>, index: usize) -> Node {
        Node { inner, index }
    }

    /// Returns the node's index in the devnet, counted from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns the address that the node listens on.
    pub fn address(&self) -> SocketAddr {
        self.inner.servers[self.index].address
    }

    /// Returns the address in the form that clients accept: `127.0.0.1:20200`.
    pub fn endpoint(&self) -> String {
        self.address().to_string()
    }

    /// Returns a client builder with this node as its only endpoint and with credentials for it.
    pub fn client(&self) -> ClientBuilder {
        self.inner.client().endpoint(self.endpoint())
    }

    /// Returns the node's id: 128 hex digits.
    pub fn id(&self) -> String {
        self.inner.shared.with(|net, _| net.nodes[self.index].id.clone())
    }

    /// Returns the topics of the node's own sessions, in order.
    pub fn topics(&self) -> Vec<String> {
        self.inner.shared.with(|net, _| net.nodes[self.index].own_topics())
    }

    /// Returns where the verification of the subscribers at `other` stands for the private `topic`, given by its plain name:
    /// whether this node passes messages on to them. `None` if it doesn't know the topic there.
    pub fn verification(&self, topic: &str, other: &Node) -> Option<VerificationState> {
        let topic = [NEED_VERIFY_PREFIX.as_bytes(), topic.as_bytes()].concat();
        self.inner.shared.with(|net, _| net.nodes[self.index].verification(other.index, &topic))
    }

    /// Returns the node's counters. `slow_readers` and `held_bytes` are counted for the whole devnet only and are
    /// 0 here.
    pub fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        let server = &self.inner.servers[self.index];
        server.counters().add_to(&mut counters);
        counters.tasks = server.tracker().map_or(0, |tracker| tracker.len());
        self.inner.shared.with(|net, _| counters.sessions = net.nodes[self.index].sessions.len());
        counters
    }

    /// Serves a byte stream as one more session, without TCP and TLS. Returns `false` if the node is dead.
    pub fn attach(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> bool {
        match SessionGuard::join(self.inner.context(self.index)) {
            Some(guard) => {
                let stream = Opaque::new(stream, Reset::default());
                self.inner.spawn(self.index, serve_session(stream, guard))
            }
            None => false,
        }
    }

    /// Returns the node's sessions, oldest first.
    pub fn sessions(&self) -> Vec<Session> {
        let mut keys = self.inner.shared.with(|net, _| net.nodes[self.index].sessions.clone());
        keys.sort_unstable_by_key(|key| key.id());
        keys.into_iter().map(|key| Session::new(self.inner.clone(), key)).collect()
    }

    /// Sets what the node does with new connections.
    pub fn on_connect(&self, on_connect: OnConnect) {
        self.inner.servers[self.index].handler.set_on_connect(on_connect);
    }

    /// Sets the certificate that the node shows to new connections.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`](amop::ErrorKind::InvalidArgument) if the devnet runs without TLS.
    pub fn show_certificate(&self, certificate: NodeCertificate) -> Result<()> {
        self.inner.show(self.index, certificate)
    }

    /// Closes the node's port, so that new connections are refused. Its sessions stay.
    pub async fn close_port(&self) {
        self.inner.close_port(self.index).await;
    }

    /// Opens the node's port again. Does nothing if the port is open or the node is dead.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Listen`](amop::ErrorKind::Listen) if another program listens on the port by now.
    pub async fn open_port(&self) -> Result<()> {
        self.inner.open_port(self.index).await
    }

    /// Sets by how many milliseconds the node's clock is ahead of the wall clock. It decides what the node chooses with
    /// [`Choice::EachSecond`](crate::Choice::EachSecond), and nothing else.
    pub fn set_clock_offset(&self, milliseconds: i64) {
        self.inner.shared.with(|net, _| net.nodes[self.index].clock_offset = milliseconds);
    }

    /// Freezes the node: it keeps its port, links and sessions, but neither reads nor writes.
    pub fn freeze(&self) {
        self.inner.servers[self.index].handler.freeze(true);
        self.inner.shared.with(|net, _| net.freeze(self.index));
    }

    /// Resumes a frozen node.
    pub fn thaw(&self) {
        self.inner.shared.with(|net, now| net.thaw(self.index, now));
        self.inner.servers[self.index].handler.freeze(false);
    }

    /// Kills the node as a crash does: its port is closed and its sessions are cut when this returns.
    pub async fn kill(&self) {
        self.inner.kill(self.index).await;
    }

    /// Starts a killed node again, on the same port and with the same id. Does nothing if the node is alive.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Listen`](amop::ErrorKind::Listen) if another program listens on the port by now.
    pub async fn restart(&self) -> Result<()> {
        self.inner.restart(self.index).await
    }

    /// Cuts all sessions of the node without a `close_notify`. Frames queued for them are dropped.
    pub fn cut_sessions(&self) {
        self.inner.shared.with(|net, _| net.end_sessions(self.index, End::Cut));
    }

    /// Cuts all sessions of the node with a TCP reset.
    pub fn reset_sessions(&self) {
        self.inner.shared.with(|net, _| net.end_sessions(self.index, End::Reset));
    }

    /// Cuts the link between this node and another one.
    pub fn cut_link(&self, other: &Node) {
        self.inner.shared.with(|net, now| net.cut_link(self.index, other.index, now));
    }

    /// Restores a link that was cut.
    pub fn restore_link(&self, other: &Node) {
        self.inner.shared.with(|net, _| net.restore_link(self.index, other.index));
    }
}
