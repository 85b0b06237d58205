//! The settings of a client, and their defaults.

use std::sync::Arc;
use std::time::Duration;

use super::configured_topics::ConfiguredTopics;
use crate::error::{Error, ErrorKind, Result};
use crate::text::span;
use crate::transport::{CredentialSource, Generations, Resolve, SystemResolver, Tls};
use crate::wall_clock::WallClock;

/// When the client sends a message again automatically after a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retry {
    /// Never. The message is sent at once, even through a node that will probably lose it because it has subscribers of
    /// its own (nodes 2.8.0 to 2.11.2).
    Never,
    /// Through another node, if the message was not delivered. The default.
    #[default]
    Definite,
    /// Also if the message may have been delivered. After a tenth of the timeout it is sent through another node with
    /// the same id, which lets subscribers of this library drop the duplicate, or in another second with a new id. At
    /// nodes that may lose it (2.8.0 to 2.11.2) that happens after 50 ms, or four times the usual time of the topic,
    /// and at most twice. The message may be handled more than once.
    AtLeastOnce,
}

impl Retry {
    /// All values, in the order of their declaration.
    pub const ALL: [Retry; 3] = [Retry::Never, Retry::Definite, Retry::AtLeastOnce];

    /// Returns the name that options use: `never`, `definite` or `at_least_once`.
    pub fn name(self) -> &'static str {
        match self {
            Retry::Never => "never",
            Retry::Definite => "definite",
            Retry::AtLeastOnce => "at_least_once",
        }
    }
}

impl std::str::FromStr for Retry {
    type Err = Error;

    /// Returns the choice with this name.
    fn from_str(name: &str) -> Result<Retry> {
        Retry::ALL.into_iter().find(|retry| retry.name() == name).ok_or_else(|| {
            let names = Retry::ALL.map(Retry::name).join(", ");
            let text = format!("invalid retry {name:?}: use one of {names}");
            Error::undelivered(ErrorKind::InvalidArgument, text)
        })
    }
}

/// At how many nodes a subscription or service is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placement {
    /// At all connected nodes. Survives the loss of any node and receives every broadcast. Best where publishers use
    /// other nodes. The default for subscriptions.
    #[default]
    All,
    /// At one node at a time. Moves to another when that node is lost. The default for services, because nodes of
    /// release 2.8.0 to 2.11.2 don't deliver to their own SDKs: publishers that use the same nodes hold a unicast until
    /// a second in which its node chooses another one.
    One,
}

/// Whether making a subscription or service waits until a node has confirmed that it lists the topic.
///
/// If the confirmation fails, the subscription is removed and its handler ends. In each case the topic is listed at
/// every node that connects later. As the limits and the placement, this is a setting of each subscription and service; the
/// client has no default for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Confirm {
    /// While a node is connected. Without one it returns at once, and the subscription becomes active with the first
    /// node; only for a topic that a node may refuse as too long does it wait for that node. The default.
    #[default]
    Auto,
    /// Always, up to the timeout, also for the first node to be connected.
    Always,
    /// Never. Whether a node lists the topic is not reported.
    Never,
}

/// A client's settings; see [`super::ClientBuilder`] for their meaning.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) endpoints: Vec<String>,
    /// From a configuration file.
    pub(crate) private_topics: ConfiguredTopics,
    pub(crate) credentials: CredentialSource,
    pub(crate) generations: Generations,
    pub(crate) tls: Tls,
    pub(crate) expiry_warning: Duration,
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) wall_clock: WallClock,
    pub(crate) connect_timeout: Duration,
    pub(crate) call_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) missed_heartbeats: u32,
    pub(crate) start_offline: bool,
    pub(crate) reconnect_min: Duration,
    pub(crate) reconnect_max: Duration,
    /// By default half a second less than the node waits, whose generation decides that.
    pub(crate) answer_timeout: Option<Duration>,
    pub(crate) group: i64,
    pub(crate) retry: Retry,
    pub(crate) echo: bool,
    pub(crate) max_in_flight: usize,
    pub(crate) max_send_bytes: usize,
    pub(crate) max_held_bytes: usize,
    pub(crate) max_events: usize,
    pub(crate) dispatcher_threads: usize,
    pub(crate) duplicate_window: Duration,
    pub(crate) max_duplicates: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            endpoints: Vec::new(),
            private_topics: ConfiguredTopics::default(),
            credentials: CredentialSource::Discover,
            generations: Generations::Auto,
            tls: Tls::Auto,
            expiry_warning: Duration::from_secs(14 * 24 * 3600),
            resolver: Arc::new(SystemResolver),
            wall_clock: WallClock::default(),
            connect_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            heartbeat: Duration::from_secs(10),
            missed_heartbeats: 2,
            start_offline: false,
            reconnect_min: Duration::from_millis(100),
            reconnect_max: Duration::from_secs(10),
            answer_timeout: None,
            group: 1,
            retry: Retry::Definite,
            echo: false,
            max_in_flight: 65_536,
            max_send_bytes: 256 << 20,
            max_held_bytes: 512 << 20,
            max_events: 1024,
            dispatcher_threads: 256,
            duplicate_window: Duration::from_secs(60),
            max_duplicates: 65_536,
        }
    }
}

impl Options {
    /// Checks what the types don't.
    ///
    /// # Errors
    /// Returns the name of an option and why its value can't be used.
    pub(crate) fn check(&self) -> std::result::Result<(), (&'static str, Error)> {
        let wrong =
            |name, what: &str| Err((name, Error::undelivered(ErrorKind::InvalidArgument, what.to_owned())));
        if self.endpoints.is_empty() {
            return wrong("endpoints", "no endpoint was given: name a node, such as 127.0.0.1:20200");
        }
        let times = [
            ("connect_timeout", self.connect_timeout),
            ("call_timeout", self.call_timeout),
            ("close_timeout", self.close_timeout),
            ("heartbeat", self.heartbeat),
            ("reconnect_min", self.reconnect_min),
            ("reconnect_max", self.reconnect_max),
            ("answer_timeout", self.answer_timeout.unwrap_or(MAX_TIME)),
            ("duplicate_window", self.duplicate_window),
        ];
        for (name, time) in times {
            if time.is_zero() || time > MAX_TIME {
                let what =
                    format!("{name} is {}: it has to be above 0 and at most {}", span(time), span(MAX_TIME));
                return wrong(name, &what);
            }
        }
        if !self.private_topics.is_empty() && self.generations == Generations::V3 {
            let text = "the configuration has private topics, which only nodes of generation 2.x have";
            return Err((PRIVATE_TOPICS, Error::undelivered(ErrorKind::Unsupported, text)));
        }
        if self.expiry_warning.is_zero() {
            return wrong("expiry_warning", "expiry_warning is 0: it has to be above 0");
        }
        let bounds = [
            ("max_in_flight", self.max_in_flight),
            ("max_send_bytes", self.max_send_bytes),
            ("max_held_bytes", self.max_held_bytes),
            ("max_events", self.max_events),
            ("max_duplicates", self.max_duplicates),
            ("missed_heartbeats", self.missed_heartbeats as usize),
            ("dispatcher_threads", self.dispatcher_threads),
        ];
        for (name, bound) in bounds {
            if bound == 0 {
                return wrong(name, &format!("{name} is 0: it has to be at least 1"));
            }
        }
        if self.reconnect_min > self.reconnect_max {
            return wrong("reconnect_min", "reconnect_min is longer than reconnect_max: exchange them");
        }
        Ok(())
    }
}

/// The name of the private topics in a configuration file.
pub(crate) const PRIVATE_TOPICS: &str = "private_topic";

/// Nothing is infinite: no time may be longer than ten years, which every clock can still add.
pub(crate) const MAX_TIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
