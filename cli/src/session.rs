//! A session with a node of either generation, for the verbs that examine the node itself.

use std::fmt;
use std::time::Duration;

use amop::protocol::{channel, websocket};
use amop::transport::{BoxedStream, Endpoint, Generation};

use crate::channel::{Channel, ChannelError};
use crate::websocket::{WebSocket, WebSocketError};

/// A session whose handshake is done, and what was agreed on.
pub(crate) enum Session {
    V2(Channel, channel::handshake::Choice),
    V3(WebSocket, websocket::handshake::Choice),
}

/// Why there is no session of a generation.
#[derive(Debug)]
pub(crate) enum SessionError {
    V2(ChannelError),
    V3(WebSocketError),
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SessionError::V2(error) => write!(f, "as a node of 2.x: {error}"),
            SessionError::V3(error) => write!(f, "as a node of 3.x: {error}"),
        }
    }
}

impl SessionError {
    /// Returns whether a session of the other generation is out of the question, because the peer answered as a node of this
    /// one.
    pub(crate) fn excludes_other_generation(&self) -> bool {
        match self {
            SessionError::V2(error) => matches!(
                error,
                ChannelError::Unreadable(_) | ChannelError::TooLong(_) | ChannelError::Version(_)
            ),
            SessionError::V3(error) => matches!(
                error,
                WebSocketError::Message(_) | WebSocketError::Unreadable(_) | WebSocketError::Version(_)
            ),
        }
    }
}

impl Session {
    /// Does the handshake of this generation over a connection on which nothing was sent yet. Each wait is limited.
    pub(crate) async fn open(
        generation: Generation,
        stream: BoxedStream,
        endpoint: &Endpoint,
        limit: Duration,
    ) -> Result<Session, SessionError> {
        match generation {
            Generation::V2 => {
                let mut channel = Channel::new(stream, limit);
                let choice = channel.handshake().await.map_err(SessionError::V2)?;
                Ok(Session::V2(channel, choice))
            }
            Generation::V3 => {
                let agree = async {
                    let mut session = WebSocket::open(stream, endpoint, limit).await?;
                    let choice = session.handshake().await?;
                    Ok(Session::V3(session, choice))
                };
                agree.await.map_err(SessionError::V3)
            }
        }
    }
}
