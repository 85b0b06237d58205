//! The errors of calls and connections that a session or its link ends.

use crate::error::{Error, ErrorKind};
use crate::protocol::Topic;

/// Returns the error of a call while no session with its node is up.
pub(crate) fn not_connected(endpoint: &str) -> Error {
    Error::undelivered(
        ErrorKind::NotConnected,
        format!("{endpoint} is not connected at the moment; the client reconnects by itself: try again"),
    )
}

/// Returns the error of a call while no session with any node is up.
pub(crate) fn nobody_connected() -> Error {
    Error::undelivered(
        ErrorKind::NotConnected,
        "no node is connected at the moment; the client reconnects by itself: try again",
    )
}

/// Returns the error of a broadcast that waits for a subscriber while no node knows one.
pub(crate) fn no_subscriber_known(topic: &Topic) -> Error {
    let text = format!(
        "no connected node knows a subscriber of {topic:?}, so nothing was sent: is anyone subscribed? New subscribers \
         become known within 5 s"
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

/// Returns the error of a call whose deadline passed before the session received it.
pub(super) fn too_late(endpoint: &str, topic: &Topic) -> Error {
    let text = format!("no time was left to send the message on {:?} to {endpoint}", topic);
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

/// Returns the error of a connection that the node has closed.
pub(super) fn connection_ended(endpoint: &str, ready: bool, mid_frame: bool) -> Error {
    if !ready {
        return Error::undelivered(
            ErrorKind::Handshake,
            format!(
                "{endpoint} closed the connection instead of answering the channel handshake: it speaks none of \
                 the protocol versions 1 to 3, or it is no channel port of a 2.x node"
            ),
        );
    }
    let how = if mid_frame { " in the middle of a frame" } else { "" };
    Error::undelivered(ErrorKind::ConnectionLost, format!("{endpoint} closed the connection{how}"))
}
