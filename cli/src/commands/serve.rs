//! `amop serve`: answers the unicasts of a topic, by an echo, a fixed text, or the output of a command.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amop::protocol::result::FAILED_TEXT;
use amop::text::span;
use amop::{ErrorKind, Request, RunningHandler};
use bytes::Bytes;
use clap::Args;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::arrival::Arrival;
use crate::connection::{Connected, Connection, Reloading, WAITING_FOR_TOPIC};
use crate::event::EventRecords;
use crate::exec::Commands;
use crate::exit::{Exit, Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::latency::as_micros;
use crate::output::{BAD, FAINT, GOOD, Output, Record, STRONG};
use crate::payload::{self, byte_count};
use crate::reader::Reader;
use crate::topic_key::SubscriberKey;
use crate::values::{positive_seconds, text, whole};

/// Answer the unicasts of a topic, until Ctrl-C
///
/// Sends each message back, or the answer of --reply or --exec. Nodes wait 5 seconds for an answer: after 4.5 the
/// publisher receives the error that the service is too slow, and a later answer is not sent. Broadcasts need no answer
/// and are ignored.
///
/// Ctrl-C lets running commands finish for up to 5 seconds (the setting close_timeout); a second Ctrl-C kills them immediately.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop serve 127.0.0.1:20201 hello                        an echo
  amop serve 127.0.0.1:20201 hello --reply 'got it'
  amop serve 127.0.0.1:20201 sum --exec 'sha256sum'       the payload is the input, the output the reply
  amop serve 127.0.0.1:20201 sum --exec './work' --concurrency 8")]
pub(crate) struct Serve {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    reloading: Reloading,
    /// The topic
    #[arg(value_parser = text())]
    topic: String,
    #[command(flatten)]
    key: SubscriberKey,
    /// Send this reply: text, - for standard input, or @FILE
    #[arg(long, value_name = "TEXT", conflicts_with = "exec", allow_hyphen_values = true)]
    reply: Option<OsString>,
    /// Reply with the output of COMMAND: sh runs it for each message, with the payload as its input and AMOP_TOPIC and
    /// AMOP_SEQ in its environment. If it fails, the publisher receives an error without details
    #[arg(long, value_name = "COMMAND")]
    exec: Option<OsString>,
    /// Kill the command of --exec, with all processes that it has started, after this time [default: no limit]
    #[arg(long, value_name = "SECONDS", requires = "exec", value_parser = positive_seconds)]
    exec_timeout: Option<Duration>,
    /// The number of messages that are handled at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole::<u16>(1..=u16::MAX.into()))]
    concurrency: u16,
}

/// The source of replies.
enum Source {
    Echo,
    Fixed(Bytes),
    Exec { command: OsString, limit: Option<Duration> },
}

/// The number of records that may wait for slow output.
const WAITING_OUTPUT: usize = 1024;

impl Serve {
    pub(crate) async fn run(self, output: &mut Output, interrupt: &Interrupt) -> Outcome {
        let source = Arc::new(match (self.exec, self.reply) {
            (Some(command), _) => Source::Exec { command, limit: self.exec_timeout },
            (None, None) => Source::Echo,
            (None, reply) => match interrupt.unless_caught(payload::read(reply)).await.transpose()? {
                Some(data) => Source::Fixed(data),
                None => return Ok(Exit::Interrupted),
            },
        });
        // Before the connection: from now on the signal does not end the process.
        let reload = self.reloading.signal()?;
        let key = self.key.read(interrupt).await?;
        let connected = self.connection.connect(&self.topic, output, interrupt).await?;
        let Some(Connected { client, endpoints, close_timeout }) = connected else {
            return Ok(Exit::Interrupted);
        };
        let mut events = EventRecords::of(&client, reload);
        let commands = CommandsOfService(Commands::default());
        interrupt.on_immediate_exit({
            let commands = commands.0.clone();
            move || commands.end_all()
        });
        let (sender, mut handled) = mpsc::channel(WAITING_OUTPUT);
        let running = commands.0.clone();
        let handler = move |request: Request| {
            let (source, commands, sender) = (source.clone(), running.clone(), sender.clone());
            async move {
                let record = handle(&source, &commands, &request).await;
                // Fails only if the command is ending.
                let _ = sender.send(record).await;
            }
        };
        let service = client.serve(&self.topic).concurrency(self.concurrency.into());
        let service = match key {
            Some(key) => service.key(key),
            None => service,
        };
        let service = service.for_each(handler);
        let service = interrupt.unless_caught(service);
        let service = output.while_waiting(WAITING_FOR_TOPIC.to_owned(), service).await;
        let Some(mut service) = service.transpose()? else {
            return Ok(Exit::Interrupted);
        };
        output.emit_now(&Serving { endpoint: endpoints, topic: self.topic.clone() })?;
        let mut summary = Summary::default();
        match until_caught(&mut handled, &mut events, &mut summary, output, interrupt).await {
            // Requests that are being handled are still answered.
            Err(Failure::ClosedPipe) => output.mute(),
            served => served?,
        }
        let finishing = Finishing { commands: commands.0.count(), close_timeout };
        finish(&mut service, &commands.0, finishing, &mut handled, &mut summary, output).await?;
        let stats = service.stats();
        summary.lost = stats.refused + stats.dropped;
        output.emit_now(&summary)?;
        client.close().await?;
        Ok(Exit::Done)
    }
}

/// Writes records of the answers until a signal comes.
async fn until_caught(
    handled: &mut mpsc::Receiver<Handled>,
    events: &mut EventRecords,
    summary: &mut Summary,
    output: &mut Output,
    interrupt: &Interrupt,
) -> Outcome<()> {
    let reader = Reader::of_standard_output();
    loop {
        tokio::select! {
            Some(record) = handled.recv() => {
                summary.count(&record);
                output.emit(&record)?;
                if handled.is_empty() {
                    output.flush()?;
                }
            }
            record = events.next() => output.emit_now(&record)?,
            () = interrupt.caught() => return Ok(()),
            () = reader.gone() => return Err(Failure::ClosedPipe),
        }
    }
}

/// The commands of the service. They are killed when it ends, for any reason.
struct CommandsOfService(Commands);

impl Drop for CommandsOfService {
    fn drop(&mut self) {
        self.0.end_all();
    }
}

/// Stops accepting messages, and waits for those that are being handled as long as the client's close allows. Then it
/// kills commands that still run.
async fn finish(
    service: &mut RunningHandler,
    commands: &Commands,
    finishing: Finishing,
    handled: &mut mpsc::Receiver<Handled>,
    summary: &mut Summary,
    output: &mut Output,
) -> Outcome<()> {
    let mut ending = std::pin::pin!(service.end(None));
    if finishing.commands > 0 {
        output.emit_now(&finishing)?;
    }
    tokio::select! {
        drained = drain(handled, summary, output) => {
            drained?;
            return Ok(ending.await?);
        }
        ended = &mut ending => match ended {
            Err(error) if error.kind() == ErrorKind::Timeout => commands.end_all(),
            ended => ended?,
        },
    }
    drain(handled, summary, output).await
}

/// Writes records of the answers until the last handler has finished.
async fn drain(
    handled: &mut mpsc::Receiver<Handled>,
    summary: &mut Summary,
    output: &mut Output,
) -> Outcome<()> {
    while let Some(record) = handled.recv().await {
        summary.count(&record);
        output.emit(&record)?;
    }
    Ok(())
}

/// Answers one request.
async fn handle(source: &Source, commands: &Commands, request: &Request) -> Handled {
    let began = Instant::now();
    let made = match source {
        Source::Echo => Ok(request.data().clone()),
        Source::Fixed(data) => Ok(data.clone()),
        Source::Exec { command, limit } => {
            commands.run(command, request.message(), *limit).await.map(Bytes::from)
        }
    };
    let replied = made.and_then(|data| {
        let reply_bytes = data.len();
        // The reply may be too large or too late.
        request.reply(data).map_err(|error| error.message().to_owned()).map(|()| reply_bytes)
    });
    let answer = match replied {
        Ok(reply_bytes) => Answer::Replied { reply_bytes },
        Err(reason) => match request.fail(Request::FAILED, FAILED_TEXT) {
            Ok(()) => Answer::Failed { reason },
            Err(error) => Answer::NotSent { reason: error.message().to_owned() },
        },
    };
    Handled { request: Arrival::new(request.message()), took: began.elapsed(), answer }
}

/// A node lists the topic.
#[derive(Serialize)]
#[serde(tag = "event", rename = "serving")]
struct Serving {
    endpoint: String,
    topic: String,
}

impl Record for Serving {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let Serving { endpoint, topic } = self;
        output.notice(&format!(
            "{GOOD}serving{GOOD:#} {STRONG}{topic}{STRONG:#} at {endpoint} {FAINT}(Ctrl-C ends){FAINT:#}"
        ))
    }
}

/// The service is ending, and commands still run.
#[derive(Serialize)]
#[serde(tag = "event", rename = "finishing")]
struct Finishing {
    commands: usize,
    #[serde(skip)]
    close_timeout: Duration,
}

impl Record for Finishing {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let commands = match self.commands {
            1 => "1 running command".to_owned(),
            several => format!("{several} running commands"),
        };
        let limit = span(self.close_timeout);
        output.notice(&format!("{FAINT}waiting up to {limit} for {commands} (Ctrl-C kills them){FAINT:#}"))
    }
}

/// A request and its answer.
#[derive(Serialize)]
#[serde(tag = "event", rename = "request")]
struct Handled {
    #[serde(flatten)]
    request: Arrival,
    #[serde(rename = "took_us", serialize_with = "as_micros")]
    took: Duration,
    #[serde(flatten)]
    answer: Answer,
}

#[derive(Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
enum Answer {
    Replied { reply_bytes: usize },
    Failed { reason: String },
    NotSent { reason: String },
}

impl Record for Handled {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let took = span(self.took);
        let (time, payload) = (self.request.time(), self.request.payload(output.payload_limit()));
        output.result(&match &self.answer {
            Answer::Replied { reply_bytes } => {
                format!(
                    "{FAINT}{time}{FAINT:#} {GOOD}replied{GOOD:#} with {} in {took}; message: {payload}",
                    byte_count(*reply_bytes)
                )
            }
            Answer::Failed { reason } => {
                format!("{FAINT}{time}{FAINT:#} {BAD}failed{BAD:#} in {took}: {reason}; message: {payload}")
            }
            Answer::NotSent { reason } => {
                format!(
                    "{FAINT}{time}{FAINT:#} {BAD}not answered{BAD:#} after {took}: {reason}; message: {payload}"
                )
            }
        })
    }
}

/// The summary of the service.
#[derive(Default, Serialize)]
#[serde(tag = "event", rename = "summary")]
struct Summary {
    received: u64,
    replied: u64,
    failed: u64,
    /// Answers that were too late, or whose connection was lost.
    not_sent: u64,
    /// Requests that were refused because the queue was full, or dropped at the end. Their publishers receive an error.
    lost: u64,
}

impl Summary {
    fn count(&mut self, record: &Handled) {
        self.received += 1;
        match record.answer {
            Answer::Replied { .. } => self.replied += 1,
            Answer::Failed { .. } => self.failed += 1,
            Answer::NotSent { .. } => self.not_sent += 1,
        }
    }
}

impl Record for Summary {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let Summary { received, replied, failed, not_sent, lost } = self;
        output.notice(&format!(
            "{received} received, {replied} replied, {failed} answered as failed, {not_sent} answers not sent, \
             {lost} lost"
        ))
    }
}
