//! What a scene is made of: nodes, clients, time limits.

use std::sync::Arc;
use std::time::Duration;

use amop::ClientBuilder;
use amop_devnet::{Devnet, DevnetBuilder};

use crate::oracle::GUARD;
use crate::scene::Scene;

/// Served: the reply is the payload.
pub(crate) const ECHO: &str = "echo";
/// Subscribed: a unicast is answered as soon as it is accepted.
pub(crate) const INBOX: &str = "inbox";
/// Subscribed, and broadcast on.
pub(crate) const NEWS: &str = "news";
/// One client both serves it and subscribes to it; see [`Setup::with_desk`].
pub(crate) const DESK: &str = "desk";

/// Time between heartbeats.
const HEARTBEAT: Duration = Duration::from_millis(300);

/// Times shortened tenfold and more against real nodes, all in the same order.
pub(crate) fn nodes(count: usize) -> DevnetBuilder {
    Devnet::builder()
        .nodes(count)
        .push_limit(Duration::from_secs(1))
        .node_limit(Duration::from_secs(2))
        // Above a second: a 100 that comes sooner says that nothing was delivered.
        .link_loss(Duration::from_millis(1500))
        .first_byte_limit(GUARD)
}

/// How long a handler takes for a call on a topic.
pub(crate) type Thinking = Arc<dyn Fn(&str, usize) -> Duration + Send + Sync>;

/// What a scene is made of.
pub(crate) struct Setup {
    pub(crate) nodes: DevnetBuilder,
    pub(crate) publishers: usize,
    pub(crate) subscribers: usize,
    pub(crate) thinking: Thinking,
    pub(crate) desk: bool,
    pub(crate) steady: bool,
    call_timeout: Duration,
    pub(crate) inbox_timeout: Option<Duration>,
    answer_timeout: Duration,
}

impl Setup {
    /// Two publishers, two subscribers and a server, connected to all of these nodes.
    pub(crate) fn new(nodes: DevnetBuilder) -> Setup {
        Setup {
            nodes,
            publishers: 2,
            subscribers: 2,
            thinking: Arc::new(|_, _| Duration::ZERO),
            desk: false,
            steady: false,
            call_timeout: Duration::from_secs(3),
            inbox_timeout: None,
            answer_timeout: Duration::from_millis(700),
        }
    }

    /// Other numbers of clients; the server comes on top.
    pub(crate) fn clients(mut self, publishers: usize, subscribers: usize) -> Setup {
        (self.publishers, self.subscribers) = (publishers, subscribers);
        self
    }

    /// Handlers that take their time.
    pub(crate) fn thinking(
        mut self,
        thinking: impl Fn(&str, usize) -> Duration + Send + Sync + 'static,
    ) -> Setup {
        self.thinking = Arc::new(thinking);
        self
    }

    /// A further topic, with load of its own: one client serves it and subscribes to it too.
    pub(crate) fn with_desk(mut self) -> Setup {
        self.desk = true;
        self
    }

    /// No connection is to break, be the machine as slow as it likes: that none did, and that everybody heard every
    /// broadcast, is asked at the end.
    pub(crate) fn steady(mut self) -> Setup {
        self.steady = true;
        self
    }

    /// As steady, and no time limit is to be reached either, on any side.
    pub(crate) fn patient(mut self) -> Setup {
        self.nodes = self.nodes.push_limit(GUARD).node_limit(GUARD);
        (self.call_timeout, self.answer_timeout) = (GUARD, GUARD);
        self.steady()
    }

    /// Another deadline for what is published to the subscribers.
    pub(crate) fn inbox_timeout(mut self, timeout: Duration) -> Setup {
        self.inbox_timeout = Some(timeout);
        self
    }

    /// A client to be of this setup.
    pub(crate) fn client(&self, devnet: &Devnet) -> ClientBuilder {
        let builder = devnet
            .client()
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

    /// Everybody connected everywhere, the load running and some of it done.
    pub(crate) async fn start(self) -> Scene {
        Scene::of(self).await
    }
}
