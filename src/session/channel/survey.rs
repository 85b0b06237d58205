//! Asks the node who subscribes to what: `getNodeInfo` and `getPeers` together, as one [`TopicView`].

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::protocol::Seq;
use crate::protocol::channel::rpc::{self, NodeTopics, Refused};
use crate::session::view::{MIN_QUERY_INTERVAL, NodeTopicsCache, TopicView};

/// A node that hasn't answered both questions by then refuses to.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The survey of one connection.
#[derive(Default)]
pub(super) struct Survey {
    under_way: Option<UnderWay>,
    waiting: Vec<oneshot::Sender<()>>,
    /// An answer with nothing usable in it isn't asked for again at once either.
    last: Option<Instant>,
}

struct UnderWay {
    until: Instant,
    own: Question<NodeTopics>,
    peers: Question<Vec<NodeTopics>>,
}

enum Question<T> {
    Asked(Seq),
    Answered(Result<T, Refused>),
}

impl Survey {
    /// Somebody wants to know; true when both questions have to be sent now.
    pub(super) fn want(
        &mut self,
        done: Option<oneshot::Sender<()>>,
        views: &NodeTopicsCache,
        now: Instant,
    ) -> bool {
        let recent = self.last.is_some_and(|last| now.saturating_duration_since(last) < MIN_QUERY_INTERVAL);
        if self.under_way.is_none() && (recent || views.is_young(now)) {
            tell(done);
            return false;
        }
        self.waiting.extend(done);
        self.under_way.is_none()
    }

    /// Both questions are being sent.
    pub(super) fn asked(&mut self, own: Seq, peers: Seq, now: Instant) {
        let (own, peers) = (Question::Asked(own), Question::Asked(peers));
        self.under_way = Some(UnderWay { until: now + ANSWER_WITHIN, own, peers });
    }

    /// Takes an 0x12 answer if it belongs here.
    pub(super) fn answered(&mut self, seq: &Seq, body: &[u8], views: &NodeTopicsCache, now: Instant) -> bool {
        let Some(under_way) = &mut self.under_way else { return false };
        match (&under_way.own, &under_way.peers) {
            (Question::Asked(asked), _) if asked == seq => {
                under_way.own = Question::Answered(rpc::decode_node_info(body));
            }
            (_, Question::Asked(asked)) if asked == seq => {
                under_way.peers = Question::Answered(rpc::decode_peers(body));
            }
            _ => return false,
        }
        if let (Question::Answered(_), Question::Answered(_)) = (&under_way.own, &under_way.peers) {
            self.end(views, now);
        }
        true
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.under_way.as_ref().map(|under_way| under_way.until)
    }

    /// Looks at the clock.
    pub(super) fn on_timer(&mut self, views: &NodeTopicsCache, now: Instant) {
        if self.next().is_some_and(|until| until <= now) {
            self.end(views, now);
        }
    }

    fn end(&mut self, views: &NodeTopicsCache, now: Instant) {
        self.last = Some(now);
        if let Some(UnderWay { own, peers, .. }) = self.under_way.take() {
            let silent = own.is_open() || peers.is_open();
            let own = own.usable().map(|node| node.topics.into_iter().collect());
            let peers = peers.usable().map(|peers| peers.into_iter().flat_map(|peer| peer.topics).collect());
            views.set(TopicView { own, peers, silent, taken_at: now });
        }
        for done in self.waiting.drain(..) {
            tell(Some(done));
        }
    }
}

impl<T> Question<T> {
    fn is_open(&self) -> bool {
        matches!(self, Question::Asked(_))
    }

    fn usable(self) -> Option<T> {
        match self {
            Question::Answered(answer) => answer.ok(),
            Question::Asked(_) => None,
        }
    }
}

/// Whoever waited may have gone.
fn tell(done: Option<oneshot::Sender<()>>) {
    if let Some(done) = done {
        let _ = done.send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::view::Reach;

    fn seq(n: u64) -> Seq {
        Seq::from_halves(0, n)
    }

    const INFO: &[u8] = br#"{"id":1,"jsonrpc":"2.0","result":{"NodeID":"a","Topic":["own"]}}"#;
    const PEERS: &[u8] =
        br#"{"id":1,"jsonrpc":"2.0","result":[{"NodeID":"b","Topic":["x"]},{"NodeID":"c","Topic":["y"]}]}"#;

    #[test]
    fn both_answers_make_one_view_for_all_who_wait() {
        let (views, now) = (NodeTopicsCache::default(), Instant::now());
        let mut survey = Survey::default();
        let (first, mut is_done) = oneshot::channel();
        assert!(survey.want(Some(first), &views, now));
        survey.asked(seq(1), seq(2), now);
        let (second, mut also_done) = oneshot::channel();
        assert!(!survey.want(Some(second), &views, now), "one at a time");
        assert!(!survey.answered(&seq(3), INFO, &views, now));
        assert!(survey.answered(&seq(2), PEERS, &views, now));
        assert!(is_done.try_recv().is_err());
        assert!(survey.answered(&seq(1), INFO, &views, now));
        assert!(is_done.try_recv().is_ok() && also_done.try_recv().is_ok());
        assert_eq!(views.fit("y", now).0, Reach::PeersOnly);
        assert_eq!(views.fit("own", now).0, Reach::LocalOnly);
        let (third, mut at_once) = oneshot::channel();
        assert!(!survey.want(Some(third), &views, now), "at most once a second");
        assert!(at_once.try_recv().is_ok());
        assert!(survey.want(None, &views, now + MIN_QUERY_INTERVAL));
    }

    #[test]
    fn a_node_that_refuses_leaves_things_unknown_and_a_silent_one_is_known_as_that() {
        let (views, now) = (NodeTopicsCache::default(), Instant::now());
        let mut survey = Survey::default();
        let (done, mut is_done) = oneshot::channel();
        survey.want(Some(done), &views, now);
        survey.asked(seq(1), seq(2), now);
        survey.answered(&seq(1), b"{\"error\":{\"code\":-32601}}", &views, now);
        survey.on_timer(&views, now + Duration::from_secs(1));
        assert!(is_done.try_recv().is_err());
        survey.on_timer(&views, now + ANSWER_WITHIN);
        assert!(is_done.try_recv().is_ok());
        assert_eq!(views.fit("t", now + ANSWER_WITHIN).0, Reach::Unresponsive);
        assert_eq!(survey.next(), None);
        let later = now + 2 * ANSWER_WITHIN;
        assert!(survey.want(None, &views, later));
        survey.asked(seq(3), seq(4), later);
        for question in 3..=4 {
            survey.answered(&seq(question), b"{\"error\":{\"code\":-32601}}", &views, later);
        }
        assert_eq!(views.fit("t", later).0, Reach::Unknown);
    }
}
