//! The list of this session's topics: when it is sent, and which of its topics the node has confirmed.
//!
//! A list replaces the former one, has no answer, and frames overtake each other inside the node: two lists sent back to
//! back can end as the first. So changes are gathered while the list sent last is unconfirmed. A topic is confirmed when
//! the answer to a `getNodeInfo` sent after the list shows it; one that stays missing is asked for ever less often, and
//! delays no other.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::protocol::Topic;
use crate::session::kept_topics::KeptTopics;

/// The pause after the first answer without a topic that was asked for. Doubles with each further one up to [`MAX_PAUSE`].
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// The longest pause before the node is asked for a missing topic again.
pub(super) const MAX_PAUSE: Duration = Duration::from_secs(1);
/// After so many answers without a topic the list is sent again: the node has 8 threads, so the list was most likely only
/// overtaken by the question, not lost. It is sent again each time that this number has doubled.
const ANSWERS_BEFORE_RESEND: u32 = 4;
/// After so many answers a topic that was removed but is still listed is taken to be another SDK's.
const ANSWERS_FOR_REMOVED: u32 = 3;
/// The age from which a list has reached the whole node.
pub(super) const LIST_SETTLES: Duration = Duration::from_secs(1);
/// The node is asked about the list again with each heartbeat that is a multiple of this.
const HEARTBEATS_PER_CHECK: u32 = 3;

/// A topic of the list sent last.
#[derive(Clone, Copy, Default)]
struct Entry {
    confirmed: bool,
    /// Answers in a row that didn't show it.
    missing: u32,
}

struct Waiter<C> {
    topic: Topic,
    /// The number of changes when it began to wait.
    change: u64,
    token: C,
}

/// Whether the client knows that the node lists all that was wanted when the session began.
#[derive(PartialEq, Eq)]
enum Restore {
    NotStarted,
    Pending,
    Reported,
}

/// The topics of one connection. `C` stands for a caller that waits until a topic is confirmed.
pub(super) struct TopicList<C> {
    /// The number of changes so far.
    wanted: u64,
    /// The number of changes when the last list was sent.
    sent: u64,
    sent_at: Option<Instant>,
    entries: HashMap<Topic, Entry>,
    /// Topics that the last list no longer has, with the number of answers that still showed them.
    removed: HashMap<Topic, u32>,
    /// Answers since the last list was sent.
    answers: u32,
    /// When to ask next; none if nothing is to be learned.
    ask_at: Option<Instant>,
    /// Whether the last question was sent after the last list.
    is_asked: bool,
    /// Whether to send the list again: when the next question is due, or at once if none is.
    resend: bool,
    heartbeats: u32,
    waiting: Vec<Waiter<C>>,
    restore: Restore,
}

impl<C> TopicList<C> {
    pub(super) fn new() -> TopicList<C> {
        TopicList {
            wanted: 0,
            sent: 0,
            sent_at: None,
            entries: HashMap::new(),
            removed: HashMap::new(),
            answers: 0,
            ask_at: None,
            is_asked: false,
            resend: false,
            heartbeats: 0,
            waiting: Vec::new(),
            restore: Restore::NotStarted,
        }
    }

    /// The session begins. With `any` topic wanted a list is sent.
    pub(super) fn start(&mut self, any: bool) {
        self.restore = Restore::Pending;
        self.wanted += u64::from(any);
    }

    /// What is wanted has changed. The caller waits until the topic is confirmed, or no longer wanted.
    pub(super) fn change(&mut self, topic: Topic, caller: Option<C>) {
        self.wanted += 1;
        self.wait(topic, caller);
    }

    /// No topic is wanted any more.
    pub(super) fn withdraw(&mut self) {
        if !self.entries.is_empty() || self.wanted > self.sent {
            self.wanted += 1;
        }
    }

    /// Nothing has changed. The caller waits as in [`TopicList::change`].
    pub(super) fn wait(&mut self, topic: Topic, caller: Option<C>) {
        self.waiting.extend(caller.map(|token| Waiter { topic, change: self.wanted, token }));
    }

    /// Returns whether the list is to be sent now. `blocked`: the node can't be asked.
    pub(super) fn is_due(&self, blocked: bool, now: Instant) -> bool {
        let may_replace = blocked
            || self.ask_at.is_none()
            || self.answers >= ANSWERS_BEFORE_RESEND
            || self.settles_at().is_none_or(|at| at <= now);
        let may_resend = self.ask_at.is_none_or(|at| at <= now);
        (self.wanted > self.sent && may_replace) || (self.resend && may_resend)
    }

    /// Notes that the list is sent. `blocked`: the node can't be asked, so that nothing is waited for.
    pub(super) fn sent(&mut self, topics: Vec<Topic>, blocked: bool, now: Instant) {
        let mut former = std::mem::take(&mut self.entries);
        for topic in topics {
            let entry = former.remove(&topic).unwrap_or_default();
            self.entries.insert(topic, entry);
        }
        self.removed = former.into_keys().map(|topic| (topic, 0)).collect();
        self.sent = self.wanted;
        self.sent_at = Some(now);
        self.answers = 0;
        self.is_asked = false;
        self.resend = false;
        self.ask_at = Some(now);
        if blocked {
            self.cannot_be_confirmed(now);
        }
    }

    /// Returns the topics whose presence in an answer matters.
    pub(super) fn topics_of_interest(&self) -> HashSet<Topic> {
        self.entries.keys().chain(self.removed.keys()).cloned().collect()
    }

    /// Returns whether `getNodeInfo` is to be sent now.
    pub(super) fn wants_answer(&self, now: Instant) -> bool {
        self.ask_at.is_some_and(|at| at <= now)
    }

    /// Notes that `getNodeInfo` is sent, for this list or for callers that choose a node.
    pub(super) fn asked(&mut self) {
        self.is_asked = true;
    }

    /// The node has answered `getNodeInfo`.
    pub(super) fn answered(&mut self, answer: &KeptTopics, now: Instant) {
        if !std::mem::take(&mut self.is_asked) {
            // The question was sent before the list: the answer says nothing about it.
            return;
        }
        self.answers += 1;
        let lists = |topic: &Topic| answer.lists(topic) == Some(true);
        let mut least: Option<u32> = None;
        for (topic, entry) in &mut self.entries {
            if lists(topic) {
                *entry = Entry { confirmed: true, missing: 0 };
            } else {
                *entry = Entry { confirmed: false, missing: entry.missing + 1 };
                least = Some(least.map_or(entry.missing, |least| least.min(entry.missing)));
            }
        }
        self.resend =
            least.is_some_and(|missing| missing >= ANSWERS_BEFORE_RESEND && missing.is_power_of_two());
        self.removed.retain(|topic, answers| {
            *answers += 1;
            lists(topic) && *answers < ANSWERS_FOR_REMOVED
        });
        let least = least.into_iter().chain(self.removed.values().copied()).min();
        self.ask_at = least.map(|answers| {
            let doublings = answers.saturating_sub(1).min(16);
            now + FIRST_PAUSE.saturating_mul(1 << doublings).min(MAX_PAUSE)
        });
    }

    /// The node can't be asked: what is sent counts as confirmed. If something was to be learned about a list that has
    /// reached the whole node by now, the list is sent again, in case that an older one has overtaken it.
    pub(super) fn cannot_be_confirmed(&mut self, now: Instant) {
        let has_settled = self.settles_at().is_some_and(|at| at <= now);
        self.resend = self.ask_at.is_some() && has_settled;
        self.entries.values_mut().for_each(|entry| *entry = Entry { confirmed: true, missing: 0 });
        self.removed.clear();
        self.ask_at = None;
    }

    /// A message came on a topic that isn't wanted: the node has an old list, which has overtaken a later one.
    pub(super) fn on_unwanted(&mut self, now: Instant) {
        if self.is_settled() && self.settles_at().is_none_or(|at| at <= now) {
            self.resend = true;
        }
    }

    /// A heartbeat is sent. `blocked`: the node can't be asked.
    pub(super) fn on_heartbeat(&mut self, blocked: bool, now: Instant) {
        self.heartbeats += 1;
        let due = self.heartbeats.is_multiple_of(HEARTBEATS_PER_CHECK);
        if !due || self.entries.is_empty() || !self.is_settled() {
            return;
        }
        if blocked {
            // Without a way to ask, repeating the list repairs what one that was overtaken has changed.
            self.resend = true;
        } else {
            self.ask_at = Some(now);
        }
    }

    /// Returns the callers whose topics are confirmed, or no longer wanted.
    pub(super) fn take_confirmed(&mut self) -> impl Iterator<Item = C> {
        let (sent, entries) = (self.sent, &self.entries);
        let is_done = move |waiter: &Waiter<C>| {
            waiter.change <= sent && entries.get(&waiter.topic).is_none_or(|entry| entry.confirmed)
        };
        self.waiting.extract_if(.., move |waiter| is_done(waiter)).map(|waiter| waiter.token)
    }

    /// Returns true once: when the node lists for the first time all that is wanted.
    pub(super) fn take_restored(&mut self) -> bool {
        let restored = self.is_settled() && self.restore == Restore::Pending;
        if restored {
            self.restore = Restore::Reported;
        }
        restored
    }

    /// Returns when to look at the list next, the answer to a question in flight aside.
    pub(super) fn next_deadline(&self, is_asking: bool) -> Option<Instant> {
        let ask_at = self.ask_at.filter(|_| !is_asking);
        let replace_at = self.settles_at().filter(|_| self.wanted > self.sent);
        ask_at.into_iter().chain(replace_at).min()
    }

    /// Returns whether the node lists what is wanted, as far as can be known.
    pub(super) fn is_settled(&self) -> bool {
        self.ask_at.is_none() && !self.resend && self.sent == self.wanted
    }

    fn settles_at(&self) -> Option<Instant> {
        self.sent_at.map(|at| at + LIST_SETTLES)
    }
}
