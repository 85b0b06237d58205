//! `amop stats`: shows what a node reports about itself, its peers, and the topics of their clients.

use std::io;
use std::time::{Duration, Instant};

use amop::Tls;
use amop::protocol::channel::rpc::NodeTopics;
use amop::text::{foreign, span};
use amop::transport::{Credentials, DialPlan, Dialled, Endpoint, SystemResolver, dial_by_plan};
use clap::Args;
use serde::Serialize;

use crate::channel::{Channel, ChannelError};
use crate::connection::{Endpoints, Identity, endpoints, reading_files};
use crate::exit::{Exit, Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::latency::{Latencies, Percentiles};
use crate::output::{ErrorRecord, FAINT, GOOD, Output, Record, STRONG};
use crate::reader::Reader;
use crate::values::{positive_seconds, seconds, whole};

/// Show a node's version, its peers, and the topics of their clients
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop stats 127.0.0.1:20200
  amop stats 127.0.0.1:20200 --interval 5          every 5 seconds, until Ctrl-C
  amop stats 127.0.0.1:20200 --json | jq .topics")]
pub(crate) struct Stats {
    /// The node's channel port: host:port, IPv4:port or [IPv6]:port; several nodes separated by commas
    #[arg(value_name = "ENDPOINT", value_parser = endpoints())]
    endpoints: Endpoints,
    /// The group whose peers are listed
    #[arg(long, default_value_t = 1, value_parser = whole::<i64>(1..=32767))]
    group: i64,
    /// Repeat at this interval, until Ctrl-C
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    interval: Option<Duration>,
    #[command(flatten)]
    identity: Identity,
    /// The time limit for the connection and for each answer
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = positive_seconds)]
    timeout: Duration,
}

/// The number of heartbeats that measure the round trip.
const HEARTBEATS: usize = 10;

impl Stats {
    pub(crate) async fn run(self, output: &mut Output, interrupt: &Interrupt) -> Outcome {
        match interrupt.unless_caught(self.show(output)).await {
            Some(ended) => ended,
            None => Ok(if self.interval.is_some() { Exit::Done } else { Exit::Interrupted }),
        }
    }

    async fn show(&self, output: &mut Output) -> Outcome {
        let mut exit = Exit::Done;
        let mut sessions = Vec::new();
        for endpoint in self.endpoints.iter() {
            let waiting = format!("connecting to {endpoint}");
            let source = self.identity.source();
            let open = async {
                let credentials = reading_files(move || Credentials::load(&source)).await?;
                Ok::<_, Failure>(Session::open(endpoint, self, credentials).await)
            };
            match output.while_waiting(waiting, open).await? {
                Ok(session) => sessions.push(session),
                Err(error) => report(output, &error, &mut exit)?,
            }
        }
        let reader = Reader::of_standard_output();
        loop {
            for mut session in std::mem::take(&mut sessions) {
                match session.query(self.group).await {
                    Ok(seen) => {
                        output.emit_now(&seen)?;
                        sessions.push(session);
                    }
                    Err(error) => report(output, &session.failed(&error), &mut exit)?,
                }
            }
            match self.interval {
                _ if sessions.is_empty() => return Ok(exit),
                None => return Ok(exit),
                Some(interval) => tokio::select! {
                    () = tokio::time::sleep(interval) => {}
                    () = reader.gone() => return Err(Failure::ClosedPipe),
                },
            }
        }
    }
}

/// Reports an error of one node. The first one decides the exit code.
fn report(output: &mut Output, error: &amop::Error, exit: &mut Exit) -> io::Result<()> {
    *exit = if *exit == Exit::Done { Exit::from(error) } else { *exit };
    output.emit_now(&ErrorRecord::new(error))
}

/// A session with the node.
struct Session {
    endpoint: Endpoint,
    channel: Channel,
    tls: Tls,
    node_version: String,
    protocol: u32,
}

impl Session {
    async fn open(
        endpoint: &str,
        stats: &Stats,
        credentials: amop::Result<Credentials>,
    ) -> amop::Result<Session> {
        let endpoint: Endpoint = endpoint.parse()?;
        let plan = DialPlan::new(&credentials?, stats.identity.tls)?;
        let dialling = dial_by_plan(&SystemResolver, &endpoint, &plan, None);
        let connected = tokio::time::timeout(stats.timeout, dialling).await;
        let Dialled { stream, way } = connected.unwrap_or_else(|_| {
            let text = format!("connecting to {endpoint} timed out after {}", span(stats.timeout));
            Err(amop::Error::undelivered(amop::ErrorKind::ConnectTimeout, text))
        })?;
        let mut channel = Channel::new(stream, stats.timeout);
        let choice = channel.handshake().await.map_err(|error| {
            let text = format!("the channel handshake with {endpoint} failed: {error}");
            amop::Error::undelivered(amop::ErrorKind::Handshake, text)
        })?;
        let (node_version, protocol) = (choice.node_version, choice.protocol);
        Ok(Session { endpoint, channel, tls: way.security.tls(), node_version, protocol })
    }

    async fn query(&mut self, group: i64) -> Result<Seen, ChannelError> {
        let mut latencies = Latencies::new();
        for _ in 0..HEARTBEATS {
            let began = Instant::now();
            self.channel.heartbeat().await?;
            latencies.record(began.elapsed());
        }
        let node = self.channel.node_info().await?;
        let peers = self.channel.peers(group).await?;
        Ok(Seen {
            endpoint: self.endpoint.to_string(),
            tls: self.tls.name(),
            node_version: self.node_version.clone(),
            protocol: self.protocol,
            node: Node::from(node),
            heartbeat_us: latencies.percentiles(),
            peers: peers.into_iter().map(Node::from).collect(),
        })
    }

    fn failed(&self, error: &ChannelError) -> amop::Error {
        let text = format!("querying {} failed: {error}", self.endpoint);
        amop::Error::undelivered(
            match error {
                ChannelError::Silent(_) => amop::ErrorKind::Timeout,
                ChannelError::Closed | ChannelError::Io(_) => amop::ErrorKind::ConnectionLost,
                ChannelError::NoFrame(_) | ChannelError::Unreadable(_) | ChannelError::TooLong(_) => {
                    amop::ErrorKind::Protocol
                }
                ChannelError::Refused(_) => amop::ErrorKind::Unsupported,
            },
            text,
        )
    }
}

/// The answers of the node.
#[derive(Serialize)]
#[serde(tag = "event", rename = "stats")]
struct Seen {
    endpoint: String,
    /// The kind of TLS.
    tls: &'static str,
    node_version: String,
    protocol: u32,
    #[serde(flatten)]
    node: Node,
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat_us: Option<Percentiles>,
    peers: Vec<Node>,
}

/// One node of the chain.
#[derive(Serialize)]
struct Node {
    node_id: String,
    agency: String,
    address: String,
    topics: Vec<String>,
}

impl From<NodeTopics> for Node {
    fn from(node: NodeTopics) -> Node {
        let NodeTopics { node_id, agency, address, topics } = node;
        Node { node_id, agency, address, topics }
    }
}

impl Node {
    /// Returns the beginning of its id.
    fn short_id(&self) -> String {
        foreign(&self.node_id).to_string().chars().take(8).collect()
    }

    fn topics(&self) -> String {
        if self.topics.is_empty() {
            return "none".to_owned();
        }
        self.topics.iter().map(|topic| foreign(topic).to_string()).collect::<Vec<_>>().join(", ")
    }
}

impl Record for Seen {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let Seen { endpoint, tls, node_version, protocol, node, heartbeat_us, peers } = self;
        output.result(&format!(
            "{STRONG}{endpoint}{STRONG:#} node {}, agency {}, version {}, protocol {protocol}, tls {tls}",
            node.short_id(),
            foreign(&node.agency),
            node_version
        ))?;
        if let Some(heartbeat) = heartbeat_us {
            output.result(&format!("  heartbeat  {FAINT}{}{FAINT:#}", heartbeat.text()))?;
        }
        output.result(&format!("  topics     {GOOD}{}{GOOD:#}", node.topics()))?;
        for peer in peers {
            let (address, id, agency) = (foreign(&peer.address), peer.short_id(), foreign(&peer.agency));
            output.result(&format!("  peer       {address} node {id}, agency {agency}"))?;
            output.result(&format!("    topics   {GOOD}{}{GOOD:#}", peer.topics()))?;
        }
        output.flush()
    }
}
