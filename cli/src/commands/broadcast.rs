//! `amop broadcast`: sends a message to all subscribers, once or repeatedly.

use std::ffi::OsString;
use std::io;
use std::time::{Duration, Instant};

use amop::Client;
use amop::text::span;
use bytes::Bytes;
use clap::Args;
use serde::Serialize;

use crate::connection::{Connected, Connection};
use crate::event::show_rejected;
use crate::exit::{Exit, Outcome};
use crate::interrupt::Interrupt;
use crate::latency::as_micros;
use crate::output::{FAINT, Output, Record};
use crate::payload::{self, byte_count};
use crate::sending::{Number, Repeat, time_limit, waiting_for};
use crate::topic_key::AllowedKeys;
use crate::values::{positive_seconds, text};

/// Send a message to all subscribers of a topic
///
/// The node acknowledges that it has accepted the message. It doesn't confirm delivery to any subscriber.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop broadcast 127.0.0.1:20200 hello 'hi all'
  amop broadcast 127.0.0.1:20200 hello @picture.png
  amop broadcast 127.0.0.1:20200 hello 'hi all' --wait     waits until there is a subscriber
  amop broadcast 127.0.0.1:20200 hello tick --interval 1")]
pub(crate) struct Broadcast {
    #[command(flatten)]
    connection: Connection,
    /// The topic
    #[arg(value_parser = text())]
    topic: String,
    /// The message: text, - for standard input, or @FILE; without it, standard input unless it is a terminal or empty
    #[arg(allow_negative_numbers = true)]
    data: Option<OsString>,
    #[command(flatten)]
    repeat: Repeat,
    #[command(flatten)]
    allowed: AllowedKeys,
    /// The time limit for the node's acknowledgement of each message [default: 10; with --wait: 60]
    #[arg(long, value_name = "SECONDS", value_parser = positive_seconds)]
    timeout: Option<Duration>,
    /// Send each message only when the node knows a subscriber that it reaches; until the timeout, wait for one
    #[arg(long)]
    wait: bool,
}

impl Broadcast {
    pub(crate) async fn run(self, output: &mut Output, interrupt: &Interrupt) -> Outcome {
        self.connection.check_endpoints()?;
        let Some(data) = interrupt.unless_caught(payload::read(self.data.clone())).await.transpose()? else {
            return Ok(Exit::Interrupted);
        };
        let Some(Connected { client, .. }) = self.connection.connect(&self.topic, output, interrupt).await?
        else {
            return Ok(Exit::Interrupted);
        };
        let private = self.allowed.open(&client, &self.topic).await?;
        let is_private = private.is_some();
        let waiting = waiting_for(&self.topic, self.wait, "waiting for the node");
        let send = async |number| self.send(&client, &data, is_private, number).await;
        let exit = self.repeat.run(&client, output, interrupt, &waiting, send).await?;
        show_rejected(&client, exit, output)?;
        drop(private);
        client.close().await?;
        Ok(exit)
    }

    async fn send(
        &self,
        client: &Client,
        data: &Bytes,
        is_private: bool,
        number: Number,
    ) -> amop::Result<Sent> {
        let began = Instant::now();
        let timeout = time_limit(self.timeout, self.wait);
        let broadcast = client.broadcast(&self.topic, data.clone()).timeout(timeout).private(is_private);
        broadcast.wait_for_subscriber(self.wait).await?;
        Ok(Sent { number, latency: began.elapsed(), bytes: data.len(), once: self.repeat.is_once() })
    }
}

/// The node has acknowledged the message.
#[derive(Serialize)]
#[serde(tag = "event", rename = "sent")]
struct Sent {
    number: Number,
    #[serde(rename = "latency_us", serialize_with = "as_micros")]
    latency: Duration,
    bytes: usize,
    #[serde(skip)]
    once: bool,
}

impl Record for Sent {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        if self.once {
            let took = span(self.latency);
            output.notice(&format!(
                "{FAINT}the node has acknowledged {} ({took}); it doesn't report who receives them{FAINT:#}",
                byte_count(self.bytes)
            ))?;
        }
        Ok(())
    }
}
