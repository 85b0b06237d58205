//! Keeps the node's list of this session's topics right.
//!
//! A list replaces the former one, has no answer, and frames overtake each other inside the node: two lists
//! sent back to back can end as the first. So one is in flight at a time; changes meanwhile are gathered; the
//! next goes out when `getNodeInfo` (the union over all SDKs of that node) shows what was asked for. If it doesn't,
//! the list is sent again. With every few heartbeats the node is asked once more.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::error::Result;
use crate::protocol::channel::rpc::{NodeTopics, Refused};
use crate::protocol::{Seq, Topic};

/// How long to wait for the answer to `getNodeInfo`; after [`MAX_SILENCES`] of it the node counts as refusing.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How often `getNodeInfo` may stay unanswered.
const MAX_SILENCES: u32 = 3;
/// First pause before the node is asked again; doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// Longest pause before the node is asked again.
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// After so many answers without what was asked for the list is sent again: the node has 8 threads, so the
/// list was most likely overtaken by the question only, not lost.
const ASKS_A_LIST: u32 = 4;
/// After so many answers a topic that should be gone but is still listed is taken to be another SDK's.
const ASKS_FOR_REMOVED: u32 = 3;
/// A list younger than this may not have reached the whole node yet.
const LIST_TAKES: Duration = Duration::from_secs(1);
/// The list is looked at again with every so many heartbeats.
const HEARTBEATS_A_CHECK: u32 = 3;

/// Where the conversation stands.
enum Phase {
    /// The node lists what was last sent, as far as is known.
    Settled,
    /// `getNodeInfo` is on its way.
    Asking { seq: Seq, until: Instant },
    /// The node is asked again then.
    Pausing { until: Instant },
}

/// What to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ToSend {
    Nothing,
    /// The list of all topics, then `getNodeInfo`.
    ListAndAsk,
    /// The list alone: the node refuses to be asked.
    List,
    /// `getNodeInfo`.
    Ask,
}

/// The topics of one connection.
pub(super) struct Topics {
    phase: Phase,
    /// Counts changes of what is wanted.
    wanted: u64,
    /// The count when the last list was sent.
    sent: u64,
    listed: Vec<Topic>,
    listed_at: Option<Instant>,
    removed: Vec<Topic>,
    asks: u32,
    silences: u32,
    refused: bool,
    heartbeats: u32,
    waiting: Vec<(u64, oneshot::Sender<Result<()>>)>,
    restore: Restore,
}

/// Whether the client knows that the node lists what was wanted when the session began.
enum Restore {
    NotStarted,
    Pending,
    Told,
}

impl Topics {
    pub(super) fn new() -> Topics {
        Topics {
            phase: Phase::Settled,
            wanted: 0,
            sent: 0,
            listed: Vec::new(),
            listed_at: None,
            removed: Vec::new(),
            asks: 0,
            silences: 0,
            refused: false,
            heartbeats: 0,
            waiting: Vec::new(),
            restore: Restore::NotStarted,
        }
    }

    /// What is wanted has changed; `applied` is told when the node lists it.
    pub(super) fn change(&mut self, applied: Option<oneshot::Sender<Result<()>>>) -> ToSend {
        self.wanted += 1;
        if let Some(applied) = applied {
            self.waiting.push((self.wanted, applied));
        }
        self.go_on()
    }

    /// Nothing has changed; `applied` is told when the node lists all that is wanted.
    pub(super) fn when_listed(&mut self, applied: oneshot::Sender<Result<()>>) {
        self.waiting.push((self.wanted, applied));
        if matches!(self.phase, Phase::Settled) && self.sent == self.wanted {
            self.settle();
        }
    }

    /// The session begins: everything wanted has to be listed.
    pub(super) fn start(&mut self, any: bool) -> ToSend {
        self.restore = Restore::Pending;
        if any { self.change(None) } else { ToSend::Nothing }
    }

    /// True once: when the first list of this connection has arrived.
    pub(super) fn take_restored(&mut self) -> bool {
        let settled = matches!(self.phase, Phase::Settled) && self.sent == self.wanted;
        let restored = settled && matches!(self.restore, Restore::Pending);
        if restored {
            self.restore = Restore::Told;
        }
        restored
    }

    /// The list that is being sent now.
    pub(super) fn listing(&mut self, topics: Vec<Topic>, now: Instant) {
        self.listed_at = Some(now);
        let wanted: HashSet<&str> = topics.iter().map(Topic::as_str).collect();
        self.removed = self.listed.iter().filter(|old| !wanted.contains(old.as_str())).cloned().collect();
        self.listed = topics;
        self.sent = self.wanted;
        self.asks = 0;
        if self.refused {
            self.settle();
        }
    }

    /// `getNodeInfo` is being sent now.
    pub(super) fn asking(&mut self, seq: Seq, now: Instant) {
        self.phase = Phase::Asking { seq, until: now + ANSWER_WITHIN };
    }

    /// Whether an 0x12 answer belongs here.
    pub(super) fn expects(&self, seq: &Seq) -> bool {
        matches!(&self.phase, Phase::Asking { seq: asked, .. } if asked == seq)
    }

    /// The node has answered.
    pub(super) fn answered(&mut self, answer: Result<NodeTopics, Refused>, now: Instant) -> ToSend {
        self.silences = 0;
        let info = match answer {
            Ok(info) => info,
            Err(refused) => return self.give_up_asking(&refused.message),
        };
        let there: HashSet<&str> = info.topics.iter().map(String::as_str).collect();
        self.asks += 1;
        let complete = self.listed.iter().all(|topic| there.contains(topic.as_str()));
        let clean =
            self.asks >= ASKS_FOR_REMOVED || !self.removed.iter().any(|topic| there.contains(topic.as_str()));
        if complete && clean {
            self.settle();
            return self.go_on();
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << self.asks.min(16)).min(MAX_PAUSE);
        self.phase = Phase::Pausing { until: now + pause };
        ToSend::Nothing
    }

    /// Looks at the clock.
    pub(super) fn on_timer(&mut self, now: Instant) -> ToSend {
        match self.phase {
            Phase::Asking { until, .. } if until <= now => {
                self.silences += 1;
                if self.silences >= MAX_SILENCES {
                    return self.give_up_asking("no answer");
                }
                ToSend::Ask
            }
            Phase::Pausing { until } if until <= now => {
                if self.asks.is_multiple_of(ASKS_A_LIST) {
                    ToSend::ListAndAsk
                } else {
                    ToSend::Ask
                }
            }
            Phase::Settled | Phase::Asking { .. } | Phase::Pausing { .. } => ToSend::Nothing,
        }
    }

    /// A message came on a topic that isn't wanted: what the node lists for this session is an old list, which
    /// overtook a later one in it.
    pub(super) fn on_unwanted(&mut self, now: Instant) -> ToSend {
        let settled = matches!(self.phase, Phase::Settled) && self.sent == self.wanted;
        let fresh = self.listed_at.is_some_and(|at| now.saturating_duration_since(at) < LIST_TAKES);
        match settled && !fresh {
            true if self.refused => ToSend::List,
            true => ToSend::ListAndAsk,
            false => ToSend::Nothing,
        }
    }

    /// A heartbeat is being sent.
    pub(super) fn on_heartbeat(&mut self) -> ToSend {
        self.heartbeats += 1;
        let due = self.heartbeats.is_multiple_of(HEARTBEATS_A_CHECK);
        if !due || self.listed.is_empty() || !matches!(self.phase, Phase::Settled) {
            return ToSend::Nothing;
        }
        // Without a way to ask, repeating the list mends what an overtaken one has spoilt.
        if self.refused { ToSend::List } else { ToSend::Ask }
    }

    /// Returns whether the node may list a topic because of the latest list or the one before.
    pub(super) fn may_list(&self, topic: &[u8]) -> bool {
        self.listed.iter().chain(&self.removed).any(|listed| listed.as_bytes() == topic)
    }

    pub(super) fn next(&self) -> Option<Instant> {
        match self.phase {
            Phase::Settled => None,
            Phase::Asking { until, .. } | Phase::Pausing { until } => Some(until),
        }
    }

    fn give_up_asking(&mut self, why: &str) -> ToSend {
        tracing::warn!(why, "the node doesn't answer getNodeInfo; topic lists can't be confirmed");
        self.refused = true;
        self.settle();
        self.go_on()
    }

    fn settle(&mut self) {
        self.phase = Phase::Settled;
        let sent = self.sent;
        for (_, applied) in self.waiting.extract_if(.., |(wanted, _)| *wanted <= sent) {
            // Whoever subscribed may have gone.
            let _ = applied.send(Ok(()));
        }
    }

    fn go_on(&self) -> ToSend {
        match self.phase {
            Phase::Settled if self.wanted > self.sent => {
                if self.refused {
                    ToSend::List
                } else {
                    ToSend::ListAndAsk
                }
            }
            Phase::Settled | Phase::Asking { .. } | Phase::Pausing { .. } => ToSend::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(names: &[&str]) -> Vec<Topic> {
        names.iter().map(|name| Topic::new(name).unwrap()).collect()
    }

    fn info(names: &[&str]) -> Result<NodeTopics, Refused> {
        Ok(NodeTopics { topics: names.iter().map(|&name| name.into()).collect(), ..NodeTopics::default() })
    }

    fn seq() -> Seq {
        Seq::new([b'1'; 32])
    }

    fn list_and_ask(sync: &mut Topics, names: &[&str], now: Instant) {
        sync.listing(topics(names), now);
        sync.asking(seq(), now);
    }

    #[test]
    fn one_list_is_in_flight_and_changes_meanwhile_are_gathered() {
        let now = Instant::now();
        let mut sync = Topics::new();
        let (tx_a, mut rx_a) = oneshot::channel();
        let (tx_b, mut rx_b) = oneshot::channel();
        assert_eq!(sync.start(false), ToSend::Nothing);
        assert!(sync.take_restored() && !sync.take_restored(), "nothing was wanted");
        assert_eq!(sync.change(Some(tx_a)), ToSend::ListAndAsk);
        list_and_ask(&mut sync, &["a"], now);
        assert_eq!(sync.change(Some(tx_b)), ToSend::Nothing);
        assert_eq!(sync.change(None), ToSend::Nothing);
        assert!(sync.expects(&seq()));
        assert_eq!(sync.answered(info(&["a"]), now), ToSend::ListAndAsk);
        assert!(rx_a.try_recv().is_ok() && rx_b.try_recv().is_err());
        list_and_ask(&mut sync, &["a", "b", "c"], now);
        assert_eq!(sync.answered(info(&["c", "b", "a", "x"]), now), ToSend::Nothing);
        assert!(rx_b.try_recv().is_ok());
    }

    #[test]
    fn a_list_that_was_overtaken_is_asked_for_and_then_sent_again() {
        let mut now = Instant::now();
        let mut sync = Topics::new();
        sync.start(true);
        list_and_ask(&mut sync, &["a", "b"], now);
        for ask in 1..=8 {
            assert_eq!(sync.answered(info(&["a"]), now), ToSend::Nothing);
            assert!(!sync.take_restored());
            assert_eq!(sync.on_timer(now), ToSend::Nothing, "it pauses");
            now = sync.next().unwrap();
            let send = sync.on_timer(now);
            assert_eq!(send, if ask % 4 == 0 { ToSend::ListAndAsk } else { ToSend::Ask }, "ask {ask}");
            sync.asking(seq(), now);
        }
        assert_eq!(sync.answered(info(&["b", "a"]), now), ToSend::Nothing);
        assert!(sync.take_restored() && !sync.take_restored());
        assert_eq!(sync.next(), None);
    }

    #[test]
    fn a_removed_topic_that_stays_belongs_to_another_sdk() {
        let now = Instant::now();
        let mut sync = Topics::new();
        sync.change(None);
        list_and_ask(&mut sync, &["a", "b"], now);
        sync.answered(info(&["a", "b"]), now);
        assert_eq!(sync.change(None), ToSend::ListAndAsk);
        list_and_ask(&mut sync, &["a"], now);
        for _ in 0..2 {
            sync.answered(info(&["a", "b"]), now);
            assert!(sync.next().is_some());
            sync.asking(seq(), now);
        }
        sync.answered(info(&["a", "b"]), now);
        assert_eq!(sync.next(), None);
    }

    #[test]
    fn a_node_that_refuses_or_ignores_the_question_gets_lists_only() {
        for silent in [false, true] {
            let mut now = Instant::now();
            let mut sync = Topics::new();
            let (tx, mut rx) = oneshot::channel();
            sync.change(Some(tx));
            list_and_ask(&mut sync, &["a"], now);
            if silent {
                for _ in 0..2 {
                    now = sync.next().unwrap();
                    assert_eq!(sync.on_timer(now), ToSend::Ask);
                    sync.asking(seq(), now);
                }
                now = sync.next().unwrap();
                assert_eq!(sync.on_timer(now), ToSend::Nothing);
            } else {
                let refused = Err(Refused { code: -32601, message: "no".into() });
                assert_eq!(sync.answered(refused, now), ToSend::Nothing);
            }
            assert!(rx.try_recv().is_ok());
            assert_eq!(sync.change(None), ToSend::List);
            sync.listing(topics(&["a", "b"]), now);
            assert_eq!(sync.next(), None);
        }
    }

    #[test]
    fn a_message_on_a_topic_that_was_left_has_the_list_sent_again() {
        let mut now = Instant::now();
        let mut sync = Topics::new();
        assert_eq!(sync.on_unwanted(now), ToSend::ListAndAsk, "whatever a former session left behind");
        sync.change(None);
        assert_eq!(sync.on_unwanted(now), ToSend::Nothing, "a list is due anyway");
        list_and_ask(&mut sync, &[], now);
        assert_eq!(sync.on_unwanted(now), ToSend::Nothing, "it is asked about");
        sync.answered(info(&[]), now);
        assert_eq!(sync.on_unwanted(now), ToSend::Nothing, "the list may be on its way");
        now += LIST_TAKES;
        assert_eq!(sync.on_unwanted(now), ToSend::ListAndAsk);
        sync.answered(Err(Refused { code: -32601, message: "no".into() }), now);
        assert_eq!(sync.on_unwanted(now), ToSend::List);
    }

    #[test]
    fn the_list_is_looked_at_again_with_every_third_heartbeat() {
        let now = Instant::now();
        let mut sync = Topics::new();
        assert_eq!(sync.start(true), ToSend::ListAndAsk);
        list_and_ask(&mut sync, &["a"], now);
        sync.answered(info(&["a"]), now);
        let sends: Vec<_> = (0..6).map(|_| sync.on_heartbeat()).collect();
        use ToSend::{Ask, Nothing};
        assert_eq!(sends, [Nothing, Nothing, Ask, Nothing, Nothing, Ask]);
    }
}
