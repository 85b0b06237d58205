//! The errors of calls and connections that a session or its link ends.

use std::fmt::Display;
use std::io;

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

/// Returns the error of a connection whose peer did something else than answer the channel handshake.
pub(super) fn handshake_failed(endpoint: &str, what: impl Display) -> Error {
    Error::undelivered(
        ErrorKind::Handshake,
        format!(
            "the channel handshake with {endpoint} failed: {what}; is it a channel port of a 2.x node (20200 by custom)?"
        ),
    )
}

/// Returns the error of a connection that the node has closed.
pub(super) fn connection_ended(endpoint: &str, ready: bool, mid_frame: bool) -> Error {
    if ready {
        let how = if mid_frame { " in the middle of a frame" } else { "" };
        let text = format!("{endpoint} closed the connection{how}");
        return Error::undelivered(ErrorKind::ConnectionLost, text);
    }
    let what = match mid_frame {
        true => "it closed the connection in the middle of its first frame",
        false => {
            "it closed the connection without an answer, as nodes do that speak none of the protocol versions 1 to 3"
        }
    };
    handshake_failed(endpoint, what)
}

/// Returns the error of a connection that this client closes, because the node doesn't behave as a live one.
pub(super) fn connection_closed(endpoint: &str, why: impl Display) -> Error {
    Error::undelivered(ErrorKind::ConnectionLost, format!("closed the connection to {endpoint}: {why}"))
}

/// Returns the error of a connection that can't be read or written any more.
pub(super) fn connection_broke(endpoint: &str, ready: bool, error: &io::Error) -> Error {
    if !ready {
        return handshake_failed(endpoint, format_args!("the connection broke: {error}"));
    }
    let text = format!("the connection to {endpoint} broke: {error}");
    Error::undelivered(ErrorKind::ConnectionLost, text)
}
