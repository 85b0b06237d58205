//! The reading side of a session: the HTTP upgrade, then WebSocket frames, and the pings by which a node notices that its
//! client is gone.

use std::time::Duration;

use amop::protocol::message::Payload;
use amop::protocol::websocket::frame::{close_code, put_ping, put_pong};
use amop::protocol::websocket::{FrameReader, Received, Side};
use bytes::{Buf, Bytes, BytesMut};
use tokio::time::Instant;

use super::upgrade::{self, Verdict};
use crate::inbound::Inbound;
use crate::net::Net;
use crate::outbox::End;
use crate::session_guard::{Limits, SessionGuard};
use crate::table::Key;

/// How often a node looks whether its client sends anything.
const LOOK: Duration = Duration::from_secs(5);

/// The WebSocket protocol of 3.x.
pub(crate) struct WebSocketInbound {
    phase: Phase,
    /// When the node looks next; before the upgrade, when it gives the client up.
    look_at: Instant,
    /// Whether nothing at all has arrived since the ping of the last look.
    pinged: bool,
}

enum Phase {
    /// The request for the upgrade arrives.
    Http(BytesMut),
    /// Frames arrive.
    Frames(FrameReader),
}

impl WebSocketInbound {
    pub(crate) fn new(limits: Limits) -> WebSocketInbound {
        WebSocketInbound {
            phase: Phase::Http(BytesMut::new()),
            look_at: Instant::now() + limits.idle,
            pinged: false,
        }
    }

    /// Notes that bytes have arrived, `data` if they belong to a message and not only to a ping, pong or close.
    fn heard(&mut self, data: bool) {
        self.pinged = false;
        if data {
            self.look_at = Instant::now() + LOOK;
        }
    }

    fn take_request(&mut self, guard: &SessionGuard) -> Result<u64, End> {
        let Phase::Http(bytes) = &mut self.phase else { return Ok(0) };
        while let Some((length, verdict)) = upgrade::read(bytes) {
            bytes.advance(length);
            match verdict {
                Verdict::NotHttp => return Err(End::Cut),
                Verdict::Refused(answer) => guard.send_raw(&answer),
                Verdict::Closed(answer) => {
                    guard.send_raw(&answer);
                    guard.context.shared.with(|net, _| net.sessions.end(guard.key, End::Close));
                    return Ok(0);
                }
                Verdict::Accepted(answer) => {
                    guard.send_raw(&answer);
                    let mut reader = FrameReader::new(Side::Client);
                    reader.buffer().extend_from_slice(bytes);
                    self.phase = Phase::Frames(reader);
                    self.heard(true);
                    return self.take_frames(guard);
                }
            }
        }
        Ok(0)
    }

    fn take_frames(&mut self, guard: &SessionGuard) -> Result<u64, End> {
        let Phase::Frames(reader) = &mut self.phase else { return Ok(0) };
        let key = guard.key;
        let mut data = false;
        let taken = guard.context.shared.with(|net, now| {
            let mut messages = 0;
            let last_first = net.options.last_first;
            let mut held = Vec::new();
            while let Some(received) = reader.next().transpose() {
                match received {
                    Ok(Received::Message(message)) => {
                        messages += 1;
                        data = true;
                        match last_first {
                            true => held.push(message.keep()),
                            false => net.receive_message(key, message, now),
                        }
                    }
                    Ok(Received::Ping(payload)) => {
                        net.sessions.enqueue_frame(key, |out| put_pong(out, None, payload));
                    }
                    Ok(Received::Pong(_)) => {}
                    Ok(Received::Close(code)) => {
                        process_held(net, key, &mut held, now);
                        net.close_session(key, code.unwrap_or(close_code::NORMAL));
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(session = key.id(), "closed the connection: {error}");
                        process_held(net, key, &mut held, now);
                        net.close_session(key, error.close_code());
                        break;
                    }
                }
            }
            process_held(net, key, &mut held, now);
            messages
        });
        // Half of a frame with data counts as data.
        let began = reader.unread().first().is_some_and(|first| first & 0x08 == 0);
        self.heard(data || began);
        Ok(taken)
    }
}

/// Processes messages that arrived together, the last first.
fn process_held(net: &mut Net, from: Key, held: &mut Vec<Bytes>, now: Instant) {
    for message in held.drain(..).rev() {
        net.receive_message(from, Payload::new(&message, Some(&message)), now);
    }
}

impl Inbound for WebSocketInbound {
    fn buffer(&mut self) -> &mut BytesMut {
        match &mut self.phase {
            Phase::Http(bytes) => {
                bytes.reserve(1024);
                bytes
            }
            Phase::Frames(reader) => reader.buffer(),
        }
    }

    fn take(&mut self, guard: &SessionGuard) -> Result<u64, End> {
        match self.phase {
            Phase::Http(_) => self.take_request(guard),
            Phase::Frames(_) => self.take_frames(guard),
        }
    }

    fn moved(&mut self, _now: Instant) {}

    fn next_check(&self) -> Instant {
        self.look_at
    }

    /// Sends a ping, or cuts the connection if nothing has arrived since the last one.
    fn check_time(&mut self, guard: &SessionGuard, now: Instant) -> Result<(), End> {
        if now < self.look_at {
            return Ok(());
        }
        if self.pinged || matches!(self.phase, Phase::Http(_)) {
            return Err(End::Cut);
        }
        self.pinged = true;
        self.look_at = now + LOOK;
        guard
            .context
            .shared
            .with(|net, _| net.sessions.enqueue_frame(guard.key, |out| put_ping(out, None, b"")));
        Ok(())
    }
}
