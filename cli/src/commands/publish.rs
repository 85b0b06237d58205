//! `amop publish`: sends a unicast, once or repeatedly, and prints the replies.

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
use crate::payload::{self, Shown, byte_count};
use crate::sending::{Number, Repeat, time_limit, waiting_for};
use crate::topic_key::AllowedKeys;
use crate::values::{positive_seconds, text};

/// Send a message to one subscriber of a topic and print its reply
///
/// The nodes choose the subscriber. A subscriber that doesn't serve the topic sends an empty reply.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop publish 127.0.0.1:20200 hello 'hi there'
  amop publish 127.0.0.1:20200 hello @picture.png --raw > reply
  date | amop publish 127.0.0.1:20200 hello -
  amop publish 127.0.0.1:20200 orders hi --wait --allow orders.pem.pub     a private topic
  amop publish 127.0.0.1:20200 hello hi --wait             waits until there is a subscriber
  amop publish 127.0.0.1:20200 hello hi --count 1000       shows rate and latency
  amop publish 127.0.0.1:20200 hello hi --interval 1       sends until Ctrl-C")]
pub(crate) struct Publish {
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
    /// The time limit for each message and its reply [default: 10; with --wait: 60]
    #[arg(long, value_name = "SECONDS", value_parser = positive_seconds)]
    timeout: Option<Duration>,
    /// While there is no subscriber, retry until the timeout
    #[arg(long)]
    wait: bool,
    /// Write replies unchanged, with nothing around them
    #[arg(long, conflicts_with = "json")]
    raw: bool,
}

impl Publish {
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
        let waiting = waiting_for(&self.topic, self.wait, "waiting for the reply");
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
    ) -> amop::Result<Reply> {
        let began = Instant::now();
        let timeout = time_limit(self.timeout, self.wait);
        let publish = client.publish(&self.topic, data.clone()).timeout(timeout).private(is_private);
        let reply = publish.wait_for_subscriber(self.wait).await?;
        Ok(Reply {
            number,
            endpoint: reply.endpoint().to_owned(),
            latency: began.elapsed(),
            reply: Shown::new(reply.data()),
            raw: self.raw,
            once: self.repeat.is_once(),
        })
    }
}

/// The reply of a subscriber.
#[derive(Serialize)]
#[serde(tag = "event", rename = "reply")]
struct Reply {
    number: Number,
    endpoint: String,
    #[serde(rename = "latency_us", serialize_with = "as_micros")]
    latency: Duration,
    #[serde(flatten)]
    reply: Shown,
    #[serde(skip)]
    raw: bool,
    #[serde(skip)]
    once: bool,
}

impl Record for Reply {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let reply = self.reply.bytes();
        if self.raw {
            return output.raw(reply);
        }
        if !reply.is_empty() {
            let text = self.reply.text(output.payload_limit());
            output.result(text.strip_suffix('\n').unwrap_or(&text))?;
        }
        if self.once {
            let took = span(self.latency);
            let what = match reply.len() {
                0 => "delivered, the reply is empty".to_owned(),
                bytes => format!("delivered, the reply has {}", byte_count(bytes)),
            };
            output.notice(&format!("{FAINT}{what} ({took}){FAINT:#}"))?;
        }
        Ok(())
    }
}
