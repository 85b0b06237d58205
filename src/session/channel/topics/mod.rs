//! The conversation with the node about topics: which topics it lists for this session, and who subscribes to what.
//!
//! Two purposes share the questions and their backoff: [`TopicList`] confirms what this session subscribes to,
//! [`Survey`] collects what callers need to choose a node. Answers come in and time passes; what is to be done comes out of
//! [`Topics::next_action`].

mod list;
mod question;
mod survey;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use self::list::TopicList;
use self::question::{Failure, Question};
use self::survey::Survey;
use crate::protocol::channel::Frame;
use crate::protocol::channel::frame::MAX_RPC_BODY_LEN;
use crate::protocol::channel::rpc::Refused;
use crate::protocol::{Seq, Topic};
use crate::session::kept_topics::{Interest, KeptTopics};
use crate::session::topic_query::{MAX_INLINE_LEN, Method, ReadAnswer, ReadJob};
use crate::session::view::TopicView;

/// What the machine has to do. `C` and `V` stand for callers, see [`Topics`].
pub(super) enum Action<C, V> {
    /// Send the list of all topics, then call [`Topics::list_sent`].
    SendList,
    /// Send this question, then call [`Topics::asked`].
    Ask(Method),
    /// Read an answer elsewhere, then call [`Topics::read`].
    Read(ReadJob),
    /// Use this view from now on.
    SetView(Arc<TopicView>),
    /// The topic that this caller waits for is listed, as far as can be known.
    Confirmed(C),
    /// What this caller waits for is in the view, or can't be known.
    Surveyed(V),
    /// The node lists for the first time all that is wanted.
    Restored,
}

/// The conversation of one connection. `C` stands for a caller that waits until a topic is confirmed, `V` for one that
/// waits for a view.
pub(super) struct Topics<C, V> {
    list: TopicList<C>,
    survey: Survey<V>,
    interest: Interest,
    own: Question,
    peers: Question,
    actions: VecDeque<Action<C, V>>,
}

impl<C, V> Topics<C, V> {
    pub(super) fn new() -> Topics<C, V> {
        Topics {
            list: TopicList::new(),
            survey: Survey::new(),
            interest: Interest::default(),
            own: Question::new(),
            peers: Question::new(),
            actions: VecDeque::new(),
        }
    }

    /// The session begins. With `any` topic wanted a list is sent.
    pub(super) fn start(&mut self, any: bool) {
        self.list.start(any);
    }

    /// A topic is wanted, or not any more. `changed`: the list has to change for it. The caller waits until the node lists
    /// the topic.
    pub(super) fn route(&mut self, topic: Topic, changed: bool, caller: Option<C>) {
        if changed {
            self.list.change(topic, caller);
        } else {
            self.list.wait(topic, caller);
            self.report_confirmed();
        }
    }

    /// No topic is wanted any more.
    pub(super) fn withdraw(&mut self) {
        self.list.withdraw();
    }

    /// Returns whether the node lists what is wanted, as far as can be known.
    pub(super) fn is_list_settled(&self) -> bool {
        self.list.is_settled()
    }

    /// A caller wants to know who subscribes to a topic, and waits for that if it passes itself in.
    pub(super) fn survey(&mut self, topic: Topic, caller: Option<V>, now: Instant) {
        self.interest.note(&topic);
        let at_once = self.survey.want(topic, caller, now);
        self.actions.extend(at_once.map(Action::Surveyed));
    }

    /// Returns what to do next.
    pub(super) fn next_action(&mut self, now: Instant) -> Option<Action<C, V>> {
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        if self.list.is_due(self.own.blocked(now).is_some(), now) {
            return Some(Action::SendList);
        }
        self.survey.begin_if_due(self.own.blocked(now), self.peers.blocked(now), now);
        self.report_view(now);
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        if self.own.is_idle() && (self.list.wants_answer(now) || self.survey.needs(Method::NodeInfo)) {
            return Some(Action::Ask(Method::NodeInfo));
        }
        if self.peers.is_idle() && self.survey.needs(Method::Peers) {
            return Some(Action::Ask(Method::Peers));
        }
        self.list.take_restored().then_some(Action::Restored)
    }

    /// Notes that the list is sent, with these topics.
    pub(super) fn list_sent(&mut self, topics: Vec<Topic>, now: Instant) {
        self.list.sent(topics, self.own.blocked(now).is_some(), now);
        self.interest.set_listed(self.list.topics_of_interest());
        self.report_confirmed();
    }

    /// Notes that a question is sent.
    pub(super) fn asked(&mut self, method: Method, seq: Seq, now: Instant) {
        self.question(method).asked(seq, now);
        if method == Method::NodeInfo {
            self.list.asked();
        }
    }

    /// Takes a 0x12 answer. Returns whether it belongs here.
    pub(super) fn on_answer(&mut self, frame: &Frame<'_>, now: Instant) -> bool {
        let Some(method) = [Method::NodeInfo, Method::Peers]
            .into_iter()
            .find(|method| self.question(*method).expects(&frame.seq))
        else {
            return false;
        };
        if frame.discarded > 0 {
            let text = format!(
                "the answer has {} bytes, more than the limit of {MAX_RPC_BODY_LEN}; it was skipped",
                frame.discarded
            );
            self.ended(method, Err(Refused::new(0, &text)), now);
        } else if frame.body.len() <= MAX_INLINE_LEN {
            let outcome = method.read(frame.body, self.interest.clone());
            self.ended(method, outcome, now);
        } else {
            self.question(method).reading(frame.seq);
            let (body, interest) = (frame.keep(frame.body), self.interest.clone());
            self.actions.push_back(Action::Read(ReadJob { method, seq: frame.seq, body, interest }));
        }
        true
    }

    /// An answer was read elsewhere. One of a former connection is ignored.
    pub(super) fn read(&mut self, answer: ReadAnswer, now: Instant) {
        let ReadAnswer { method, seq, outcome } = answer;
        if self.question(method).is_reading(&seq) {
            self.ended(method, outcome, now);
        }
    }

    /// Returns whether the node may list a topic because of the latest list or the one before.
    pub(super) fn may_list(&self, topic: &[u8]) -> bool {
        str::from_utf8(topic).is_ok_and(|topic| self.interest.is_listed(topic))
    }

    /// A message came on a topic that isn't wanted.
    pub(super) fn on_unwanted(&mut self, now: Instant) {
        self.list.on_unwanted(now);
    }

    /// A heartbeat is sent.
    pub(super) fn on_heartbeat(&mut self, now: Instant) {
        self.list.on_heartbeat(self.own.blocked(now).is_some(), now);
    }

    /// Checks the time.
    pub(super) fn on_timer(&mut self, now: Instant) {
        for method in [Method::NodeInfo, Method::Peers] {
            if !self.question(method).on_timer(now) {
                continue;
            }
            self.survey.answered(method, Err(Failure::Silent));
            if self.question(method).blocked(now).is_some() {
                self.report_failure(method, "no answer in time");
                self.cannot_be_asked(method, now);
            }
        }
    }

    /// Returns when to check the time next.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        [
            self.own.next_deadline(),
            self.peers.next_deadline(),
            self.list.next_deadline(!self.own.is_idle()),
            self.survey.next_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// A question has ended with an answer or a refusal.
    fn ended(&mut self, method: Method, outcome: Result<KeptTopics, Refused>, now: Instant) {
        match outcome {
            Ok(kept) => {
                self.question(method).answered();
                if method == Method::NodeInfo {
                    self.list.answered(&kept, now);
                    self.report_confirmed();
                }
                self.survey.answered(method, Ok(kept));
            }
            Err(refused) => {
                self.question(method).refused(now);
                self.report_failure(method, &refused.message);
                self.survey.answered(method, Err(Failure::Refused));
                self.cannot_be_asked(method, now);
            }
        }
    }

    fn cannot_be_asked(&mut self, method: Method, now: Instant) {
        if method == Method::NodeInfo {
            self.list.cannot_be_confirmed(now);
            self.report_confirmed();
        }
    }

    fn report_failure(&mut self, method: Method, why: &str) {
        let (question, consequence) = match method {
            Method::NodeInfo => {
                (&self.own, "subscriptions can't be confirmed, and nodes are chosen by guess")
            }
            Method::Peers => (&self.peers, "nodes are chosen by guess"),
        };
        let method = method.name();
        if question.has_just_failed() {
            tracing::warn!(method, why, "the node can't be asked about topics: {consequence}");
        } else {
            tracing::debug!(method, why, "the node still can't be asked about topics");
        }
    }

    fn report_confirmed(&mut self) {
        self.actions.extend(self.list.take_confirmed().map(Action::Confirmed));
    }

    fn report_view(&mut self, now: Instant) {
        if let Some((view, callers)) = self.survey.take_view(now) {
            self.actions.push_back(Action::SetView(view));
            self.actions.extend(callers.into_iter().map(Action::Surveyed));
        }
    }

    fn question(&mut self, method: Method) -> &mut Question {
        match method {
            Method::NodeInfo => &mut self.own,
            Method::Peers => &mut self.peers,
        }
    }
}
