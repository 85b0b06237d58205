//! The measured end of the floor, which only counts bytes that pass a relay over the same TLS.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use amop::transport::{BoxedStream, Connector, Credentials, dial};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::Result;
use crate::bursts::Bursts;
use crate::case::Case;
use crate::commands::{Command, Environment, Ready};
use crate::sample::{Latencies, Sample, Stopwatch};

/// The buffer length of one read, the same as the client's.
const READ_LEN: usize = amop::protocol::channel::frame::READ_CHUNK;

/// A connection through the relay to a peer that returns all bytes.
pub(crate) struct Floor {
    stream: BoxedStream,
    buffer: Vec<u8>,
}

impl Floor {
    pub(crate) async fn connect(ready: &Ready) -> Result<Floor> {
        let connector = Connector::rustls(&Credentials::load(&ready.floor.source())?)?;
        let stream = dial(&ready.relay.parse()?, &connector).await?;
        Ok(Floor { stream, buffer: vec![0; READ_LEN] })
    }

    /// Sends the frames of a round and receives them back, `in_flight` at a time, with this mean number of frames per
    /// write.
    pub(crate) async fn round_trips(
        &mut self,
        case: &Case,
        in_flight: usize,
        frames_per_write: f64,
    ) -> Result<Sample> {
        let mut exchange = Exchange {
            stream: &mut self.stream,
            buffer: &mut self.buffer,
            bursts: Bursts::new(frames_per_write.min(in_flight as f64)),
            window: in_flight as u64,
            frame_len: case.frame_len(),
            frames: Vec::new(),
            to_send: case.messages,
            burst: None,
            unwritten: 0,
            flushed: true,
            writes: 0,
            in_flight: 0,
            sent: VecDeque::new(),
            received_bytes: 0,
            latencies: Latencies::new()?,
        };
        let watch = Stopwatch::start();
        std::future::poll_fn(|cx| exchange.poll(cx)).await?;
        let frames_per_write = case.messages as f64 / exchange.writes as f64;
        Ok(watch.stop(case.messages, frames_per_write, Some(exchange.latencies.quantiles())))
    }

    /// Receives the frames of a round, with this mean number of frames per write of the relay.
    pub(crate) async fn stream(
        &mut self,
        case: &Case,
        frames_per_write: f64,
        environment: &mut Environment,
    ) -> Result<Sample> {
        let frame_len = case.frame_len();
        let watch = Stopwatch::start();
        environment.send(&Command::Stream { frames: case.messages, frame_len, frames_per_write })?;
        let mut missing = case.messages as usize * frame_len;
        while missing > 0 {
            match self.stream.read(&mut self.buffer).await? {
                0 => return Err("the relay has ended".into()),
                read => missing -= read,
            }
        }
        let mut sample = watch.stop(case.messages, 0.0, None);
        sample.frames_per_write = environment.frames_per_write()?;
        Ok(sample)
    }
}

/// The state of one round.
struct Exchange<'a> {
    stream: &'a mut BoxedStream,
    buffer: &'a mut [u8],
    bursts: Bursts,
    /// The maximum number of frames in flight.
    window: u64,
    frame_len: usize,
    /// The bytes to send, as many as the largest burst so far. Their values do not matter.
    frames: Vec<u8>,
    to_send: u64,
    /// The next burst, while it would exceed the window.
    burst: Option<u64>,
    /// The number of unwritten bytes of the current burst.
    unwritten: usize,
    flushed: bool,
    writes: u64,
    in_flight: u64,
    /// The time and number of frames of each burst in flight.
    sent: VecDeque<(Instant, u64)>,
    received_bytes: usize,
    latencies: Latencies,
}

impl Exchange<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if let Poll::Ready(ended) = self.write(cx) {
                ended?;
            }
            if self.to_send == 0 && self.in_flight == 0 {
                return Poll::Ready(Ok(()));
            }
            ready!(self.read(cx))?;
        }
    }

    /// Writes all frames that the window allows. Ready once they are written and flushed.
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.unwritten == 0 && !self.begin_burst() {
                break;
            }
            let bytes = &self.frames[..self.unwritten];
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
            self.unwritten -= written;
            self.flushed = false;
            self.writes += 1;
        }
        if !self.flushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    fn begin_burst(&mut self) -> bool {
        let burst = self.burst.take().or_else(|| self.bursts.next()).unwrap_or(1).min(self.to_send);
        if burst == 0 {
            return false;
        }
        if self.in_flight + burst > self.window {
            self.burst = Some(burst);
            return false;
        }
        self.to_send -= burst;
        self.in_flight += burst;
        self.sent.push_back((Instant::now(), burst));
        self.unwritten = burst as usize * self.frame_len;
        if self.frames.len() < self.unwritten {
            self.frames.resize(self.unwritten, 0);
        }
        true
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut buffer = ReadBuf::new(self.buffer);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        if buffer.filled().is_empty() {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.received_bytes += buffer.filled().len();
        let mut frames = (self.received_bytes / self.frame_len) as u64;
        self.received_bytes %= self.frame_len;
        self.in_flight -= frames;
        let now = Instant::now();
        while frames > 0 {
            let Some((at, burst)) = self.sent.front_mut() else { break };
            let answered = frames.min(*burst);
            self.latencies.record(now - *at, answered);
            frames -= answered;
            *burst -= answered;
            if *burst == 0 {
                self.sent.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }
}
