//! `amop stats`: shows what a node reports about itself, and at 2.x its peers, and the topics of their clients.

use std::io;
use std::time::{Duration, Instant};

use amop::protocol::channel::rpc::NodeTopics;
use amop::text::{foreign, span};
use amop::transport::{Credentials, DialPlan, Dialled, Endpoint, Generation, SystemResolver, dial_by_plan};
use amop::{Generations, Settings, Tls};
use clap::Args;
use serde::Serialize;

use crate::channel::ChannelError;
use crate::connection::{Endpoints, Identity, endpoints};
use crate::exit::{Exit, Failure, Outcome};
use crate::files::reading_files;
use crate::in_force::InForce;
use crate::interrupt::Interrupt;
use crate::latency::{Latencies, Percentiles};
use crate::output::{ErrorRecord, FAINT, GOOD, Output, Record, STRONG};
use crate::private_topics::{PrivateTopic, private_topics, public_topics};
use crate::reader::Reader;
use crate::session::{Session, SessionError};
use crate::values::{positive_seconds, seconds, whole};
use crate::websocket::WebSocketError;

/// Show a node's version, its peers, and the topics of their clients
///
/// Nodes of 3.x list neither peers nor topics.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop stats 127.0.0.1:20200
  amop stats 127.0.0.1:20200 --interval 5          every 5 seconds, until Ctrl-C
  amop stats 127.0.0.1:20200 --json | jq .topics")]
pub(crate) struct Stats {
    /// The node's port for SDKs (2.x: channel, 3.x: RPC): host:port, IPv4:port or [IPv6]:port; several nodes separated by
    /// commas. With --config it is left out, or given as --endpoint
    #[arg(value_name = "ENDPOINT", value_parser = endpoints(), required = true)]
    endpoints: Option<Endpoints>,
    /// The group whose peers are listed, at nodes of 2.x [default: 1]
    #[arg(long, value_parser = whole::<i64>(1..=32767))]
    group: Option<i64>,
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
        let given = Settings { group: self.group, ..self.identity.given(self.endpoints.as_ref()) };
        let in_force = InForce::find(given, self.identity.config_file()).await?;
        let settings = in_force.settings();
        let (tls, group) = (settings.tls.unwrap_or_default(), settings.group.unwrap_or(1));
        for endpoint in &in_force.some_endpoints()? {
            let waiting = format!("connecting to {endpoint}");
            let source = in_force.credentials();
            let open = async {
                let credentials = match tls {
                    Tls::Off => Ok(None),
                    _ => reading_files(move || Credentials::load(&source)).await?.map(Some),
                };
                let kinds = (tls, settings.generation.unwrap_or_default());
                Ok::<_, Failure>(Connected::open(endpoint, self, kinds, credentials).await)
            };
            match output.while_waiting(waiting, open).await? {
                Ok(session) => sessions.push(session),
                Err(error) => report(output, &error, &mut exit)?,
            }
        }
        let reader = Reader::of_standard_output();
        loop {
            for mut session in std::mem::take(&mut sessions) {
                match session.query(group).await {
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
struct Connected {
    endpoint: Endpoint,
    session: Session,
    tls: Tls,
}

impl Connected {
    /// Connects, and does the handshake of the generation that suits the credentials; if that fails, of the other over a new
    /// connection.
    async fn open(
        endpoint: &str,
        stats: &Stats,
        (tls, generations): (Tls, Generations),
        credentials: amop::Result<Option<Credentials>>,
    ) -> amop::Result<Connected> {
        let endpoint: Endpoint = endpoint.parse()?;
        let (plan, first) = match credentials? {
            Some(own) => (DialPlan::new(&own, tls)?, own.suggested_generation()),
            None => (DialPlan::plain(), Generation::V3),
        };
        let mut failed = Vec::new();
        for generation in generations.in_order(first) {
            let Dialled { stream, way } = Connected::dial(&endpoint, &plan, stats.timeout).await?;
            match Session::open(generation, stream, &endpoint, stats.timeout).await {
                Ok(session) => return Ok(Connected { endpoint, session, tls: way.security.tls() }),
                Err(error) => {
                    failed.push(error.to_string());
                    if error.excludes_other_generation() {
                        break;
                    }
                }
            }
        }
        let text = format!("the handshake with {endpoint} failed, {}", failed.join("; "));
        Err(amop::Error::undelivered(amop::ErrorKind::Handshake, text))
    }

    async fn dial(endpoint: &Endpoint, plan: &DialPlan, limit: Duration) -> amop::Result<Dialled> {
        let dialling = dial_by_plan(&SystemResolver, endpoint, plan, None);
        tokio::time::timeout(limit, dialling).await.unwrap_or_else(|_| {
            let text = format!("connecting to {endpoint} timed out after {}", span(limit));
            Err(amop::Error::undelivered(amop::ErrorKind::ConnectTimeout, text))
        })
    }

    async fn query(&mut self, group: i64) -> Result<Seen, SessionError> {
        let (endpoint, tls) = (self.endpoint.to_string(), self.tls.name());
        let mut latencies = Latencies::new();
        match &mut self.session {
            Session::V2(channel, choice) => {
                let query = async {
                    for _ in 0..HEARTBEATS {
                        let began = Instant::now();
                        channel.heartbeat().await?;
                        latencies.record(began.elapsed());
                    }
                    Ok((channel.node_info().await?, channel.peers(group).await?))
                };
                let (node, peers) = query.await.map_err(SessionError::V2)?;
                Ok(Seen {
                    endpoint,
                    tls,
                    generation: Generation::V2.name(),
                    node_version: choice.node_version.clone(),
                    protocol: choice.protocol,
                    node: Some(Node::new(node, false)),
                    heartbeat_us: latencies.percentiles(),
                    peers: Some(peers.into_iter().map(|peer| Node::new(peer, true)).collect()),
                })
            }
            Session::V3(session, choice) => {
                for _ in 0..HEARTBEATS {
                    latencies.record(session.ping().await.map_err(SessionError::V3)?);
                }
                Ok(Seen {
                    endpoint,
                    tls,
                    generation: Generation::V3.name(),
                    node_version: choice.node_version.clone(),
                    protocol: choice.protocol_version,
                    node: None,
                    heartbeat_us: latencies.percentiles(),
                    peers: None,
                })
            }
        }
    }

    fn failed(&self, error: &SessionError) -> amop::Error {
        let (kind, text) = match error {
            SessionError::V2(error) => (kind_of_2x(error), error.to_string()),
            SessionError::V3(error) => (kind_of_3x(error), error.to_string()),
        };
        amop::Error::undelivered(kind, format!("querying {} failed: {text}", self.endpoint))
    }
}

fn kind_of_2x(error: &ChannelError) -> amop::ErrorKind {
    match error {
        ChannelError::Silent(_) => amop::ErrorKind::Timeout,
        ChannelError::Closed | ChannelError::Io(_) => amop::ErrorKind::ConnectionLost,
        ChannelError::NoFrame(_) | ChannelError::Unreadable(_) | ChannelError::TooLong(_) => {
            amop::ErrorKind::Protocol
        }
        ChannelError::Refused(_) | ChannelError::Version(_) => amop::ErrorKind::Unsupported,
    }
}

fn kind_of_3x(error: &WebSocketError) -> amop::ErrorKind {
    match error {
        WebSocketError::Silent(_) => amop::ErrorKind::Timeout,
        WebSocketError::Closed(_) | WebSocketError::Io(_) => amop::ErrorKind::ConnectionLost,
        WebSocketError::Version(_) => amop::ErrorKind::Unsupported,
        WebSocketError::Upgrade(_)
        | WebSocketError::Frame(_)
        | WebSocketError::Message(_)
        | WebSocketError::Unreadable(_) => amop::ErrorKind::Protocol,
    }
}

/// The answers of the node.
#[derive(Serialize)]
#[serde(tag = "event", rename = "stats")]
struct Seen {
    endpoint: String,
    /// The kind of TLS.
    tls: &'static str,
    /// 2 or 3.
    generation: &'static str,
    node_version: String,
    protocol: u32,
    /// Nodes of 3.x don't report it.
    #[serde(flatten)]
    node: Option<Node>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat_us: Option<Percentiles>,
    /// Nodes of 3.x don't report them.
    #[serde(skip_serializing_if = "Option::is_none")]
    peers: Option<Vec<Node>>,
}

/// One node of the chain.
#[derive(Serialize)]
struct Node {
    node_id: String,
    agency: String,
    address: String,
    topics: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    private_topics: Vec<PrivateTopic>,
}

impl Node {
    fn new(node: NodeTopics, is_peer: bool) -> Node {
        let NodeTopics { node_id, agency, address, topics } = node;
        let private_topics = private_topics(&topics, is_peer);
        Node { node_id, agency, address, topics, private_topics }
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
        let public = public_topics(&self.topics).map(|topic| foreign(topic).to_string());
        public.chain(self.private_topics.iter().map(PrivateTopic::to_string)).collect::<Vec<_>>().join(", ")
    }
}

impl Record for Seen {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let Seen { endpoint, tls, generation: _, node_version, protocol, node, heartbeat_us, peers } = self;
        let who = match node {
            Some(node) => {
                format!("node {}, agency {}, version {node_version}", node.short_id(), foreign(&node.agency))
            }
            None if node_version.is_empty() => "version 3.x".to_owned(),
            None => format!("version {node_version}"),
        };
        output.result(&format!("{STRONG}{endpoint}{STRONG:#} {who}, protocol {protocol}, tls {tls}"))?;
        if let Some(heartbeat) = heartbeat_us {
            output.result(&format!("  heartbeat  {FAINT}{}{FAINT:#}", heartbeat.text()))?;
        }
        match node {
            Some(node) => output.result(&format!("  topics     {GOOD}{}{GOOD:#}", node.topics()))?,
            None => output.result("  topics     not listed by nodes of 3.x")?,
        }
        for peer in peers.iter().flatten() {
            let (address, id, agency) = (foreign(&peer.address), peer.short_id(), foreign(&peer.agency));
            output.result(&format!("  peer       {address} node {id}, agency {agency}"))?;
            output.result(&format!("    topics   {GOOD}{}{GOOD:#}", peer.topics()))?;
        }
        output.flush()
    }
}
