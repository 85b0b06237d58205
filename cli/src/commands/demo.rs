//! `amop demo`: two embedded nodes, a subscriber at the second, both publishers at the first, and what they print.

use std::io;
use std::time::Duration;

use amop::text::foreign;
use amop::{Client, ErrorKind, MessageKind, Subscription};
use amop_devnet::Devnet;
use clap::Args;
use jiff::Zoned;
use serde::{Serialize, Serializer};

use crate::clock;
use crate::connection::with_credentials;
use crate::exit::{Exit, Outcome};
use crate::interrupt::Interrupt;
use crate::output::{FAINT, Output, Record, STRONG};

/// Show AMOP at work, without a chain: two embedded nodes, a subscriber, a publisher of each kind
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop demo
  amop demo --json")]
pub(crate) struct Demo {}

/// Messages of each publisher: enough to see the numbers go up.
const MESSAGES: u32 = 3;
/// Between two messages, so that the times differ and all of it takes a second or two.
const INTERVAL: Duration = Duration::from_millis(300);
/// The ports of a chain's first two nodes; others are taken where these are in use.
const PORTS: [u16; 2] = [20200, 20201];
/// As the example programs have it.
const TOPIC: &str = "hello";

impl Demo {
    pub(crate) async fn run(self, output: &mut Output, interrupt: &Interrupt) -> Outcome {
        match interrupt.unless_caught(show(output)).await {
            Some(ended) => ended,
            None => Ok(Exit::Interrupted),
        }
    }
}

async fn show(output: &mut Output) -> Outcome {
    let devnet = start_nodes().await?;
    let endpoints = devnet.endpoints();
    output.tell_now(&Nodes { endpoints: endpoints.clone() })?;

    let subscriber = connect(&devnet, &endpoints[1]).await?;
    let mut messages = subscriber.subscribe(TOPIC).await?;
    output.tell_now(&Program::new("subscriber", &endpoints[1]))?;
    output.tell_now(&Subscribed {})?;
    let publisher = connect(&devnet, &endpoints[0]).await?;
    let mut published = Vec::new();
    for kind in [Kind::Unicast, Kind::Multicast] {
        for number in 0..MESSAGES {
            published.push(publish(&publisher, kind, number).await?);
            output.tell_now(&receive(&mut messages).await?)?;
            tokio::time::sleep(INTERVAL).await;
        }
    }
    for kind in [Kind::Unicast, Kind::Multicast] {
        output.tell(&Program::new(kind.program(), &endpoints[0]))?;
        for record in published.iter().filter(|published| published.kind == kind) {
            output.tell(record)?;
        }
    }
    output.tell_now(&Next {})?;

    publisher.close().await?;
    subscriber.close().await?;
    devnet.stop().await;
    Ok(Exit::Done)
}

async fn start_nodes() -> amop::Result<Devnet> {
    match Devnet::builder().ports(PORTS).start().await {
        Err(error) if error.kind() == ErrorKind::Listen => Devnet::builder().nodes(PORTS.len()).start().await,
        started => started,
    }
}

async fn connect(devnet: &Devnet, endpoint: &str) -> amop::Result<Client> {
    with_credentials(Client::builder().endpoint(endpoint), devnet.credentials()).connect().await
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

/// What the subscriber prints of the next message; a message that was published comes within the call's deadline.
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

/// How long a message may take from one embedded node to the other, on the slowest machine.
const ARRIVAL: Duration = Duration::from_secs(10);

/// The two publishers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Unicast,
    Multicast,
}

impl Kind {
    /// As the example programs put it.
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

/// The beginning of what one program prints.
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

/// The end, and what to try next.
#[derive(Serialize)]
#[serde(tag = "event", rename = "done")]
struct Next {}

impl Record for Next {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        output.result(&format!("\n{FAINT}Nodes that stay: amop devnet. All verbs: amop --help{FAINT:#}"))
    }
}
