//! The errors of calls and connections that a session or its link ends.

use std::fmt::Display;
use std::io;

use crate::error::{Error, ErrorKind};
use crate::protocol::Topic;

/// Returns the error of a call while no session with its node is up.
pub(crate) fn not_connected(endpoint: &str) -> Error {
    Error::undelivered(
        ErrorKind::NotConnected,
        format!("{endpoint} is not connected; the client reconnects automatically: try again later"),
    )
}

/// Returns the error of a call while no session with any node is up.
pub(crate) fn nobody_connected() -> Error {
    Error::undelivered(
        ErrorKind::NotConnected,
        "no node is connected; the client reconnects automatically: try again later",
    )
}

/// Returns the error of a broadcast that waits for a subscriber while no node knows one.
pub(crate) fn no_subscriber_known(topic: &Topic) -> Error {
    let text = format!(
        "no connected node knows a {} of {topic:?}, so nothing was sent: is anyone subscribed? New subscribers \
         become known within 5 s",
        topic.subscriber()
    );
    Error::undelivered(ErrorKind::NoSubscriber, text)
}

/// Returns the error of a unicast whose subscribers are all connected to nodes that don't deliver to SDKs of their own.
pub(crate) fn own_node_only(topic: &Topic, endpoints: &str) -> Error {
    Error::undelivered(
        ErrorKind::OwnNodeOnly,
        format!(
            "all subscribers of {topic:?} are connected to {endpoints}, as this client is, and nodes 2.8.0 to 2.11.2 \
             don't deliver to SDKs of their own: connect the publisher or a subscriber to another node as well"
        ),
    )
}

/// Returns the error of a unicast for which there is no second until its deadline in which the node passes it on.
pub(crate) fn no_second(topic: &Topic, endpoint: &str) -> Error {
    Error::undelivered(
        ErrorKind::OwnNodeOnly,
        format!(
            "until the deadline {endpoint} would choose itself for unicasts on {topic:?}, and nodes 2.8.0 to 2.11.2 \
             don't deliver to SDKs of their own: use a longer timeout, or let subscribers that share the publisher's \
             nodes subscribe at one node (placement one)"
        ),
    )
}

/// Returns the error of a unicast that the session received, or got to, when the node no longer passed it on.
pub(super) fn passage_ended(topic: &Topic, endpoint: &str) -> Error {
    Error::undelivered(
        ErrorKind::OwnNodeOnly,
        format!(
            "{endpoint} would choose itself for the unicast on {topic:?} by now, so it was not sent: try again"
        ),
    )
}

/// Returns the error of a call whose deadline passed before the session received it.
pub(super) fn too_late(endpoint: &str, topic: &Topic) -> Error {
    let text =
        format!("no time was left to send the message on {topic:?} to {endpoint}: use a longer timeout");
    Error::undelivered(ErrorKind::Timeout, text)
}

/// Returns the error of calls of a client that closes.
pub(crate) fn closed() -> Error {
    Error::undelivered(ErrorKind::Closed, "the client was closed")
}

/// Returns the error of calls that were in flight when the connection was lost.
pub(super) fn lost_in_flight(endpoint: &str, why: &Error) -> Error {
    Error::undelivered(
        ErrorKind::ConnectionLost,
        format!("the connection to {endpoint} was lost while the call was in flight: {why}"),
    )
}

/// The handshake with which a connection begins, once its bytes are protected.
#[derive(Clone, Copy, Debug)]
pub(super) enum Handshake {
    /// That of 2.x.
    Channel,
    /// That of 3.x.
    WebSocket,
}

/// Returns the error of a connection whose peer did something else than answer the handshake.
pub(super) fn handshake_failed(endpoint: &str, handshake: Handshake, what: impl Display) -> Error {
    let (name, port) = match handshake {
        Handshake::Channel => ("channel", "the channel port of a 2.x node"),
        Handshake::WebSocket => ("WebSocket", "the RPC port of a 3.x node"),
    };
    Error::undelivered(
        ErrorKind::Handshake,
        format!(
            "the {name} handshake with {endpoint} failed: {what}; check that this is {port} (usually 20200)"
        ),
    )
}

/// Returns the error of a connection whose peer did not answer the handshake in time.
pub(super) fn handshake_timed_out(endpoint: &str, handshake: Handshake) -> Error {
    let (what, port) = match handshake {
        Handshake::Channel => (
            "accepted the connection but didn't answer the channel handshake",
            "the channel port of a 2.x node",
        ),
        Handshake::WebSocket => {
            ("accepted a WebSocket but didn't answer the handshake", "the RPC port of a 3.x node")
        }
    };
    let text = format!("{endpoint} {what} in time; check that this is {port} (usually 20200)");
    Error::undelivered(ErrorKind::ConnectTimeout, text)
}

/// Returns the error of a connection that the node has closed.
pub(super) fn connection_ended(endpoint: &str, handshake: Handshake, ready: bool, mid_frame: bool) -> Error {
    if ready {
        let how = if mid_frame { " in the middle of a frame" } else { "" };
        let text = format!("{endpoint} closed the connection{how}");
        return Error::undelivered(ErrorKind::ConnectionLost, text);
    }
    let what = match (mid_frame, handshake) {
        (true, _) => "it closed the connection in the middle of its first frame",
        (false, Handshake::Channel) => {
            "it closed the connection without an answer, as nodes do that speak none of the protocol versions 1 to 3"
        }
        (false, Handshake::WebSocket) => "it closed the connection without an answer",
    };
    handshake_failed(endpoint, handshake, what)
}

/// Returns the error of a connection that this client closes, because the node doesn't behave as a live one.
pub(super) fn connection_closed(endpoint: &str, why: impl Display) -> Error {
    Error::undelivered(ErrorKind::ConnectionLost, format!("closed the connection to {endpoint}: {why}"))
}

/// Returns the error of a connection that the node closes with a message that says so.
pub(super) fn connection_closed_by_node(endpoint: &str, why: impl Display) -> Error {
    Error::undelivered(ErrorKind::ConnectionLost, format!("{endpoint} closed the connection ({why})"))
}

/// Returns the text of a call that a subscriber has refused with a code.
pub(super) fn refused_by_subscriber(kind: ErrorKind, topic: &Topic, code: i32) -> String {
    match kind {
        ErrorKind::SubscriberFailed => {
            format!("the subscriber's handler for {topic:?} failed (code -5000): its log has the reason")
        }
        ErrorKind::SubscriberDropped => {
            format!(
                "the subscriber of {topic:?} dropped the request without an answer (code -5010): its program has to \
                 answer each request"
            )
        }
        ErrorKind::SubscriberTooSlow => format!(
            "the subscriber's handler for {topic:?} did not answer before the node's limit (code -5011): it has to \
             answer sooner"
        ),
        ErrorKind::SubscriberBusy => format!(
            "the subscriber of {topic:?} has no capacity for a further message (code -5012); another subscriber may \
             have received it before"
        ),
        ErrorKind::SubscriberUnsubscribed => format!(
            "the subscriber has just unsubscribed from {topic:?} (code -5013); another subscriber may have received the \
             message before"
        ),
        _ => format!("the subscriber of {topic:?} answered the error code {code}"),
    }
}

/// Returns the error of a connection that can't be read or written any more.
pub(super) fn connection_broke(
    endpoint: &str,
    handshake: Handshake,
    ready: bool,
    error: &io::Error,
) -> Error {
    if !ready {
        return handshake_failed(endpoint, handshake, format_args!("the connection broke: {error}"));
    }
    let text = format!("the connection to {endpoint} broke: {error}");
    Error::undelivered(ErrorKind::ConnectionLost, text)
}
