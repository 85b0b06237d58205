//! The injected faults, and the choice of the one that applies to a frame.

use amop::protocol::channel::MessageType;
use amop::protocol::channel::amop::split;
use fastrand::Rng;

use super::{Action, Direction, Fault};

/// Identifies an injected fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FaultId(u64);

impl FaultId {
    pub(crate) fn from_number(number: u64) -> FaultId {
        FaultId(number)
    }

    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

/// What faults can depend on in a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) direction: Direction,
    pub(crate) node: usize,
    pub(crate) session: u64,
    /// The frame type, as on the wire.
    pub(crate) kind: u16,
    /// The topic that the frame carries, if any.
    pub(crate) topic: Option<&'a [u8]>,
}

/// All injected faults. The first one that matches a frame applies to it.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    rules: Vec<Rule>,
    injected: u64,
    seed: u64,
}

#[derive(Debug)]
struct Rule {
    id: FaultId,
    fault: Fault,
    /// The number of frames that matched, including skipped ones.
    matched: u64,
    hits: u64,
    /// Each rule has its own generator, so that other rules do not influence it.
    rng: Rng,
}

impl Rules {
    pub(crate) fn new(seed: u64) -> Rules {
        Rules { seed, ..Rules::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(crate) fn inject(&mut self, fault: Fault) -> FaultId {
        self.injected += 1;
        let id = FaultId(self.injected);
        let rng = Rng::with_seed(self.seed.wrapping_add(self.injected));
        self.rules.push(Rule { id, fault, matched: 0, hits: 0, rng });
        id
    }

    pub(crate) fn remove(&mut self, id: FaultId) {
        self.rules.retain(|rule| rule.id != id);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn hits(&self, id: FaultId) -> Option<u64> {
        self.rules.iter().find(|rule| rule.id == id).map(|rule| rule.hits)
    }

    /// Returns what happens to a frame, with the generator for it.
    pub(crate) fn judge(&mut self, seen: Seen<'_>) -> Option<(Action, &mut Rng)> {
        let rule = self.rules.iter_mut().find_map(|rule| rule.applies_to(seen).then_some(rule))?;
        Some((rule.fault.action, &mut rule.rng))
    }
}

impl Rule {
    fn applies_to(&mut self, seen: Seen<'_>) -> bool {
        if self.hits >= self.fault.times || !self.matches(seen) {
            return false;
        }
        if self.fault.chance < 1.0 && self.rng.f64() >= self.fault.chance {
            return false;
        }
        self.matched += 1;
        if self.matched <= self.fault.after {
            return false;
        }
        self.hits += 1;
        true
    }

    fn matches(&self, seen: Seen<'_>) -> bool {
        let fault = &self.fault;
        fault.direction == seen.direction
            && fault.node.is_none_or(|node| node == seen.node)
            && fault.session.is_none_or(|session| session == seen.session)
            && fault.kind.is_none_or(|kind| kind == seen.kind)
            && fault.topic.as_ref().is_none_or(|topic| seen.topic == Some(topic.as_slice()))
    }
}

/// Returns the topic that a frame of 2.x contains.
pub(super) fn topic_of(kind: MessageType, body: &[u8]) -> Option<&[u8]> {
    match kind {
        MessageType::Request | MessageType::Response | MessageType::Broadcast | MessageType::BlockNotify => {
            split(body).ok().map(|(topic, _)| topic)
        }
        MessageType::Rpc
        | MessageType::Heartbeat
        | MessageType::Handshake
        | MessageType::RegisterEvent
        | MessageType::TopicList
        | MessageType::RequestVerify
        | MessageType::UpdateTopicStatus
        | MessageType::TransactionNotify
        | MessageType::EventNotify
        | MessageType::Other(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(body: &[u8]) -> Seen<'_> {
        let topic = topic_of(MessageType::Request, body);
        Seen { direction: Direction::ToClients, node: 1, session: 7, kind: 0x30, topic }
    }

    #[test]
    fn fault_honours_after_times_and_topic() {
        let mut rules = Rules::new(0);
        let id = rules.inject(Fault::lose().on_topic("t").after(1).times(2));
        let mut happened = Vec::new();
        for body in [&b"\x02t1"[..], b"\x02x2", b"\x02t3", b"\x02t4", b"\x02t5"] {
            happened.push(rules.judge(seen(body)).is_some());
        }
        assert_eq!(happened, [false, false, true, true, false]);
        assert_eq!(rules.hits(id), Some(2));
        rules.remove(id);
        assert!(rules.is_empty());
    }

    #[test]
    fn chance_depends_on_the_seed_only() {
        let draw = |seed| {
            let mut rules = Rules::new(seed);
            rules.inject(Fault::lose().chance(0.5));
            (0..64).map(|_| rules.judge(seen(b"")).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn fault_honours_direction_and_type() {
        let mut rules = Rules::new(0);
        rules.inject(Fault::lose().from_clients());
        rules.inject(Fault::lose().on_type(0x31));
        assert!(rules.judge(seen(b"")).is_none());
        assert!(rules.judge(Seen { direction: Direction::FromClients, ..seen(b"") }).is_some());
        assert!(rules.judge(Seen { kind: 0x31, ..seen(b"") }).is_some());
    }
}
