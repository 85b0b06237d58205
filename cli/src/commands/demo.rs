//! `amop demo`: runs two embedded nodes, a subscriber at the second and two publishers at the first, and prints their output.

use std::io;
use std::time::Duration;

use amop::text::foreign;
use amop::{Client, ErrorKind, MessageKind, Subscription};
use amop_devnet::{Devnet, Generation};
use clap::Args;
use jiff::Zoned;
use serde::{Serialize, Serializer};

use crate::clock;
use crate::commands::devnet::devnet_generation;
use crate::exit::{Exit, Outcome};
use crate::interrupt::Interrupt;
use crate::output::{FAINT, Output, Record, STRONG};

/// Show messages between two publishers and a subscriber on two embedded nodes, without a chain
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop demo
  amop demo --generation 3
  amop demo --json")]
pub(crate) struct Demo {
    /// The generation of the nodes, 2 or 3
    #[arg(long, value_name = "GENERATION", default_value = "2", value_parser = devnet_generation())]
    generation: Generation,
}

/// The number of messages of each publisher.
const MESSAGES: u32 = 3;
/// The pause between two messages, so that their times differ.
const INTERVAL: Duration = Duration::from_millis(300);
/// The usual ports of a chain's first two nodes. If they are in use, free ports are used.
const PORTS: [u16; 2] = [20200, 20201];
/// The topic of the example programs.
const TOPIC: &str = "hello";

impl Demo {
    pub(crate) async fn run(self, output: &mut Output, interrupt: &Interrupt) -> Outcome {
        match interrupt.unless_caught(show(self.generation, output)).await {
            Some(ended) => ended,
            None => Ok(Exit::Interrupted),
        }
    }
}

async fn show(generation: Generation, output: &mut Output) -> Outcome {
    let devnet = start_nodes(generation).await?;
    let endpoints = devnet.endpoints();
    output.emit_now(&Nodes { endpoints: endpoints.clone() })?;

    let subscriber = devnet.node(1).client().connect().await?;
    let mut messages = subscriber.subscribe(TOPIC).await?;
    output.emit_now(&Program::new("subscriber", &endpoints[1]))?;
    output.emit_now(&Subscribed {})?;
    let publisher = devnet.node(0).client().connect().await?;
    let mut published = Vec::new();
    for kind in [Kind::Unicast, Kind::Multicast] {
        for number in 0..MESSAGES {
            published.push(publish(&publisher, kind, number).await?);
            output.emit_now(&receive(&mut messages).await?)?;
            tokio::time::sleep(INTERVAL).await;
        }
    }
    for kind in [Kind::Unicast, Kind::Multicast] {
        output.emit(&Program::new(kind.program(), &endpoints[0]))?;
        for record in published.iter().filter(|published| published.kind == kind) {
            output.emit(record)?;
        }
    }
    output.emit_now(&Next {})?;

    publisher.close().await?;
    subscriber.close().await?;
    devnet.stop().await;
    Ok(Exit::Done)
}

async fn start_nodes(generation: Generation) -> amop::Result<Devnet> {
    let builder = Devnet::builder().generation(generation);
    match builder.clone().ports(PORTS).start().await {
        Err(error) if error.kind() == ErrorKind::Listen => builder.nodes(PORTS.len()).start().await,
        started => started,
    }
}

async fn publish(client: &Client, kind: Kind, number: u32) -> amop::Result<Published> {
    let data = format!("hello, FISCO BCOS, I am {} broadcast publisher! {number}", kind.word());
    let time = Zoned::now();
    match kind {
        Kind::Unicast => client.publish(TOPIC, data.clone()).wait_for_subscriber(true).await.map(drop)?,
        Kind::Multicast => client.broadcast(TOPIC, data.clone()).await?,
    }
    Ok(Published { kind, time, data })
}

/// Returns what the subscriber prints of the next message.
async fn receive(messages: &mut Subscription) -> amop::Result<Received> {
    let lost = || amop::Error::undelivered(ErrorKind::Timeout, "a message was published but not received");
    let message =
        tokio::time::timeout(ARRIVAL, messages.next()).await.map_err(|_| lost())?.ok_or_else(lost)?;
    let kind = match message.kind() {
        MessageKind::Unicast => Kind::Unicast,
        MessageKind::Broadcast => Kind::Multicast,
    };
    let data = foreign(message.data()).to_string();
    Ok(Received { kind, time: Zoned::now(), data })
}

/// A last guard: the time that a message may take between the embedded nodes on the slowest machine.
const ARRIVAL: Duration = Duration::from_secs(10);

/// The two publishers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Unicast,
    Multicast,
}

impl Kind {
    /// The word that the example programs use.
    fn word(self) -> &'static str {
        match self {
            Kind::Unicast => "unique",
            Kind::Multicast => "multi",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Kind::Unicast => "unicast_publisher",
            Kind::Multicast => "multicast_publisher",
        }
    }
}

fn as_rfc3339<S: Serializer>(time: &Zoned, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&clock::rfc3339(time.timestamp().into()))
}

#[derive(Serialize)]
#[serde(tag = "event", rename = "ready")]
struct Nodes {
    endpoints: Vec<String>,
}

impl Record for Nodes {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        output.result(&format!("Two embedded nodes of one chain: {}", self.endpoints.join(" and ")))
    }
}

/// The heading of the output of a program.
#[derive(Serialize)]
#[serde(tag = "event", rename = "program")]
struct Program {
    name: &'static str,
    endpoint: String,
    topic: &'static str,
}

impl Program {
    fn new(name: &'static str, endpoint: &str) -> Program {
        Program { name, endpoint: endpoint.to_owned(), topic: TOPIC }
    }
}

impl Record for Program {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let Program { name, endpoint, topic } = self;
        output.result(&format!("\n{STRONG}$ {name} {endpoint} {topic}{STRONG:#}"))
    }
}

#[derive(Serialize)]
#[serde(tag = "event", rename = "subscribed")]
struct Subscribed {}

impl Record for Subscribed {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        output.result("Subscriber success")
    }
}

#[derive(Serialize)]
#[serde(tag = "event", rename = "received")]
struct Received {
    kind: Kind,
    #[serde(serialize_with = "as_rfc3339")]
    time: Zoned,
    data: String,
}

impl Record for Received {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        output.result(&format!("{} received: {}", clock::to_the_second(&self.time), self.data))
    }
}

#[derive(Serialize)]
#[serde(tag = "event", rename = "published")]
struct Published {
    kind: Kind,
    #[serde(serialize_with = "as_rfc3339")]
    time: Zoned,
    data: String,
}

impl Record for Published {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        output.result(&format!("{} publish message: {}", clock::to_the_second(&self.time), self.data))
    }
}

/// The last line, which says what to try next.
#[derive(Serialize)]
#[serde(tag = "event", rename = "done")]
struct Next {}

impl Record for Next {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        output
            .result(&format!("\n{FAINT}To keep nodes running: amop devnet. All verbs: amop --help{FAINT:#}"))
    }
}
