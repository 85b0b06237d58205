//! What a session's task does with the bytes that its client sends, and with the time: one implementation for each
//! generation of the protocol.

use amop::protocol::channel::{FrameError, FrameReader};
use bytes::BytesMut;
use tokio::time::Instant;

use crate::outbox::End;
use crate::session_guard::{Limits, SessionGuard};

/// The reading side of a session.
pub(crate) trait Inbound: Send {
    /// Returns the buffer for the next bytes. It always has spare capacity.
    fn buffer(&mut self) -> &mut BytesMut;

    /// Processes what has arrived. Returns the number of frames.
    ///
    /// # Errors
    /// Returns how the session ends at once. To end it after the queued frames, order that of the nodes' state.
    fn take(&mut self, guard: &SessionGuard) -> Result<u64, End>;

    /// Notes that bytes have been read or written.
    fn moved(&mut self, now: Instant);

    /// Returns when [`Inbound::check_time`] has something to do.
    fn next_check(&self) -> Instant;

    /// Checks the time.
    ///
    /// # Errors
    /// Returns how the session ends at once.
    fn check_time(&mut self, guard: &SessionGuard, now: Instant) -> Result<(), End>;
}

/// The channel protocol of 2.x.
pub(crate) struct ChannelInbound {
    reader: FrameReader,
    limits: Limits,
    last_byte: Instant,
}

impl ChannelInbound {
    pub(crate) fn new(limits: Limits) -> ChannelInbound {
        ChannelInbound { reader: FrameReader::new(limits.frame_len), limits, last_byte: Instant::now() }
    }
}

impl Inbound for ChannelInbound {
    fn buffer(&mut self) -> &mut BytesMut {
        self.reader.buffer()
    }

    /// Passes all complete frames to the nodes' state under one lock.
    fn take(&mut self, guard: &SessionGuard) -> Result<u64, End> {
        let (reader, key) = (&mut self.reader, guard.key);
        let taken = guard.context.shared.with(|net, now| {
            let mut count = 0;
            while let Some(frame) = reader.next()? {
                count += 1;
                net.receive(key, &frame, now);
            }
            Ok::<u64, FrameError>(count)
        });
        taken.map_err(|error| {
            tracing::warn!(session = key.id(), "closed the connection: {error}");
            End::Close
        })
    }

    fn moved(&mut self, now: Instant) {
        self.last_byte = now;
    }

    /// Returns the idle limit, which counts from the last byte in either direction.
    fn next_check(&self) -> Instant {
        self.last_byte + self.limits.idle
    }

    fn check_time(&mut self, _guard: &SessionGuard, now: Instant) -> Result<(), End> {
        if self.next_check() <= now { Err(End::Close) } else { Ok(()) }
    }
}
