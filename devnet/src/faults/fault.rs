//! The description of a fault: what happens, to which frames and how often.

use std::time::Duration;

/// A fault of frames between nodes and clients.
///
/// By default it applies to every frame that any node sends to any client. The other methods restrict it to a node,
/// session, topic or frame type, and to a number of frames:
///
/// ```
/// # fn example(devnet: &amop_devnet::Devnet) {
/// use amop_devnet::Fault;
/// // The first reply on this topic that node 0 sends is lost.
/// devnet.inject(Fault::lose().at(&devnet.node(0)).on_topic("hello").on_type(0x31).times(1));
/// // One frame in ten from any client arrives twice.
/// devnet.inject(Fault::twice().from_clients().chance(0.1));
/// # }
/// ```
///
/// [`Devnet::control`](crate::Devnet::control) takes a fault as text. The first word is what happens: `lose`,
/// `delay=SECONDS`, `twice`, `other-seq`, `other-type=TYPE`, `garbage`, `cut`, `close`, `reset` or `stall`.
/// Restrictions follow: `from-clients`, `node=0`, `session=0`, `type=0x31`, `after=1`, `times=1`, `chance=0.5`. A
/// `topic=` comes last, because it takes the rest of the line.
#[derive(Clone, Debug)]
#[must_use = "a fault does nothing until it is injected"]
pub struct Fault {
    pub(crate) action: Action,
    pub(crate) direction: Direction,
    pub(crate) node: Option<usize>,
    pub(crate) session: Option<u64>,
    pub(crate) topic: Option<Vec<u8>>,
    /// The frame type, as on the wire.
    pub(crate) kind: Option<u16>,
    pub(crate) after: u64,
    pub(crate) times: u64,
    pub(crate) chance: f64,
}

/// What happens to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Lose,
    Delay(Duration),
    Twice,
    OtherSeq,
    /// The other type, as on the wire.
    OtherType(u16),
    Garbage,
    CutInMidFrame,
    Close,
    Reset,
    Stall,
}

/// The direction of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToClients,
    FromClients,
}

impl Fault {
    pub(crate) fn new(action: Action) -> Fault {
        Fault {
            action,
            direction: Direction::ToClients,
            node: None,
            session: None,
            topic: None,
            kind: None,
            after: 0,
            times: u64::MAX,
            chance: 1.0,
        }
    }

    /// Creates a fault that drops the frame.
    pub fn lose() -> Fault {
        Fault::new(Action::Lose)
    }

    /// Creates a fault that delays the frame. Later frames overtake it.
    pub fn delay(by: Duration) -> Fault {
        Fault::new(Action::Delay(by))
    }

    /// Creates a fault that duplicates the frame.
    pub fn twice() -> Fault {
        Fault::new(Action::Twice)
    }

    /// Creates a fault that replaces the frame's seq by an unused one.
    pub fn other_seq() -> Fault {
        Fault::new(Action::OtherSeq)
    }

    /// Creates a fault that replaces the frame's type.
    pub fn other_type(kind: u16) -> Fault {
        Fault::new(Action::OtherType(kind))
    }

    /// Creates a fault that replaces the whole frame by random bytes of the same length, or only its body if a
    /// client sends it.
    pub fn garbage() -> Fault {
        Fault::new(Action::Garbage)
    }

    /// Creates a fault that cuts the connection in the middle of the frame, without a `close_notify`. A frame from a
    /// client is not processed.
    pub fn cut_in_mid_frame() -> Fault {
        Fault::new(Action::CutInMidFrame)
    }

    /// Creates a fault that closes the connection with a `close_notify` instead of passing the frame on.
    pub fn close() -> Fault {
        Fault::new(Action::Close)
    }

    /// Creates a fault that resets the TCP connection instead of passing the frame on.
    pub fn reset() -> Fault {
        Fault::new(Action::Reset)
    }

    /// Creates a fault that stalls the session after this frame: the node neither reads nor writes it until
    /// [`Session::resume`](crate::Session::resume).
    pub fn stall() -> Fault {
        Fault::new(Action::Stall)
    }

    /// Restricts the fault to frames that carry this topic. Empty replies and the nodes' codes 100 and 103 carry none.
    pub fn on_topic(mut self, topic: impl AsRef<str>) -> Fault {
        self.topic = Some(topic.as_ref().into());
        self
    }

    /// Restricts the fault to frames of this type: 0x30 is a unicast, 0x31 a reply, 0x35 a multicast.
    pub fn on_type(mut self, kind: u16) -> Fault {
        self.kind = Some(kind);
        self
    }

    /// Applies the fault to frames that clients send, instead of frames that nodes send.
    pub fn from_clients(mut self) -> Fault {
        self.direction = Direction::FromClients;
        self
    }

    /// Skips the first `count` frames that the fault would apply to. Default: 0.
    pub fn after(mut self, count: u64) -> Fault {
        self.after = count;
        self
    }

    /// Limits how often the fault happens. Default: no limit.
    pub fn times(mut self, count: u64) -> Fault {
        self.times = count;
        self
    }

    /// Sets the probability of the fault for each frame, from 0 to 1. The choice depends only on the devnet's seed
    /// and the order of frames. Default: 1.
    pub fn chance(mut self, probability: f64) -> Fault {
        self.chance = probability;
        self
    }
}
