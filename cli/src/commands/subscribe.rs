//! `amop subscribe`: prints what arrives on a topic.

use std::io;
use std::time::Instant;

use amop::Subscription;
use clap::Args;
use futures_util::FutureExt;
use serde::Serialize;

use crate::arrival::Arrival;
use crate::connection::{Connection, WAITING_FOR_TOPIC};
use crate::event::EventRecords;
use crate::exit::{Exit, Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::output::{FAINT, GOOD, Output, Record, STRONG};
use crate::pace::Pace;
use crate::reader::Reader;

/// Print the messages that arrive on a topic, until Ctrl-C
///
/// Hears unicasts (replying empty, at once) and broadcasts. Connects again by itself.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop subscribe 127.0.0.1:20201 hello
  amop subscribe 127.0.0.1:20200,127.0.0.1:20201 hello     survives the loss of either node
  amop subscribe 127.0.0.1:20201 hello --count 1 --raw > message
  amop subscribe 127.0.0.1:20201 hello --stats > /dev/null     how many, how fast
  amop subscribe 127.0.0.1:20201 hello --json | jq -r 'select(.event == \"message\").data'")]
pub(crate) struct Subscribe {
    #[command(flatten)]
    connection: Connection,
    /// The topic
    topic: String,
    /// End after N messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Write payloads as they are, with nothing before, between or after them
    #[arg(long, conflicts_with = "json")]
    raw: bool,
    /// Tell every second how many messages have come, how fast, and how many were lost, on standard error (on a terminal
    /// always in the same line) or as JSON
    #[arg(long)]
    stats: bool,
}

impl Subscribe {
    pub(crate) async fn run(self, output: &mut Output, interrupt: &Interrupt) -> Outcome {
        let Some(client) = self.connection.connect(output, interrupt).await? else {
            return Ok(Exit::Interrupted);
        };
        let mut events = EventRecords::of(&client);
        let subscribe = interrupt.unless_caught(client.subscribe(&self.topic).into_future());
        let Some(subscribed) = output.while_waiting(WAITING_FOR_TOPIC.to_owned(), subscribe).await else {
            return Ok(Exit::Interrupted);
        };
        let mut messages = subscribed?;
        output.tell_now(&Subscribed { endpoint: self.connection.names(), topic: self.topic.clone() })?;
        let (received, exit) = self.print(&mut messages, &mut events, output, interrupt).await?;
        messages.unsubscribe();
        output.tell_now(&Summary::new(received, &messages))?;
        client.close().await?;
        Ok(exit)
    }

    /// Prints messages to the last one wanted; how many.
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
                output.tell_now(&progress)?;
            }
            let next = match messages.next().now_or_never() {
                Some(next) => next,
                None => {
                    // Nothing more at the moment: what is buffered goes out before the wait.
                    output.flush()?;
                    tokio::select! {
                        next = messages.next() => next,
                        record = events.next() => {
                            output.tell_now(&record)?;
                            continue;
                        }
                        () = Pace::until_due(pace.as_ref()) => continue,
                        () = interrupt.caught() => continue,
                        () = reader.gone() => return Err(Failure::ClosedPipe),
                    }
                }
            };
            let Some(message) = next else { break };
            output.tell(&Received { arrival: Arrival::new(&message), raw: self.raw })?;
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

/// How many messages were refused or given up because the lane was full.
fn lost(messages: &Subscription) -> u64 {
    let stats = messages.stats();
    stats.refused + stats.dropped
}

/// The node knows about the topic.
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

/// A message as it came.
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
        let (time, kind, payload) = (arrival.time(), arrival.kind(), arrival.payload());
        output.result(&format!("{FAINT}{time}{FAINT:#} {GOOD}{kind:9}{GOOD:#} {payload}"))
    }
}

/// What the subscription came to.
#[derive(Serialize)]
#[serde(tag = "event", rename = "summary")]
struct Summary {
    received: u64,
    lost: u64,
    /// Arrived, but not printed before the end.
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
