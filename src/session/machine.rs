//! The state machine of one connection, whatever its generation of the protocol.
//!
//! A machine does no I/O and shares nothing with others: bytes, commands and the time go in; bytes to write, messages and
//! [`Effect`](super::effect::Effect)s come out. The [`driver`](super::driver) applies them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::channel;
use super::effect::{Callers, Fatal, Input, Outputs};
use super::errors::Handshake;
use super::options::SessionOptions;
use super::outbox::Outbox;
use super::websocket;
use crate::error::Error;
use crate::protocol::message::{Incoming, Limits, MessageId};
use crate::protocol::{SeqSource, Topic};
use crate::transport::{Generation, OtherGeneration};

/// The generations.
#[allow(clippy::large_enum_variant)] // there is one for each connection
pub(crate) enum Machine<K: Callers> {
    /// 2.x.
    Channel(channel::Machine<K>),
    /// 3.x.
    WebSocket(websocket::Machine<K>),
}

impl<K: Callers> Machine<K> {
    /// Begins a connection to a node of the generation in `options`, with the topics that it has to list.
    pub(crate) fn new(
        options: SessionOptions,
        ids: Arc<SeqSource>,
        topics: HashSet<Topic>,
        now: Instant,
    ) -> Machine<K> {
        match options.generation {
            Generation::V2 => Machine::Channel(channel::Machine::new(options, ids, topics, now)),
            Generation::V3 => Machine::WebSocket(websocket::Machine::new(options, ids, topics, now)),
        }
    }

    /// Returns which handshake this generation begins with, for the texts of errors.
    pub(crate) fn handshake(&self) -> Handshake {
        match self {
            Machine::Channel(_) => Handshake::Channel,
            Machine::WebSocket(_) => Handshake::WebSocket,
        }
    }

    /// Returns what the link can carry.
    pub(crate) fn limits(&self) -> Limits {
        match self {
            Machine::Channel(_) => channel::LIMITS,
            Machine::WebSocket(_) => websocket::LIMITS,
        }
    }

    /// Returns how many bytes of messages one read can bring, the rest of a large one aside.
    pub(crate) fn read_size(&self) -> usize {
        match self {
            Machine::Channel(_) => channel::Machine::<K>::READ_SIZE,
            Machine::WebSocket(_) => websocket::Machine::<K>::READ_SIZE,
        }
    }

    /// Returns the buffer for the next bytes. It always has spare capacity.
    pub(crate) fn read_buffer(&mut self) -> &mut BytesMut {
        match self {
            Machine::Channel(machine) => machine.read_buffer(),
            Machine::WebSocket(machine) => machine.read_buffer(),
        }
    }

    /// Notes that so many bytes have arrived in the buffer.
    pub(crate) fn received(&mut self, bytes: usize, now: Instant) {
        match self {
            Machine::Channel(machine) => machine.received(bytes, now),
            Machine::WebSocket(machine) => machine.received(bytes, now),
        }
    }

    /// Notes that the driver doesn't read at present, because too much waits to be written.
    pub(crate) fn paused(&mut self, now: Instant) {
        match self {
            Machine::Channel(machine) => machine.paused(now),
            Machine::WebSocket(machine) => machine.paused(now),
        }
    }

    /// Returns the next message that has arrived, after dealing with everything else up to it. A unicast is answered by
    /// [`Machine::answer_current`] before this is called again, or by [`Machine::answer`] later.
    ///
    /// # Errors
    /// Returns why the connection has to end.
    pub(crate) fn next_message(&mut self, now: Instant) -> Result<Option<Incoming<'_>>, Fatal> {
        match self {
            Machine::Channel(machine) => machine.next_message(now),
            Machine::WebSocket(machine) => machine.next_message(now),
        }
    }

    /// Answers the unicast returned last. The bytes of the answer are counted already.
    pub(crate) fn answer_current(&mut self, code: i32, data: &Bytes) {
        match self {
            Machine::Channel(machine) => machine.answer_current(code, data),
            Machine::WebSocket(machine) => machine.answer_current(code, data),
        }
    }

    /// Answers an earlier unicast. The bytes of the answer are counted already.
    pub(crate) fn answer(&mut self, id: &MessageId, topic: &Topic, code: i32, data: &Bytes) {
        match self {
            Machine::Channel(machine) => machine.answer(id, topic, code, data),
            Machine::WebSocket(machine) => machine.answer(id, topic, code, data),
        }
    }

    /// No subscription wants the message returned last.
    pub(crate) fn unwanted(&mut self, now: Instant) {
        match self {
            Machine::Channel(machine) => machine.unwanted(now),
            Machine::WebSocket(machine) => machine.unwanted(now),
        }
    }

    /// Takes a command.
    pub(crate) fn handle(&mut self, input: Input<K>, now: Instant) {
        match self {
            Machine::Channel(machine) => machine.handle(input, now),
            Machine::WebSocket(machine) => machine.handle(input, now),
        }
    }

    /// Checks the time.
    ///
    /// # Errors
    /// Returns why the connection has to end: the handshake took too long, the node is dead, or a frame doesn't end.
    pub(crate) fn on_timer(&mut self, now: Instant) -> Result<(), Fatal> {
        match self {
            Machine::Channel(machine) => machine.on_timer(now),
            Machine::WebSocket(machine) => machine.on_timer(now),
        }
    }

    /// Returns when to check the time next.
    pub(crate) fn next_deadline(&self) -> Instant {
        match self {
            Machine::Channel(machine) => machine.next_deadline(),
            Machine::WebSocket(machine) => machine.next_deadline(),
        }
    }

    /// Queues what is to be written now. Called after anything else was done, and after a write.
    pub(crate) fn queue(&mut self, now: Instant) {
        match self {
            Machine::Channel(machine) => machine.queue(now),
            Machine::WebSocket(machine) => machine.queue(now),
        }
    }

    /// Returns the bytes to write.
    pub(crate) fn outbox(&mut self) -> &mut Outbox {
        match self {
            Machine::Channel(machine) => machine.outbox(),
            Machine::WebSocket(machine) => machine.outbox(),
        }
    }

    /// Returns what else is to be done. The driver takes it out.
    pub(crate) fn outputs(&mut self) -> &mut Outputs<K> {
        match self {
            Machine::Channel(machine) => machine.outputs(),
            Machine::WebSocket(machine) => machine.outputs(),
        }
    }

    /// Returns whether the handshake is done.
    pub(crate) fn is_ready(&self) -> bool {
        match self {
            Machine::Channel(machine) => machine.is_ready(),
            Machine::WebSocket(machine) => machine.is_ready(),
        }
    }

    /// Returns what the peer's answers show about the generation that this is not.
    pub(crate) fn other_generation(&self) -> OtherGeneration {
        match self {
            Machine::Channel(machine) => machine.other_generation(),
            // The peer has agreed to the upgrade.
            Machine::WebSocket(_) => OtherGeneration::Excluded,
        }
    }

    /// Returns whether a message has begun to arrive that isn't complete.
    pub(crate) fn is_mid_frame(&self) -> bool {
        match self {
            Machine::Channel(machine) => machine.is_mid_frame(),
            Machine::WebSocket(machine) => machine.is_mid_frame(),
        }
    }

    /// Lists no topic at the node any more, because the connection is going to end. What arrives nevertheless is still
    /// delivered. A topic that is wanted from now on is left to the next connection.
    pub(crate) fn withdraw_topics(&mut self) {
        match self {
            Machine::Channel(machine) => machine.withdraw_topics(),
            // A 3.x node forgets topics only with the connection.
            Machine::WebSocket(_) => {}
        }
    }

    /// Returns whether the node lists no topic any more after [`Machine::withdraw_topics`], as far as can be known, so that
    /// no further requests come.
    pub(crate) fn is_withdrawn(&self) -> bool {
        match self {
            Machine::Channel(machine) => machine.is_withdrawn(),
            Machine::WebSocket(_) => true,
        }
    }

    /// Closes the connection in order: what is queued is written, then what the protocol sends last.
    pub(crate) fn close(&mut self) {
        match self {
            // 2.x has no message for it.
            Machine::Channel(_) => {}
            Machine::WebSocket(machine) => machine.close(),
        }
    }

    /// Ends all calls in flight, because the connection is gone, and what is queued with it.
    pub(crate) fn end(&mut self, error: &Error) {
        match self {
            Machine::Channel(machine) => machine.end(error),
            Machine::WebSocket(machine) => machine.end(error),
        }
    }
}
