//! `amop subscribe`: prints the messages that arrive on a topic.

use std::io;
use std::time::Instant;

use amop::Subscription;
use clap::Args;
use futures_util::FutureExt;
use serde::Serialize;

use crate::arrival::Arrival;
use crate::connection::{Connected, Connection, Reloading, WAITING_FOR_TOPIC};
use crate::event::EventRecords;
use crate::exit::{Exit, Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::output::{FAINT, GOOD, Output, Record, STRONG};
use crate::pace::Pace;
use crate::reader::Reader;
use crate::topic_key::SubscriberKey;
use crate::values::{text, whole};

/// Print the messages that arrive on a topic, until Ctrl-C
///
/// Receives unicasts, which it acknowledges with an empty reply, and broadcasts. Reconnects automatically.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop subscribe 127.0.0.1:20201 hello
  amop subscribe 127.0.0.1:20200,127.0.0.1:20201 hello     continues if one node is lost
  amop subscribe 127.0.0.1:20201 orders --topic-key orders.pem     a private topic
  amop subscribe 127.0.0.1:20201 hello --count 1 --raw > message
  amop subscribe 127.0.0.1:20201 hello --stats > /dev/null     shows number and rate
  amop subscribe 127.0.0.1:20201 hello --json | jq -r 'select(.event == \"message\").data'")]
pub(crate) struct Subscribe {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    reloading: Reloading,
    /// The topic
    #[arg(value_parser = text())]
    topic: String,
    #[command(flatten)]
    key: SubscriberKey,
    /// End after N messages
    #[arg(long, value_name = "N", value_parser = whole::<u64>(1..=u64::MAX))]
    count: Option<u64>,
    /// Write payloads unchanged, with nothing before, between or after them
    #[arg(long, conflicts_with = "json")]
    raw: bool,
    /// Report every second the number and rate of messages, and how many were lost, on standard error (on a terminal in
    /// one line) or as JSON
    #[arg(long)]
    stats: bool,
}

impl Subscribe {
    pub(crate) async fn run(self, output: &mut Output, interrupt: &Interrupt) -> Outcome {
        // Before the connection: from now on the signal does not end the process.
        let reload = self.reloading.signal()?;
        let key = self.key.read(interrupt).await?;
        let Some(Connected { client, endpoints: endpoint, .. }) =
            self.connection.connect(&self.topic, output, interrupt).await?
        else {
            return Ok(Exit::Interrupted);
        };
        let mut events = EventRecords::of(&client, reload);
        let subscribe = client.subscribe(&self.topic);
        let subscribe = match key {
            Some(key) => subscribe.key(key),
            None => subscribe,
        };
        let subscribe = interrupt.unless_caught(subscribe.into_future());
        let Some(subscribed) = output.while_waiting(WAITING_FOR_TOPIC.to_owned(), subscribe).await else {
            return Ok(Exit::Interrupted);
        };
        let mut messages = subscribed?;
        output.emit_now(&Subscribed { endpoint, topic: self.topic.clone() })?;
        let (received, exit) = match self.print(&mut messages, &mut events, output, interrupt).await {
            // The client still sends the answers of the messages that it has received.
            Err(Failure::ClosedPipe) => {
                output.mute();
                (0, Exit::Done)
            }
            printed => printed?,
        };
        messages.unsubscribe();
        output.emit_now(&Summary::new(received, &messages))?;
        client.close().await?;
        Ok(exit)
    }

    /// Prints messages until the count is reached. Returns their number.
    async fn print(
        &self,
        messages: &mut Subscription,
        events: &mut EventRecords,
        output: &mut Output,
        interrupt: &Interrupt,
    ) -> Outcome<(u64, Exit)> {
        let reader = Reader::of_standard_output();
        let mut pace = self.stats.then(|| Pace::new(Instant::now()));
        if self.stats {
            output.start_progress("no message yet");
        }
        let mut received = 0;
        while self.count.is_none_or(|count| received < count) && !interrupt.is_caught() {
            if let Some(pace) = &mut pace
                && let Some(progress) = pace.due(Instant::now(), || lost(messages))
            {
                output.emit_now(&progress)?;
            }
            let next = match messages.next().now_or_never() {
                Some(next) => next,
                None => {
                    // No message is queued: write what is buffered before waiting.
                    output.flush()?;
                    tokio::select! {
                        next = messages.next() => next,
                        record = events.next() => {
                            output.emit_now(&record)?;
                            continue;
                        }
                        () = Pace::until_due(pace.as_ref()) => continue,
                        () = interrupt.caught() => continue,
                        () = reader.gone() => return Err(Failure::ClosedPipe),
                    }
                }
            };
            let Some(message) = next else { break };
            output.emit(&Received { arrival: Arrival::new(&message), raw: self.raw })?;
            received += 1;
            if let Some(pace) = &mut pace {
                pace.count(message.data().len());
            }
        }
        output.end_progress();
        let complete = self.count.is_none_or(|count| received == count);
        Ok((received, if complete { Exit::Done } else { Exit::Interrupted }))
    }
}

/// Returns the number of messages that were refused or dropped because the lane was full.
fn lost(messages: &Subscription) -> u64 {
    let stats = messages.stats();
    stats.refused + stats.dropped
}

/// A node lists the topic.
#[derive(Serialize)]
#[serde(tag = "event", rename = "subscribed")]
struct Subscribed {
    endpoint: String,
    topic: String,
}

impl Record for Subscribed {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let Subscribed { endpoint, topic } = self;
        output.notice(&format!(
            "{GOOD}subscribed{GOOD:#} to {STRONG}{topic}{STRONG:#} at {endpoint} {FAINT}(Ctrl-C ends){FAINT:#}"
        ))
    }
}

/// A received message.
#[derive(Serialize)]
#[serde(tag = "event", rename = "message")]
struct Received {
    #[serde(flatten)]
    arrival: Arrival,
    #[serde(skip)]
    raw: bool,
}

impl Record for Received {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let Received { arrival, raw } = self;
        if *raw {
            return output.raw(arrival.data());
        }
        let (time, kind, payload) = (arrival.time(), arrival.kind(), arrival.payload(output.payload_limit()));
        output.result(&format!("{FAINT}{time}{FAINT:#} {GOOD}{kind:9}{GOOD:#} {payload}"))
    }
}

/// The summary of the subscription.
#[derive(Serialize)]
#[serde(tag = "event", rename = "summary")]
struct Summary {
    received: u64,
    lost: u64,
    /// Messages that arrived but were not printed before the end.
    unread: u64,
}

impl Summary {
    fn new(received: u64, messages: &Subscription) -> Summary {
        Summary { received, lost: lost(messages), unread: messages.stats().held_messages as u64 }
    }
}

impl Record for Summary {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let Summary { received, lost, unread } = self;
        output.notice(&format!("{received} received, {lost} lost, {unread} not printed"))
    }
}
