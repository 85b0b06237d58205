//! What answers mean for the choice of a node, and when a node is queried again.

use std::collections::HashSet;

use super::*;
use crate::protocol::Topic;
use crate::protocol::channel::rpc::NodeSink;
use crate::session::kept_topics::Interest;

fn kept(topics: &[&str]) -> Option<KeptTopics> {
    Some(KeptTopics::at_one_node(topics))
}

/// An answer that was too long to be kept whole.
fn partly_kept(listed: &str, interest: &[&str]) -> Option<KeptTopics> {
    let topics: HashSet<_> = interest.iter().map(|name| Topic::new(name).unwrap()).collect();
    let mut interest = Interest::default();
    interest.set_listed(topics);
    let mut kept = KeptTopics::new(interest);
    kept.begin_node();
    kept.topic(listed);
    (0..2000).for_each(|n| kept.topic(&n.to_string()));
    Some(kept)
}

fn view(own: Option<KeptTopics>, peers: Option<KeptTopics>, fetched_at: Instant) -> TopicView {
    TopicView { own, peers, silent: false, former: None, fetched_at }
}

/// Returns the view of a node that answers nothing any more.
fn silent(former: TopicView) -> TopicView {
    let fetched_at = former.fetched_at;
    TopicView { silent: true, former: Some(former.into()), ..view(None, None, fetched_at) }
}

/// Returns the fits at a node of this version for topics at peers, at both, at the node itself, and nowhere.
fn fits(version: &str) -> [Fit; 4] {
    let (cache, now) = (NodeTopicsCache::default(), Instant::now());
    cache.set_version(version);
    cache.set(view(kept(&["both", "own"]), kept(&["both", "peer"]), now).into());
    ["peer", "both", "own", "none"].map(|topic| cache.fit(topic, now, || false).0)
}

#[test]
fn node_that_loses_own_messages_ranks_last_if_it_has_any() {
    let [peer, both, own, none] = fits("2.11.2");
    assert_eq!(
        [peer, both, own, none],
        [Fit::Delivers, Fit::InSomeSeconds, Fit::OwnNodeOnly, Fit::NoSubscriber]
    );
    assert!(peer < Fit::Unknown && Fit::Unknown < none && none < Fit::Unresponsive);
    assert!(Fit::Unresponsive < both && both < Fit::MayLose && Fit::MayLose < own);
    let delivers = [Fit::Delivers, Fit::Delivers, Fit::Delivers, Fit::NoSubscriber];
    assert_eq!(fits("2.7.2"), delivers, "it delivers to SDKs of its own");
    assert_eq!(fits("unknown"), delivers, "until a loss is seen");
}

#[test]
fn lost_unicast_shows_that_a_node_of_unknown_version_loses_its_own() {
    let (cache, now) = (NodeTopicsCache::default(), Instant::now());
    cache.set(view(kept(&["own"]), kept(&["peer"]), now).into());
    cache.lost("peer");
    assert_eq!(cache.fit("own", now, || false).0, Fit::Delivers, "that was lost elsewhere");
    cache.lost("own");
    assert_eq!(cache.fit("own", now, || false).0, Fit::OwnNodeOnly);
}

#[test]
fn node_that_cannot_be_asked_may_lose_own_messages() {
    let (cache, now) = (NodeTopicsCache::default(), Instant::now());
    cache.set_version("2.9.1");
    cache.set(view(None, None, now).into());
    assert_eq!([true, false].map(|listed| cache.fit("t", now, || listed).0), [Fit::MayLose, Fit::Unknown]);
    cache.set(view(kept(&["t"]), None, now).into());
    assert_eq!(cache.fit("t", now, || false).0, Fit::MayLose);
}

#[test]
fn a_topic_that_was_not_kept_is_unknown_and_queried_first() {
    let (cache, now) = (NodeTopicsCache::default(), Instant::now());
    let peers = partly_kept("peer", &["peer", "nowhere"]);
    cache.set(view(kept(&[]), peers, now).into());
    assert_eq!(cache.reach("peer", now), (Reach::PeersOnly, Refresh::NotNeeded));
    assert_eq!(cache.reach("nowhere", now), (Reach::NoSubscriber, Refresh::NotNeeded));
    assert_eq!(cache.reach("1999", now), (Reach::Unknown, Refresh::BeforeSending));
}

#[test]
fn callers_do_not_wait_for_a_silent_node_again() {
    let (cache, now) = (NodeTopicsCache::default(), Instant::now());
    cache.set(silent(view(None, None, now)).into());
    assert_eq!(cache.reach("t", now + MIN_QUERY_INTERVAL).1, Refresh::InBackground);
    assert_eq!(cache.reach("t", now + 10 * TRUSTED_FOR).1, Refresh::InBackground);
}

#[test]
fn silent_node_keeps_its_place_behind_those_that_lose_nothing() {
    let now = Instant::now();
    let known = || view(kept(&["both", "own"]), kept(&["both", "peer"]), now);
    for (version, both, own) in [
        ("2.11.2", Fit::InSomeSecondsUnresponsive, Fit::MayLose),
        ("2.7.2", Fit::Unresponsive, Fit::Unresponsive),
    ] {
        let cache = NodeTopicsCache::default();
        cache.set_version(version);
        cache.set(silent(known()).into());
        let fits = ["both", "own", "peer", "none"].map(|topic| cache.fit(topic, now, || false).0);
        assert_eq!(fits, [both, own, Fit::Unresponsive, Fit::Unresponsive], "{version}");
    }
    assert!(Fit::Unresponsive < Fit::InSomeSeconds);
    assert!(Fit::InSomeSeconds < Fit::InSomeSecondsUnresponsive);
    assert!(Fit::InSomeSecondsUnresponsive < Fit::MayLose && Fit::MayLose < Fit::OwnNodeOnly);
    assert_eq!(silent(known()).no_sdk_lists("none"), None, "what it answered before shows no absence");
}

#[test]
fn silent_node_is_expected_to_choose_as_its_last_answers_show() {
    const GOOD: Duration = Duration::from_millis(1_700_000_000_500);
    const BAD: Duration = Duration::from_millis(1_700_000_008_500);
    let (cache, now) = (NodeTopicsCache::default(), Instant::now());
    cache.set_version("2.11.2");
    cache.set(silent(view(kept(&["t"]), kept(&["t"]), now)).into());
    let passage = |at: Duration| cache.passage("t", SystemTime::UNIX_EPOCH + at, Duration::ZERO).unwrap();
    assert!(passage(GOOD).wait.is_zero() && passage(GOOD).lasts.is_some());
    assert!(!passage(BAD).wait.is_zero());
    let sent = SystemTime::UNIX_EPOCH + GOOD;
    assert!(
        cache.choice("t", sent).is_none(),
        "it chooses when it goes on, so outcomes show nothing about its clock"
    );
}

#[test]
fn answers_are_late_half_a_second_after_they_were_wanted() {
    let (cache, now) = (NodeTopicsCache::default(), Instant::now());
    let after = |ms| now + Duration::from_millis(ms);
    assert!(!cache.is_late(after(10_000)), "nothing was wanted");
    cache.want(now);
    cache.want(after(400));
    assert!(!cache.is_late(after(499)) && cache.is_late(after(500)));
    cache.set(view(kept(&[]), kept(&[]), after(600)).into());
    assert!(!cache.is_late(after(10_000)));
    cache.want(after(600));
    cache.forget();
    assert!(!cache.is_late(after(10_000)), "the connection has ended");
}

#[test]
fn timeout_marks_node_as_suspect() {
    let cache = NodeTopicsCache::default();
    cache.timed_out();
    assert!(cache.is_suspect());
    cache.succeeded();
    assert!(!cache.is_suspect());
}

#[test]
fn a_node_is_queried_when_nothing_is_known_or_the_view_is_stale() {
    let start = Instant::now();
    let cache = NodeTopicsCache::default();
    assert_eq!(cache.reach("t", start), (Reach::Unknown, Refresh::BeforeSending));
    cache.set(view(kept(&[]), kept(&["t"]), start).into());
    let after = |ms| start + Duration::from_millis(ms);
    assert_eq!(cache.reach("t", after(10)).1, Refresh::NotNeeded);
    assert_eq!(cache.reach("t", after(1000)), (Reach::PeersOnly, Refresh::InBackground));
    assert_eq!(cache.reach("t", after(5000)), (Reach::PeersOnly, Refresh::BeforeSending));
    assert_eq!(cache.reach("elsewhere", after(1000)), (Reach::NoSubscriber, Refresh::BeforeSending));
    cache.mark_stale();
    assert_eq!(cache.reach("t", after(900)).1, Refresh::NotNeeded, "not more than once a second");
    assert_eq!(cache.reach("t", after(1000)).1, Refresh::BeforeSending);
    cache.forget();
    assert_eq!(cache.reach("t", after(1)).0, Reach::Unknown);
}

#[test]
fn absence_of_subscribers_is_known_from_both_answers_only() {
    let now = Instant::now();
    let known = view(kept(&["both", "own"]), kept(&["both", "peer"]), now);
    let nowhere = ["peer", "both", "own", "none"].map(|topic| known.no_sdk_lists(topic));
    assert_eq!(nowhere, [Some(false), Some(false), None, Some(true)]);
    assert_eq!(view(None, kept(&[]), now).no_sdk_lists("any"), None);
    assert_eq!(view(kept(&[]), None, now).no_sdk_lists("any"), None);
    let partly = view(kept(&[]), partly_kept("peer", &["peer"]), now);
    assert_eq!(["peer", "any"].map(|topic| partly.no_sdk_lists(topic)), [Some(false), None]);
}
