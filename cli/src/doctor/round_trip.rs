//! Steps 7 to 9: heartbeat, topics, and a unicast between two sessions.

use std::time::{Duration, Instant};

use super::finding::Finding;
use super::report::Problem;
use crate::channel::{Channel, ChannelError};
use crate::private_topics::{PrivateTopic, private_topics};
use crate::websocket::{WebSocket, WebSocketError};
use amop::protocol::websocket::status;
use amop::text::span;

/// The pause between two queries whether the node lists the topic.
const PAUSE: Duration = Duration::from_millis(50);

/// Sends a heartbeat. Returns how long the answer took.
pub(super) async fn heartbeat(channel: &mut Channel) -> Result<String, Problem> {
    let began = Instant::now();
    match channel.heartbeat().await {
        Ok(()) => Ok(format!("answered in {}", span(began.elapsed()))),
        Err(error) => Err(Problem::new(Finding::NoHeartbeat, error.to_string())),
    }
}

/// Sends a ping to a node of 3.x. Returns how long its answer took.
pub(super) async fn ping(session: &mut WebSocket) -> Result<String, Problem> {
    match session.ping().await {
        Ok(took) => Ok(format!("answered in {}", span(took))),
        Err(error) => Err(Problem::new(Finding::NoHeartbeat, error.to_string())),
    }
}

/// Subscribes to `topic` at a node of 3.x, which doesn't acknowledge it.
pub(super) async fn subscribe_at_3x(session: &mut WebSocket, topic: &str) -> Result<String, Problem> {
    match session.subscribe(&[topic]).await {
        Ok(()) => Ok("sent; nodes of 3.x neither acknowledge topics nor list them".to_owned()),
        Err(error) => Err(Problem::new(Finding::NoHeartbeat, error.to_string())),
    }
}

/// Sends a unicast from `publisher` to `subscriber`, which has subscribed to `topic`, at a node of 3.x. It is sent again while
/// the node answers that it knows no subscriber, because the two connections are read in any order.
pub(super) async fn unicast_at_3x(
    publisher: &mut WebSocket,
    subscriber: &mut WebSocket,
    topic: &str,
    limit: Duration,
) -> Result<String, Problem> {
    let until = Instant::now() + limit;
    let lost = loop {
        let began = Instant::now();
        match exchange_at_3x(publisher, subscriber, topic).await {
            Ok(0) => return Ok(format!("there and back in {}", span(began.elapsed()))),
            Ok(status::NO_SUBSCRIBER) if Instant::now() < until => tokio::time::sleep(PAUSE).await,
            Ok(status) => break format!("the node answered {status}"),
            Err(error) => break error.to_string(),
        }
    };
    Err(Problem::new(Finding::NoRoundTrip, format!("a unicast to another session at this node: {lost}")))
}

/// Returns the status that the publisher receives.
async fn exchange_at_3x(
    publisher: &mut WebSocket,
    subscriber: &mut WebSocket,
    topic: &str,
) -> Result<i16, WebSocketError> {
    let seq = publisher.publish(topic, b"ping").await?;
    let answered = async {
        let request = subscriber.request_on(topic).await?;
        subscriber.reply(&request, b"pong").await?;
        // The branch of the publisher ends this one.
        std::future::pending().await
    };
    tokio::select! {
        failed = answered => failed,
        answer = publisher.message_of(seq.as_bytes()) => Ok(answer?.status),
    }
}

/// Returns a random topic that no other client uses.
pub(super) fn own_topic() -> String {
    format!("amop-doctor-{:016x}", fastrand::u64(..))
}

/// The most private topics that are shown.
const MAX_SHOWN: usize = 10;

/// Subscribes to `topic` and waits until the node lists it. Returns what else the node lists.
pub(super) async fn subscribe(
    channel: &mut Channel,
    topic: &str,
    limit: Duration,
) -> Result<String, Problem> {
    let failed = |error: ChannelError| match error {
        ChannelError::Refused(refused) => {
            Problem::new(Finding::CallsRefused, format!("{} {}", refused.code, refused.message))
        }
        other => Problem::new(Finding::TopicsNotListed, other.to_string()),
    };
    channel.subscribe(&[topic]).await.map_err(failed)?;
    let until = Instant::now() + limit;
    loop {
        let node = channel.node_info().await.map_err(failed)?;
        if node.topics.iter().any(|listed| listed == topic) {
            let peers = channel.peers(1).await.map_err(failed)?;
            let others = node.topics.len() - 1;
            let at_peers = peers.iter().flat_map(|peer| private_topics(&peer.topics, true));
            let private: Vec<_> = private_topics(&node.topics, false).into_iter().chain(at_peers).collect();
            let private = match private.as_slice() {
                [] => String::new(),
                topics => {
                    let shown: Vec<_> = topics.iter().take(MAX_SHOWN).map(PrivateTopic::to_string).collect();
                    let more = if topics.len() > MAX_SHOWN { ", ..." } else { "" };
                    format!("; {}{more}", shown.join(", "))
                }
            };
            return Ok(format!(
                "listed; topics of other clients: {others}; peers of the node: {}{private}",
                peers.len()
            ));
        }
        if Instant::now() >= until {
            let seen = format!("not listed within {}", span(limit));
            return Err(Problem::new(Finding::TopicsNotListed, seen));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Sends a unicast from `publisher` to `subscriber`, which has subscribed to `topic`; `version` is that of the node. A
/// node that loses the unicast reports it after 30 s or never, so that only `limit` is waited for.
pub(super) async fn unicast(
    publisher: &mut Channel,
    subscriber: &mut Channel,
    topic: &str,
    version: &str,
    limit: Duration,
) -> Result<String, Problem> {
    let began = Instant::now();
    let arrived = tokio::time::timeout(limit, exchange(publisher, subscriber, topic)).await;
    let lost = match arrived {
        Ok(Ok(0)) => return Ok(format!("there and back in {}", span(began.elapsed()))),
        Ok(Ok(result)) => format!("the node answered {result}"),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {}", span(limit)),
    };
    let expected = loses_within_a_node(version);
    let finding = if expected { Finding::SameNodeLoss } else { Finding::NoRoundTrip };
    Err(Problem::new(finding, format!("a unicast to another session at this node: {lost}")))
}

/// Returns the result that the publisher receives.
async fn exchange(
    publisher: &mut Channel,
    subscriber: &mut Channel,
    topic: &str,
) -> Result<i32, ChannelError> {
    let seq = publisher.publish(topic, b"ping").await?;
    let answered = async {
        let request = subscriber.frame_of(&seq).await?;
        subscriber.reply(&request, topic, b"pong").await?;
        // The branch of the publisher ends this one.
        std::future::pending().await
    };
    tokio::select! {
        failed = answered => failed,
        answer = publisher.frame_of(&seq) => Ok(answer?.result),
    }
}

/// Returns whether nodes of this version lose messages between clients of the same node: 2.8 to 2.11.
fn loses_within_a_node(version: &str) -> bool {
    let mut parts = version.trim_start_matches('v').split('.').map(|part| part.parse::<u32>());
    matches!((parts.next(), parts.next()), (Some(Ok(2)), Some(Ok(8..=11))))
}

/// Returns the note about nodes of this version, if there is one, although the round trip worked.
pub(super) fn note(version: &str) -> Option<Problem> {
    loses_within_a_node(version).then(|| {
        Problem::new(
            Finding::SameNodeLoss,
            format!("the node's version is {version}, but it delivered (a patched node)"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_that_should_lose_messages_is_noted_after_a_delivery() {
        assert!(note("2.7.2").is_none());
        let note = note("2.11.2").unwrap();
        assert_eq!(note.finding, Finding::SameNodeLoss);
        assert_eq!(note.seen, "the node's version is 2.11.2, but it delivered (a patched node)");
    }

    #[test]
    fn versions_that_lose_messages_are_recognised() {
        for version in ["2.8.0", "2.9.1", "2.11.2", "v2.10.0", "2.11.0 gm"] {
            assert!(loses_within_a_node(version), "{version}");
        }
        for version in ["2.7.2", "2.6.0", "2.12.0", "3.2.0", "", "2"] {
            assert!(!loses_within_a_node(version), "{version}");
        }
    }
}
