//! What a devnet is started with.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use amop::{Error, ErrorKind, Result};

use crate::certificates::Certificates;
use crate::chain::Algorithm;
use crate::devnet::Devnet;
use crate::options::{Choice, DEFAULT_REORDER, Options, SameNode};

/// Sets up a [`Devnet`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct DevnetBuilder {
    options: Options,
    host: IpAddr,
    ports: Vec<u16>,
    dir: Option<PathBuf>,
    algorithm: Algorithm,
    plain: bool,
    threads: usize,
}

impl Default for DevnetBuilder {
    fn default() -> DevnetBuilder {
        DevnetBuilder {
            options: Options::default(),
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            ports: vec![0; 2],
            dir: None,
            algorithm: Algorithm::Secp256k1,
            plain: false,
            threads: 1,
        }
    }
}

impl DevnetBuilder {
    /// How many nodes, each on any free port. Default: 2.
    pub fn nodes(mut self, count: usize) -> Self {
        self.ports = vec![0; count];
        self
    }

    /// One node for each port; 0 is any that is free.
    pub fn ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.ports = ports.into_iter().collect();
        self
    }

    /// The address that the nodes listen on. Default: 127.0.0.1.
    pub fn host(mut self, host: IpAddr) -> Self {
        self.host = host;
        self
    }

    /// Keeps the certificates in a folder laid out as the official chain script does, made when it isn't there,
    /// reused when it is. Default: they are made in memory, see [`Devnet::credentials`].
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// RSA certificates of version 1, as chains since 2.9.0 have by default, instead of secp256k1 ones. Default: false.
    ///
    /// The nodes then do ECDHE (X25519, P-256, secp256k1) only, where real nodes of such chains do static RSA key
    /// exchange only: this tries a client's handling of certificates, not whether it reaches a real node. Keys
    /// take a good part of a second each to make; [`DevnetBuilder::dir`] keeps them.
    pub fn rsa(mut self, rsa: bool) -> Self {
        self.algorithm = if rsa { Algorithm::Rsa } else { Algorithm::Secp256k1 };
        self
    }

    /// Plain TCP instead of TLS, so that one can look at the bytes; no real 2.x node does that.
    pub fn plain(mut self, plain: bool) -> Self {
        self.plain = plain;
        self
    }

    /// How long a node waits for one of its sessions before it tries the next. Default: 5 s.
    pub fn push_limit(mut self, limit: Duration) -> Self {
        self.options.push_limit = limit;
        self
    }

    /// How long a publisher's node waits for another node before it tries the next. Default: 30 s.
    pub fn node_limit(mut self, limit: Duration) -> Self {
        self.options.node_limit = limit;
        self
    }

    /// How often nodes tell each other their topics; 0, the default: as soon as they change. Real nodes: 5 s.
    pub fn topic_sync(mut self, interval: Duration) -> Self {
        self.options.topic_sync = interval;
        self
    }

    /// How often publishers of a private topic are asked until they give a verdict. Default: 5 s.
    pub fn verify_interval(mut self, interval: Duration) -> Self {
        self.options.verify_interval = interval;
        self
    }

    /// How long a node takes to notice that it has lost another; 0, the default: at once. Real nodes: up to 5 s.
    pub fn link_loss(mut self, delay: Duration) -> Self {
        self.options.link_loss = delay;
        self
    }

    /// How long a link between nodes stays broken by a frame that is too long for it. Default: 2 s.
    pub fn link_rejoin(mut self, delay: Duration) -> Self {
        self.options.link_rejoin = delay;
        self
    }

    /// A session without a byte in either direction is closed after this. Default: 60 s.
    pub fn idle_limit(mut self, limit: Duration) -> Self {
        self.options.idle_limit = limit;
        self
    }

    /// How long a connection may take until its TLS handshake is done (plain: until its first byte).
    /// Default: 10 s; real nodes have no such limit.
    pub fn first_byte_limit(mut self, limit: Duration) -> Self {
        self.options.first_byte_limit = limit;
        self
    }

    /// How long a session that ends has for what is queued, and again for the goodbye of TLS. Default: 1 s.
    pub fn close_limit(mut self, limit: Duration) -> Self {
        self.options.close_limit = limit;
        self
    }

    /// The longest frame that is read, header included; a longer one closes the connection. Default: 100 MiB.
    pub fn max_frame_len(mut self, bytes: usize) -> Self {
        self.options.max_frame_len = bytes;
        self
    }

    /// How much may wait for a client that doesn't read before its session is cut; one frame always fits.
    /// Default: 256 MiB. Real nodes have no such bound.
    pub fn max_queued_bytes(mut self, bytes: usize) -> Self {
        self.options.max_queued_bytes = bytes;
        self
    }

    /// How much one session may have in unanswered unicasts; more is answered 103. Default: 256 MiB. Real nodes
    /// have no such bound.
    pub fn max_in_flight_bytes(mut self, bytes: usize) -> Self {
        self.options.max_in_flight_bytes = bytes;
        self
    }

    /// The bytes of AMOP a second that each node takes from publishers; more is answered 103. Default: no limit.
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.options.bandwidth = Some(bytes_per_second);
        self
    }

    /// What becomes of messages for subscribers of the publisher's own node. Default: delivered.
    pub fn same_node(mut self, same_node: SameNode) -> Self {
        self.options.same_node = same_node;
        self
    }

    /// How often the random choice of subscriber changes. Default: with each message.
    pub fn choice(mut self, choice: Choice) -> Self {
        self.options.choice = choice;
        self
    }

    /// Lets about one frame in 28 fall behind the others, by up to `most`, as the nodes' thread pools do.
    /// Default: frames keep their order.
    pub fn reorder(mut self, most: Duration) -> Self {
        self.options.reorder = (!most.is_zero()).then_some(most);
        self
    }

    /// Hands out TLS sessions, and drops without an alert whoever offers one to resume, as real nodes do.
    /// Default: none are handed out, offers are ignored.
    pub fn refuse_resumption(mut self, refuse: bool) -> Self {
        self.options.refuse_resumption = refuse;
        self
    }

    /// Refuses clients whose certificates another agency of the chain has issued, as real nodes do unless their
    /// `check_cert_issuer` is off. Default: true.
    pub fn own_agency_only(mut self, only: bool) -> Self {
        self.options.own_agency_only = only;
        self
    }

    /// Whatever running 2.11.2 nodes were seen to do: [`SameNode::Drop`], [`Choice::EachSecond`], topics every
    /// 5 s, link loss noticed after 5 s, frames overtaking each other by up to 250 ms, no resumption.
    pub fn like_2_11(mut self) -> Self {
        self.options.same_node = SameNode::Drop;
        self.options.choice = Choice::EachSecond;
        self.options.topic_sync = Duration::from_secs(5);
        self.options.link_loss = Duration::from_secs(5);
        self.options.reorder = Some(DEFAULT_REORDER);
        self.options.refuse_resumption = true;
        self
    }

    /// Makes what is random the same each time. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = seed;
        self
    }

    /// The chain's id, as `getClientVersion` answers it. Default: `1`.
    pub fn chain_id(mut self, id: impl Into<String>) -> Self {
        self.options.chain_id = id.into();
        self
    }

    /// The one group that the nodes are in. Default: 1.
    pub fn group(mut self, group: i64) -> Self {
        self.options.group = group;
        self
    }

    /// Starts the nodes on the runtime that this is called in.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] without any node, [`ErrorKind::Listen`] when a port is taken, and those of
    /// [`ChainFolder::open_or_mint`](crate::chain::ChainFolder::open_or_mint).
    pub async fn start(self) -> Result<Devnet> {
        if self.ports.is_empty() {
            return Err(Error::undelivered(ErrorKind::InvalidArgument, "a devnet needs at least one node"));
        }
        let addresses = self.ports.iter().map(|port| SocketAddr::new(self.host, *port)).collect();
        let certificates = Certificates::new(self.dir.as_deref(), self.ports.len(), self.algorithm)?;
        Devnet::start(self.options, addresses, certificates, self.plain).await
    }

    /// The threads of a devnet that brings its own, see [`DevnetBuilder::start_blocking`]. Default: 1, which is
    /// quickest: a frame then passes from session to session without waking another thread.
    pub fn threads(mut self, count: usize) -> Self {
        self.threads = count;
        self
    }

    /// Starts the nodes on threads of their own, from outside any runtime.
    ///
    /// # Errors
    /// As [`DevnetBuilder::start`]; [`ErrorKind::InvalidArgument`] without any thread, and [`ErrorKind::Runtime`] when the threads can't be started.
    ///
    /// # Panics
    /// When called on a thread that runs asynchronous code.
    pub fn start_blocking(self) -> Result<Devnet> {
        if self.threads == 0 {
            return Err(Error::undelivered(ErrorKind::InvalidArgument, "a devnet needs at least one thread"));
        }
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = amop::threads::runtime(builder.enable_all(), self.threads, "amop-devnet")?;
        let devnet = runtime.block_on(self.start())?;
        Ok(devnet.with_runtime(runtime))
    }
}
