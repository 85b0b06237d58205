//! Collects the answers to both questions as one [`TopicView`], for callers that choose a node.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::question::Failure;
use crate::protocol::Topic;
use crate::session::kept_topics::KeptTopics;
use crate::session::topic_query::Method;
use crate::session::view::{MIN_QUERY_INTERVAL, TopicView};

/// The shortest time between two rounds if the first didn't keep the topic that is wanted now. Such answers are long, so
/// this bounds the time spent on them.
const UNCOVERED_INTERVAL: Duration = Duration::from_millis(250);

/// The answer to one of the two questions of a round.
#[derive(Debug)]
enum Part {
    Open,
    Kept(KeptTopics),
    Failed(Failure),
}

impl Part {
    fn new(blocked: Option<Failure>) -> Part {
        blocked.map_or(Part::Open, Part::Failed)
    }

    fn is_open(&self) -> bool {
        matches!(self, Part::Open)
    }

    fn is_silent(&self) -> bool {
        matches!(self, Part::Failed(Failure::Silent))
    }

    fn kept(self) -> Option<KeptTopics> {
        match self {
            Part::Kept(kept) => Some(kept),
            Part::Open | Part::Failed(_) => None,
        }
    }
}

/// Both questions, asked together.
#[derive(Debug)]
struct Round {
    own: Part,
    peers: Part,
}

impl Round {
    fn part(&mut self, method: Method) -> &mut Part {
        match method {
            Method::NodeInfo => &mut self.own,
            Method::Peers => &mut self.peers,
        }
    }
}

struct Waiter<V> {
    topic: Topic,
    token: V,
    /// Whether a round has ended without the topic already.
    deferred: bool,
}

/// The rounds of one connection. `V` stands for a caller that waits for a view.
pub(super) struct Survey<V> {
    round: Option<Round>,
    /// When to begin the next round.
    due: Option<Instant>,
    waiting: Vec<Waiter<V>>,
    last: Option<Arc<TopicView>>,
}

impl<V> Survey<V> {
    pub(super) fn new() -> Survey<V> {
        Survey { round: None, due: None, waiting: Vec::new(), last: None }
    }

    /// Wants a view that shows this topic. Returns the caller if there is nothing to wait for.
    pub(super) fn want(&mut self, topic: Topic, caller: Option<V>, now: Instant) -> Option<V> {
        if self.round.is_none() {
            let earliest = self.last.as_ref().map_or(now, |last| {
                let covers = last.covers(&topic);
                last.fetched_at + if covers { MIN_QUERY_INTERVAL } else { UNCOVERED_INTERVAL }
            });
            if earliest > now && self.last.as_ref().is_some_and(|last| last.covers(&topic)) {
                return caller;
            }
            let earliest = earliest.max(now);
            self.due = Some(self.due.map_or(earliest, |due| due.min(earliest)));
        }
        self.waiting.extend(caller.map(|token| Waiter { topic, token, deferred: false }));
        None
    }

    /// Begins a round if one is due; a question that is blocked counts as answered.
    pub(super) fn begin_if_due(&mut self, own: Option<Failure>, peers: Option<Failure>, now: Instant) {
        if self.round.is_none() && self.due.take_if(|due| *due <= now).is_some() {
            self.round = Some(Round { own: Part::new(own), peers: Part::new(peers) });
        }
    }

    /// Returns whether the round still needs the answer to this question.
    pub(super) fn needs(&mut self, method: Method) -> bool {
        self.round.as_mut().is_some_and(|round| round.part(method).is_open())
    }

    /// Takes an answer, if the round still needs it.
    pub(super) fn answered(&mut self, method: Method, answer: Result<KeptTopics, Failure>) {
        if self.needs(method)
            && let Some(round) = &mut self.round
        {
            *round.part(method) = answer.map_or_else(Part::Failed, Part::Kept);
        }
    }

    /// Ends the round if nothing is open any more. Returns the view and the callers that waited for it.
    pub(super) fn take_view(&mut self, now: Instant) -> Option<(Arc<TopicView>, Vec<V>)> {
        let Round { own, peers } =
            self.round.take_if(|round| !round.own.is_open() && !round.peers.is_open())?;
        let silent = own.is_silent() || peers.is_silent();
        let former = self.last.take().filter(|_| silent);
        let former = former.and_then(|last| if last.silent { last.former.clone() } else { Some(last) });
        let view = TopicView { own: own.kept(), peers: peers.kept(), silent, former, fetched_at: now };
        let view = Arc::new(view);
        let mut done = Vec::new();
        for waiter in std::mem::take(&mut self.waiting) {
            // Topics that were wanted only after the answer was read are in the next one.
            if waiter.deferred || view.covers(&waiter.topic) {
                done.push(waiter.token);
            } else {
                self.due = Some(now + UNCOVERED_INTERVAL);
                self.waiting.push(Waiter { deferred: true, ..waiter });
            }
        }
        self.last = Some(view.clone());
        Some((view, done))
    }

    /// Returns when to begin the next round.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.due.filter(|_| self.round.is_none())
    }
}
