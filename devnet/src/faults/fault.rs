//! One fault: what happens, to which frames, how often.

use std::time::Duration;

use amop::protocol::channel::MessageType;

use crate::{Node, Session};

/// Something that goes wrong with frames between nodes and clients.
///
/// Without further words it happens to every frame that any node sends to any client. Narrow it by node, session,
/// topic and type, and say how often:
///
/// ```
/// # fn example(devnet: &amop_devnet::Devnet) {
/// use amop_devnet::Fault;
/// // The first reply on this topic that node 0 sends is lost.
/// devnet.inject(Fault::lose().at(&devnet.node(0)).on_topic("hello").on_type(0x31).times(1));
/// // One frame in ten from any client comes twice.
/// devnet.inject(Fault::twice().from_clients().chance(0.1));
/// # }
/// ```
///
/// In words, for [`Devnet::control`](crate::Devnet::control): first what happens, `lose`, `delay=SECONDS`, `twice`,
/// `other-seq`, `other-type=TYPE`, `garbage`, `cut`, `close`, `reset` or `stall`; then what narrows it, `from-clients`,
/// `node=0`, `session=0`, `type=0x31`, `after=1`, `times=1`, `chance=0.5`, and at the end `topic=`, which takes the rest
/// of the line.
#[derive(Clone, Debug)]
#[must_use = "a fault does nothing until it is injected"]
pub struct Fault {
    pub(crate) action: Action,
    pub(crate) direction: Direction,
    pub(crate) node: Option<usize>,
    pub(crate) session: Option<u64>,
    pub(crate) topic: Option<Vec<u8>>,
    pub(crate) kind: Option<MessageType>,
    pub(crate) after: u64,
    pub(crate) times: u64,
    pub(crate) chance: f64,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Lose,
    Delay(Duration),
    Twice,
    OtherSeq,
    OtherType(MessageType),
    Garbage,
    CutInMidFrame,
    Close,
    Reset,
    Stall,
}

/// Which way a frame goes.
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

    /// The frame is lost.
    pub fn lose() -> Fault {
        Fault::new(Action::Lose)
    }

    /// The frame comes later; those behind it pass.
    pub fn delay(by: Duration) -> Fault {
        Fault::new(Action::Delay(by))
    }

    /// The frame comes twice.
    pub fn twice() -> Fault {
        Fault::new(Action::Twice)
    }

    /// The frame comes with a seq that nobody has used.
    pub fn other_seq() -> Fault {
        Fault::new(Action::OtherSeq)
    }

    /// The frame comes with another type.
    pub fn other_type(kind: u16) -> Fault {
        Fault::new(Action::OtherType(MessageType::from_wire(kind)))
    }

    /// Random bytes come in place of the frame, as many as it had. From a client: in place of its body.
    pub fn garbage() -> Fault {
        Fault::new(Action::Garbage)
    }

    /// The connection ends without a goodbye in the middle of the frame. From a client: before the frame is
    /// looked at.
    pub fn cut_in_mid_frame() -> Fault {
        Fault::new(Action::CutInMidFrame)
    }

    /// The connection is closed in place of the frame, as TLS wants it.
    pub fn close() -> Fault {
        Fault::new(Action::Close)
    }

    /// The connection is reset in place of the frame.
    pub fn reset() -> Fault {
        Fault::new(Action::Reset)
    }

    /// The session stalls: it is neither read nor written from this frame on, until it is resumed.
    pub fn stall() -> Fault {
        Fault::new(Action::Stall)
    }

    /// Only at this node.
    pub fn at(mut self, node: &Node) -> Fault {
        self.node = Some(node.index());
        self
    }

    /// Only on this session.
    pub fn on_session(mut self, session: &Session) -> Fault {
        self.session = Some(session.id());
        self
    }

    /// Only frames that carry this topic. An empty reply, and a node's codes 100 and 103, carry none.
    pub fn on_topic(mut self, topic: impl AsRef<str>) -> Fault {
        self.topic = Some(topic.as_ref().into());
        self
    }

    /// Only frames of this type: 0x30 unicast, 0x31 reply, 0x35 multicast ...
    pub fn on_type(mut self, kind: u16) -> Fault {
        self.kind = Some(MessageType::from_wire(kind));
        self
    }

    /// Frames that clients send, instead of those that nodes send.
    pub fn from_clients(mut self) -> Fault {
        self.direction = Direction::FromClients;
        self
    }

    /// Spares the first `count` frames that it would happen to.
    pub fn after(mut self, count: u64) -> Fault {
        self.after = count;
        self
    }

    /// Happens this often, then no more. Default: for ever.
    pub fn times(mut self, count: u64) -> Fault {
        self.times = count;
        self
    }

    /// Happens to a frame with this probability, 0 to 1. The devnet's seed makes it the same each time for the
    /// same frames in the same order. Default: 1.
    pub fn chance(mut self, probability: f64) -> Fault {
        self.chance = probability;
        self
    }
}
