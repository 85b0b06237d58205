//! The parts of a scenario: nodes, clients and time limits.

use std::sync::Arc;
use std::time::Duration;

use amop::ClientBuilder;
use amop_devnet::{Devnet, DevnetBuilder, Fault, Generation, WallClock};

use crate::oracle::GUARD;
use crate::scenario::Scenario;

/// The topic of a service that replies with the payload.
pub(crate) const ECHO: &str = "echo";
/// A topic with subscribers only: a unicast is answered as soon as it is accepted.
pub(crate) const INBOX: &str = "inbox";
/// The topic of broadcasts.
pub(crate) const NEWS: &str = "news";
/// A topic that one client both serves and subscribes to, see [`Setup::with_mixed_topic`].
pub(crate) const MIXED: &str = "mixed";

/// The topic of hostile peers, which send wrong replies.
pub(crate) const TRAP: &str = "trap";

/// The heartbeat interval of clients.
const HEARTBEAT: Duration = Duration::from_millis(300);

/// Returns nodes whose time limits are at most a fifth of those of real nodes, in the same order.
pub(crate) fn nodes(generation: Generation, count: usize) -> DevnetBuilder {
    Devnet::builder()
        .generation(generation)
        .nodes(count)
        .push_limit(Duration::from_secs(1))
        .node_limit(Duration::from_secs(2))
        // More than a second, because a code 100 that arrives earlier means that nothing was delivered.
        .link_loss(Duration::from_millis(1500))
        .first_byte_limit(GUARD)
}

/// Returns the type of replies on the wire.
pub(crate) fn reply_type(generation: Generation) -> u16 {
    match generation {
        Generation::V2 => 0x31,
        Generation::V3 => 0x113,
    }
}

/// Returns faults that duplicate what the nodes of this generation send, as far as a client can recognise it: copies of a
/// broadcast carry no id on 3.x.
pub(crate) fn duplicates(generation: Generation) -> Vec<Fault> {
    match generation {
        Generation::V2 => vec![Fault::twice()],
        Generation::V3 => [0, 0x100, 0x111, 0x113].map(|kind| Fault::twice().on_type(kind)).to_vec(),
    }
}

/// Returns how long a handler takes for a call on a topic.
pub(crate) type HandlerTime = Arc<dyn Fn(&str, usize) -> Duration + Send + Sync>;

/// The parts of a scenario.
pub(crate) struct Setup {
    pub(crate) generation: Generation,
    pub(crate) nodes: DevnetBuilder,
    pub(crate) publishers: usize,
    pub(crate) subscribers: usize,
    pub(crate) handler_time: HandlerTime,
    pub(crate) mixed: bool,
    /// The seed of hostile peers, if there are any.
    pub(crate) hostile: Option<u64>,
    pub(crate) steady: bool,
    pub(crate) patient: bool,
    call_timeout: Duration,
    wall_clock: WallClock,
    answer_timeout: Duration,
}

impl Setup {
    /// Returns a setup of two publishers, two subscribers and a server, connected to all of these nodes of a generation.
    pub(crate) fn new(generation: Generation, nodes: DevnetBuilder) -> Setup {
        Setup {
            generation,
            nodes,
            publishers: 2,
            subscribers: 2,
            handler_time: Arc::new(|_, _| Duration::ZERO),
            mixed: false,
            hostile: None,
            steady: false,
            patient: false,
            call_timeout: Duration::from_secs(3),
            wall_clock: WallClock::default(),
            answer_timeout: Duration::from_millis(700),
        }
    }

    /// Sets the numbers of publishers and subscribers. There is one server in addition.
    pub(crate) fn clients(mut self, publishers: usize, subscribers: usize) -> Setup {
        (self.publishers, self.subscribers) = (publishers, subscribers);
        self
    }

    /// Sets how long handlers take.
    pub(crate) fn handler_time(
        mut self,
        handler_time: impl Fn(&str, usize) -> Duration + Send + Sync + 'static,
    ) -> Setup {
        self.handler_time = Arc::new(handler_time);
        self
    }

    /// Adds a topic that one client both serves and subscribes to, with its own load.
    pub(crate) fn with_mixed_topic(mut self) -> Setup {
        self.mixed = true;
        self
    }

    /// Adds peers that attack the clients, and calls to them, see [`crate::hostile`].
    pub(crate) fn with_hostile_peers(mut self, seed: u64) -> Setup {
        self.hostile = Some(seed);
        self
    }

    /// Requires that no connection is lost, on a machine of any speed, and that every subscriber receives every
    /// broadcast.
    pub(crate) fn steady(mut self) -> Setup {
        self.steady = true;
        self
    }

    /// Requires the same as [`Setup::steady`], and sets time limits that are not reached on a machine of any speed.
    pub(crate) fn patient(mut self) -> Setup {
        self.nodes = self.nodes.push_limit(GUARD).node_limit(GUARD);
        (self.call_timeout, self.answer_timeout) = (GUARD, GUARD);
        self.patient = true;
        self.steady()
    }

    /// Sets the wall clock of all nodes and clients.
    pub(crate) fn wall_clock(mut self, clock: WallClock) -> Setup {
        self.nodes = self.nodes.wall_clock(clock.clone());
        self.wall_clock = clock;
        self
    }

    /// Returns a client builder with the options of this setup.
    pub(crate) fn client(&self, devnet: &Devnet) -> ClientBuilder {
        let builder = devnet
            .client()
            .wall_clock(self.wall_clock.clone())
            .heartbeat(HEARTBEAT)
            .reconnect_min(Duration::from_millis(5))
            .reconnect_max(Duration::from_millis(100))
            .connect_timeout(Duration::from_secs(5))
            .call_timeout(self.call_timeout)
            .answer_timeout(self.answer_timeout);
        if !self.steady {
            return builder;
        }
        let beats = GUARD.as_millis() / HEARTBEAT.as_millis();
        builder.connect_timeout(GUARD).missed_heartbeats(beats as u32)
    }

    /// Starts the scenario, see [`Scenario::of`].
    pub(crate) async fn start(self) -> Scenario {
        Scenario::of(self).await
    }
}
