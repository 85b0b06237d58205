//! `amop serve`: answers the unicasts of a topic, with what came, with one text, or with a command's output.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amop::{ErrorKind, Request, RunningHandler};
use bytes::Bytes;
use clap::Args;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::arrival::Arrival;
use crate::connection::{Connection, WAITING_FOR_TOPIC};
use crate::event::EventRecords;
use crate::exec::Commands;
use crate::exit::{Exit, Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::latency::{as_micros, in_words};
use crate::output::{BAD, FAINT, GOOD, Output, Record, STRONG};
use crate::payload;
use crate::reader::Reader;

/// Answer the messages to a topic, until Ctrl-C
///
/// Echoes them, or answers as told. Nodes wait 5 seconds for an answer: after 4.5 the publisher is told that it took
/// too long, and what is answered later isn't sent. Broadcasts need no answer and are left aside.
///
/// Ctrl-C lets commands that are running finish, for 5 seconds; a second one ends them at once.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop serve 127.0.0.1:20201 hello                        echo
  amop serve 127.0.0.1:20201 hello --reply 'got it'
  amop serve 127.0.0.1:20201 sum --exec 'sha256sum'       payload in, output out
  amop serve 127.0.0.1:20201 sum --exec './work' --concurrency 8")]
pub(crate) struct Serve {
    #[command(flatten)]
    connection: Connection,
    /// The topic
    topic: String,
    /// Answer this: text, - for standard input, or @FILE
    #[arg(long, value_name = "TEXT", conflicts_with = "exec")]
    reply: Option<String>,
    /// Answer what COMMAND makes of the message: it is run by sh for each, with the payload as its input; AMOP_TOPIC
    /// and AMOP_SEQ tell more. When it fails, the publisher is told so
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    /// How many messages to work on at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
}

/// Where answers come from.
enum Source {
    Echo,
    Fixed(Bytes),
    Exec(String),
}

/// What was answered may wait for slow output, but not without a limit.
const WAITING_OUTPUT: usize = 1024;

impl Serve {
    pub(crate) async fn run(self, output: &mut Output, interrupt: &Interrupt) -> Outcome {
        let source = Arc::new(match (self.exec, self.reply) {
            (Some(command), _) => Source::Exec(command),
            (None, None) => Source::Echo,
            (None, reply) => match interrupt.unless_caught(payload::read(reply)).await.transpose()? {
                Some(data) => Source::Fixed(data),
                None => return Ok(Exit::Interrupted),
            },
        });
        let Some(client) = self.connection.connect(output, interrupt).await? else {
            return Ok(Exit::Interrupted);
        };
        let mut events = EventRecords::of(&client);
        let commands = CommandsOfService(Commands::default());
        interrupt.at_once({
            let commands = commands.0.clone();
            move || commands.end_all()
        });
        let (tell, mut handled) = mpsc::channel(WAITING_OUTPUT);
        let running = commands.0.clone();
        let handler = move |request: Request| {
            let (source, commands, tell) = (source.clone(), running.clone(), tell.clone());
            async move {
                let record = handle(&source, &commands, &request).await;
                // The command is ending if nobody counts any more.
                let _ = tell.send(record).await;
            }
        };
        let service = client.serve(&self.topic, handler).concurrency(self.concurrency.into());
        let service = interrupt.unless_caught(service.into_future());
        let service = output.while_waiting(WAITING_FOR_TOPIC.to_owned(), service).await;
        let Some(mut service) = service.transpose()? else {
            return Ok(Exit::Interrupted);
        };
        output.tell_now(&Serving { endpoint: self.connection.names(), topic: self.topic.clone() })?;
        let mut summary = Summary::default();
        match until_caught(&mut handled, &mut events, &mut summary, output, interrupt).await {
            // What is being worked on is still answered.
            Err(Failure::ClosedPipe) => output.mute(),
            served => served?,
        }
        finish(&mut service, &commands.0, &mut handled, &mut summary, output).await?;
        let stats = service.stats();
        summary.lost = stats.refused + stats.dropped;
        output.tell_now(&summary)?;
        client.close().await?;
        Ok(Exit::Done)
    }
}

/// Tells what is answered until a signal comes.
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
                output.tell(&record)?;
                if handled.is_empty() {
                    output.flush()?;
                }
            }
            record = events.next() => output.tell_now(&record)?,
            () = interrupt.caught() => return Ok(()),
            () = reader.gone() => return Err(Failure::ClosedPipe),
        }
    }
}

/// The commands of the service: they end with it, however it ends.
struct CommandsOfService(Commands);

impl Drop for CommandsOfService {
    fn drop(&mut self) {
        self.0.end_all();
    }
}

/// Takes no more messages, and waits for those that are being worked on as long as the client's close allows;
/// commands that still run then are ended.
async fn finish(
    service: &mut RunningHandler,
    commands: &Commands,
    handled: &mut mpsc::Receiver<Handled>,
    summary: &mut Summary,
    output: &mut Output,
) -> Outcome<()> {
    let mut ending = std::pin::pin!(service.end(None));
    let commands_running = commands.count();
    if commands_running > 0 {
        output.tell_now(&Finishing { commands: commands_running })?;
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

/// Tells what is answered until the last handler has gone.
async fn drain(
    handled: &mut mpsc::Receiver<Handled>,
    summary: &mut Summary,
    output: &mut Output,
) -> Outcome<()> {
    while let Some(record) = handled.recv().await {
        summary.count(&record);
        output.tell(&record)?;
    }
    Ok(())
}

/// Answers one request.
async fn handle(source: &Source, commands: &Commands, request: &Request) -> Handled {
    let began = Instant::now();
    let made = match source {
        Source::Echo => Ok(request.data().clone()),
        Source::Fixed(data) => Ok(data.clone()),
        Source::Exec(command) => commands.run(command, request.message()).await.map(Bytes::from),
    };
    let replied = made.and_then(|data| {
        let reply_bytes = data.len();
        // It may be too large, or come too late.
        request.reply(data).map_err(|error| error.message().to_owned()).map(|()| reply_bytes)
    });
    let answer = match replied {
        Ok(reply_bytes) => Answer::Replied { reply_bytes },
        Err(reason) => match request.fail(Request::FAILED, reason.clone()) {
            Ok(()) => Answer::Failed { reason },
            Err(error) => Answer::NotSent { reason: error.message().to_owned() },
        },
    };
    Handled { request: Arrival::new(request.message()), took: began.elapsed(), answer }
}

/// The node knows about the topic.
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

/// The end has begun, and commands still run.
#[derive(Serialize)]
#[serde(tag = "event", rename = "finishing")]
struct Finishing {
    commands: usize,
}

impl Record for Finishing {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let commands = match self.commands {
            1 => "1 running command".to_owned(),
            several => format!("{several} running commands"),
        };
        output.notice(&format!("{FAINT}waiting up to 5 s for {commands} (Ctrl-C ends at once){FAINT:#}"))
    }
}

/// A request and what became of it.
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
        let took = in_words(self.took);
        let (time, payload) = (self.request.time(), self.request.payload());
        output.result(&match &self.answer {
            Answer::Replied { reply_bytes } => {
                format!(
                    "{FAINT}{time}{FAINT:#} {GOOD}replied{GOOD:#} {reply_bytes} bytes in {took} to {payload}"
                )
            }
            Answer::Failed { reason } => {
                format!("{FAINT}{time}{FAINT:#} {BAD}failed{BAD:#} in {took}: {reason}, at {payload}")
            }
            Answer::NotSent { reason } => {
                format!(
                    "{FAINT}{time}{FAINT:#} {BAD}not answered{BAD:#} after {took}: {reason}, at {payload}"
                )
            }
        })
    }
}

/// What the service came to.
#[derive(Default, Serialize)]
#[serde(tag = "event", rename = "summary")]
struct Summary {
    received: u64,
    replied: u64,
    failed: u64,
    /// The answer came too late, or its connection was lost.
    not_sent: u64,
    /// Refused because too many were waiting, or given up at the end; the publishers are told so.
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
