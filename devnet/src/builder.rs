//! The builder of a devnet.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use amop::wall_clock::WallClock;
use amop::{Error, ErrorKind, Result, Tls};

use crate::certificates::Certificates;
use crate::chain::{Algorithm, ChainKind};
use crate::devnet::Devnet;
use crate::inner::DevnetInner;
use crate::options::{Choice, DEFAULT_REORDER, Generation, Options, SameNode, TOPIC_SYNC_3X};

/// Configures and starts a [`Devnet`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct DevnetBuilder {
    options: Options,
    host: IpAddr,
    ports: Vec<u16>,
    dir: Option<PathBuf>,
    channel: Channel,
    plain: bool,
    threads: usize,
}

/// What the connections of the nodes are asked to be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channel {
    /// By this kind of TLS.
    Tls(Tls),
    /// With RSA certificates.
    Rsa,
}

impl DevnetBuilder {
    /// Returns the kind of chain that the nodes have.
    fn kind(&self) -> Result<ChainKind> {
        let kind = |algorithm| ChainKind { generation: self.options.generation, algorithm };
        Ok(kind(match (self.options.generation, self.channel) {
            // No certificate is used.
            _ if self.plain => Algorithm::Secp256k1,
            (Generation::V2, Channel::Tls(Tls::Auto | Tls::Ecdhe)) => Algorithm::Secp256k1,
            (Generation::V2, Channel::Rsa | Channel::Tls(Tls::StaticRsa)) => Algorithm::Rsa,
            (Generation::V2, Channel::Tls(Tls::Gm)) => Algorithm::Sm2,
            (Generation::V3, Channel::Rsa | Channel::Tls(Tls::Auto | Tls::Ecdhe)) => Algorithm::Rsa,
            (Generation::V3, Channel::Tls(Tls::Tlcp)) => Algorithm::Sm2,
            (generation, Channel::Tls(tls)) => {
                let usable = match generation {
                    Generation::V2 => "ecdhe, static-rsa, gm or off",
                    Generation::V3 => "ecdhe, tlcp or off",
                };
                let generation = generation.name();
                let text = format!("invalid tls {tls} for a devnet of generation {generation}: use {usable}");
                return Err(Error::undelivered(ErrorKind::InvalidArgument, text));
            }
        }))
    }
}

impl Default for DevnetBuilder {
    fn default() -> DevnetBuilder {
        DevnetBuilder {
            options: Options::default(),
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            ports: vec![0; 2],
            dir: None,
            channel: Channel::Tls(Tls::Auto),
            plain: false,
            threads: 1,
        }
    }
}

impl Devnet {
    /// Returns a builder, by default of two nodes on free ports.
    pub fn builder() -> DevnetBuilder {
        DevnetBuilder::default()
    }
}

impl DevnetBuilder {
    /// Sets the number of nodes. Each listens on a free port. Default: 2.
    pub fn nodes(mut self, count: usize) -> Self {
        self.ports = vec![0; count];
        self
    }

    /// Sets the ports, one for each node. Port 0 is any free port.
    pub fn ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.ports = ports.into_iter().collect();
        self
    }

    /// Sets the address that the nodes listen on. Default: 127.0.0.1.
    pub fn host(mut self, host: IpAddr) -> Self {
        self.host = host;
        self
    }

    /// Sets the folder for the certificates, which has the layout of the official chain script. The folder is created
    /// if it does not exist, and reused if it does. Default: the certificates are kept in memory, see
    /// [`Devnet::credentials`].
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Sets whether the certificates have RSA keys. At 2.x nodes the channel is then an RSA one, the default of chains
    /// since release 2.9.0: certificates of version 1 that the CA issued itself, and static RSA key exchange only. At 3.x
    /// nodes RSA is the default. Default: false, which is secp256k1 at 2.x nodes.
    ///
    /// Creating a key takes a large part of a second; [`DevnetBuilder::dir`] keeps the keys.
    pub fn rsa(mut self, rsa: bool) -> Self {
        self.channel = if rsa { Channel::Rsa } else { Channel::Tls(Tls::Auto) };
        self
    }

    /// Sets whether the channel is a GM one of 2.x, as of chains made with `build_chain.sh -g -G`: SM2 certificates and
    /// the suites ECDHE-SM4-SM3 and ECC-SM4-SM3 over TLS 1.2. Default: false.
    ///
    /// In a folder the SDK has RSA credentials too, as the script makes them. The nodes don't accept them.
    pub fn gm(mut self, gm: bool) -> Self {
        self.channel = Channel::Tls(if gm { Tls::Gm } else { Tls::Auto });
        self
    }

    /// Sets whether the chain is an SM one of 3.x, as of chains made with `build_chain.sh -s`: SM2 certificates and TLCP.
    /// Default: false.
    pub fn sm(mut self, sm: bool) -> Self {
        self.channel = Channel::Tls(if sm { Tls::Tlcp } else { Tls::Auto });
        self
    }

    /// Sets the kind of TLS. With 2.x nodes [`Tls::Auto`] and [`Tls::Ecdhe`] are secp256k1, [`Tls::StaticRsa`] is as
    /// [`DevnetBuilder::rsa`] and [`Tls::Gm`] as [`DevnetBuilder::gm`]. With 3.x nodes [`Tls::Auto`] and [`Tls::Ecdhe`]
    /// are RSA certificates, or those of the folder if it holds a chain with keys on P-256, and [`Tls::Tlcp`] is as
    /// [`DevnetBuilder::sm`]. [`Tls::Off`] is as [`DevnetBuilder::plain`]. [`DevnetBuilder::start`] fails with the kinds of
    /// the other generation.
    pub fn tls(mut self, tls: Tls) -> Self {
        match tls {
            Tls::Off => self.plain = true,
            tls => self.channel = Channel::Tls(tls),
        }
        self
    }

    /// Sets whether the nodes use plain TCP instead of TLS, so that the frames can be inspected. No folder is then used.
    /// Real 2.x nodes always use TLS; real 3.x nodes can be set up without it (`disable_ssl`). Default: false.
    pub fn plain(mut self, plain: bool) -> Self {
        self.plain = plain;
        self
    }

    /// Sets the generation of the nodes: 2.x, or 3.x with WebSocket. Default: 2.x.
    ///
    /// Options that imitate 2.x nodes (`same_node`, `choice`, `node_limit`, `bandwidth`, `verify_interval`, `idle_limit`
    /// after the upgrade) have no effect on nodes of 3.x.
    pub fn generation(mut self, generation: Generation) -> Self {
        self.options.generation = generation;
        self
    }

    /// Sets how long a node waits for the reply of one session. Then a node of 2.x tries the next one; a node of 3.x
    /// answers with an error, or delivers the message once more if publisher and subscriber are both its own. Default: 5 s;
    /// for 3.x 30 s.
    pub fn push_limit(mut self, limit: Duration) -> Self {
        self.options.set_push_limit(limit);
        self
    }

    /// Sets how long a publisher's node waits for another node before it tries the next one. Default: 30 s.
    pub fn node_limit(mut self, limit: Duration) -> Self {
        self.options.node_limit = limit;
        self
    }

    /// Sets the interval at which nodes exchange their topic lists. Real nodes use 5 s. Default: 0, which exchanges
    /// them at each change.
    pub fn topic_sync(mut self, interval: Duration) -> Self {
        self.options.topic_sync = interval;
        self
    }

    /// Sets the interval at which publishers of a private topic are asked to verify it. Default: 5 s.
    pub fn verify_interval(mut self, interval: Duration) -> Self {
        self.options.verify_interval = interval;
        self
    }

    /// Sets how long a node takes to notice that it has lost the link to another node. Real nodes take up to 5 s.
    /// Default: 0.
    pub fn link_loss(mut self, delay: Duration) -> Self {
        self.options.link_loss = delay;
        self
    }

    /// Sets how long a link between nodes stays broken after a frame that is too long for it. Default: 2 s.
    pub fn link_rejoin(mut self, delay: Duration) -> Self {
        self.options.link_rejoin = delay;
        self
    }

    /// Sets the time after which a session is closed if no byte was sent in either direction. Default: 60 s.
    pub fn idle_limit(mut self, limit: Duration) -> Self {
        self.options.idle_limit = limit;
        self
    }

    /// Sets the time limit for the TLS handshake of a new connection, or for its first byte if TLS is off. Real nodes
    /// have no such limit. Default: 60 s.
    pub fn first_byte_limit(mut self, limit: Duration) -> Self {
        self.options.first_byte_limit = limit;
        self
    }

    /// Sets how long a session that is closed may take to write its queued frames, and again to send the TLS
    /// `close_notify`. Default: 1 s.
    pub fn close_limit(mut self, limit: Duration) -> Self {
        self.options.close_limit = limit;
        self
    }

    /// Sets the maximum length of a frame, header included. A longer frame closes its connection. Default: 100 MiB.
    pub fn max_frame_len(mut self, bytes: usize) -> Self {
        self.options.max_frame_len = bytes;
        self
    }

    /// Sets the maximum number of bytes queued for a client that does not read. Beyond it the session is cut. An empty
    /// queue accepts one frame of any length. Real nodes have no such limit. Default: 256 MiB.
    pub fn max_queued_bytes(mut self, bytes: usize) -> Self {
        self.options.max_queued_bytes = bytes;
        self
    }

    /// Sets the maximum number of bytes in unanswered unicasts of one session. Beyond it unicasts are answered with
    /// code 103. Real nodes have no such limit. Default: 256 MiB.
    pub fn max_in_flight_bytes(mut self, bytes: usize) -> Self {
        self.options.max_in_flight_bytes = bytes;
        self
    }

    /// Sets the number of bytes that each node accepts from publishers per second. Beyond it messages are answered with
    /// code 103. Default: no limit.
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.options.bandwidth = Some(bytes_per_second);
        self
    }

    /// Sets what a node does with messages for subscribers that are connected to the publisher's node. Default:
    /// [`SameNode::Deliver`].
    pub fn same_node(mut self, same_node: SameNode) -> Self {
        self.options.same_node = same_node;
        self
    }

    /// Sets how often the choice of a subscriber changes. Default: [`Choice::EachMessage`], with [`SameNode::Drop`]
    /// [`Choice::EachSecond`].
    pub fn choice(mut self, choice: Choice) -> Self {
        self.options.choice = Some(choice);
        self
    }

    /// Sets the wall clock by which the nodes choose with [`Choice::EachSecond`]. Default: the system's.
    pub fn wall_clock(mut self, clock: WallClock) -> Self {
        self.options.wall_clock = clock;
        self
    }

    /// Sets by how many milliseconds the clock of one node is ahead of the wall clock, see
    /// [`Node::set_clock_offset`](crate::Node::set_clock_offset). Default: 0.
    pub fn clock_offset(mut self, node: usize, milliseconds: i64) -> Self {
        self.options.clock_offsets.insert(node, milliseconds);
        self
    }

    /// Sets the maximum delay of reordered frames. About one frame in 28 is overtaken by frames that the node reads after
    /// it, as in the thread pools of real nodes. If the node reads nothing for 2 ms, the frame continues. Default: 0, which
    /// keeps frames in order.
    pub fn reorder(mut self, most: Duration) -> Self {
        self.options.reorder = (!most.is_zero()).then_some(most);
        self
    }

    /// Sets whether the nodes send with Nagle's algorithm, each frame by itself, as real nodes do: the second of two
    /// frames then waits until the client has acknowledged the first. Default: false.
    pub fn nagle(mut self, nagle: bool) -> Self {
        self.options.nagle = nagle;
        self
    }

    /// Sets whether the nodes issue TLS sessions and close, without an alert, every connection that offers to resume
    /// one, as real nodes do. Default: false, which issues no sessions and ignores offers.
    pub fn refuse_resumption(mut self, refuse: bool) -> Self {
        self.options.refuse_resumption = refuse;
        self
    }

    /// Sets whether the nodes refuse clients with certificates of another agency of the chain, as real nodes do unless
    /// their `check_cert_issuer` is off. Default: true.
    pub fn own_agency_only(mut self, only: bool) -> Self {
        self.options.own_agency_only = only;
        self
    }

    /// Imitates the observed behaviour of 2.11.2 nodes: [`SameNode::Drop`], [`Choice::EachSecond`], topic lists every
    /// 5 s, link loss noticed after 5 s, frames reordered by up to 250 ms, Nagle's algorithm, and refused resumption of
    /// TLS sessions.
    pub fn like_2_11(mut self) -> Self {
        self.options.same_node = SameNode::Drop;
        self.options.choice = Some(Choice::EachSecond);
        self.options.topic_sync = Duration::from_secs(5);
        self.options.link_loss = Duration::from_secs(5);
        self.options.reorder = Some(DEFAULT_REORDER);
        self.options.nagle = true;
        self.options.refuse_resumption = true;
        self
    }

    /// Imitates the observed behaviour of 3.16 nodes: topic lists every 2 s, and of the messages that arrive together the
    /// last is processed first, as by a pool of threads. Nodes of 2.x do the former only.
    pub fn like_3_16(mut self) -> Self {
        self.options.topic_sync = TOPIC_SYNC_3X;
        self.options.last_first = true;
        self
    }

    /// Sets the seed of all random choices. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = seed;
        self
    }

    /// Sets the chain id that `getClientVersion` returns. Default: `1`.
    pub fn chain_id(mut self, id: impl Into<String>) -> Self {
        self.options.chain_id = id.into();
        self
    }

    /// Sets the group that all nodes belong to. Default: 1.
    pub fn group(mut self, group: i64) -> Self {
        self.options.group = group;
        self
    }

    /// Starts the nodes on the current runtime.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`] if there are no nodes, the kind of TLS is of the other generation, or a clock
    /// offset is set for a node that does not exist, [`ErrorKind::Listen`] if another program listens on a port, and the
    /// errors of [`ChainFolder::open_or_mint`](crate::chain::ChainFolder::open_or_mint).
    pub async fn start(self) -> Result<Devnet> {
        if self.ports.is_empty() {
            return Err(Error::undelivered(ErrorKind::InvalidArgument, "a devnet needs at least one node"));
        }
        let kind = self.kind()?;
        if let Some((node, _)) = self.options.clock_offsets.range(self.ports.len()..).next() {
            let text =
                format!("a clock offset is set for node {node}: the last node is {}", self.ports.len() - 1);
            return Err(Error::undelivered(ErrorKind::InvalidArgument, text));
        }
        let addresses = self.ports.iter().map(|port| SocketAddr::new(self.host, *port)).collect();
        let folder = self.dir.as_deref().filter(|_| !self.plain);
        let certificates = Certificates::new(folder, self.ports.len(), kind)?;
        let inner = DevnetInner::start(self.options, addresses, certificates, self.plain).await?;
        Ok(Devnet::new(inner))
    }

    /// Sets the number of threads that [`DevnetBuilder::start_blocking`] starts. Default: 1, which is the fastest,
    /// because a frame then passes between sessions without waking another thread.
    pub fn threads(mut self, count: usize) -> Self {
        self.threads = count;
        self
    }

    /// Starts the nodes on threads of their own, from outside any runtime.
    ///
    /// # Errors
    /// Returns the errors of [`DevnetBuilder::start`], [`ErrorKind::InvalidArgument`] if the number of threads is 0,
    /// and [`ErrorKind::Runtime`] if the threads could not be started.
    ///
    /// # Panics
    /// Panics if it is called on a thread that runs asynchronous code.
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
