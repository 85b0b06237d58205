//! The process beside the measured one: two nodes, the client at the other node, and the floor's relay with its peer.
//!
//! It executes commands from its standard input until that ends.

use std::io::Write;
use std::sync::Arc;

use amop::transport::{Connector, CredentialSource, KeyExchange, NodeAcceptor, dial};
use amop::{Client, Request};
use amop_devnet::chain::{LeafOptions, Role};
use amop_devnet::{Devnet, Generation};
use bytes::Bytes;
use futures_util::stream::{self, TryStreamExt};
use serde::Serialize;
use tokio::runtime::Builder;

use crate::Result;
use crate::case::Traffic;
use crate::commands::{Command, Credentials, Ready, Written};
use crate::relay::{Peer, Relay, RelayDirection};

/// The number of unacknowledged broadcasts, enough to keep the nodes busy.
const BROADCASTS_IN_FLIGHT: usize = 256;

/// Runs the environment.
pub(crate) fn run(generation: Generation) -> Result<()> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (mut state, ready) = runtime.block_on(State::start(generation))?;
    write_line(&ready)?;
    for line in std::io::stdin().lines() {
        let command = serde_json::from_str(&line?)?;
        if let Some(written) = runtime.block_on(state.execute(command))? {
            write_line(&written)?;
        }
    }
    Ok(())
}

fn write_line(answer: &impl Serialize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, answer)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Everything that runs in this process.
struct State {
    devnet: Devnet,
    client: Client,
    relay_peer: Peer,
    direction: Arc<RelayDirection>,
    /// The counts at the last command, and whether it was for the floor.
    began: (Written, bool),
}

impl State {
    async fn start(generation: Generation) -> Result<(State, Ready)> {
        let devnet = Devnet::builder().generation(generation).nodes(2).start().await?;
        let client = devnet.node(1).client().connect().await?;
        let echo = async |request: Request| request.data().clone();
        client.serve(Traffic::Unicast { in_flight: 1 }.topic()).for_each(echo).await?;

        let CredentialSource::Pem { ca, cert, key } = devnet.credentials() else {
            return Err("the credentials of the devnet are not in memory".into());
        };
        let client_credentials = Credentials {
            ca: String::from_utf8(ca)?,
            certificate: String::from_utf8(cert)?,
            key: String::from_utf8(key.to_vec())?,
        };
        // The relay has certificates of 2.x. Their kind makes no difference once a connection is open.
        let relay_devnet = Devnet::builder().nodes(1).start().await?;
        let node = relay_devnet.chain().issue(Role::Node, "relay", &LeafOptions::default())?;
        let sdk = relay_devnet.chain().issue(Role::Sdk, "sdk", &LeafOptions::default())?;
        let relay =
            Relay::listen(NodeAcceptor::new(&node.credentials()?, &[KeyExchange::Secp256k1])?).await?;
        let ready = Ready {
            node: devnet.node(0).endpoint(),
            relay: relay.measured_address()?.to_string(),
            client: client_credentials,
            floor: Credentials {
                ca: sdk.ca_pem().to_owned(),
                certificate: sdk.certificate_pem().to_owned(),
                key: sdk.key_pem().to_owned(),
            },
        };
        let (far_address, direction) = (relay.far_address()?, relay.direction());
        tokio::spawn(async {
            if let Err(error) = relay.run().await {
                eprintln!("amop-bench: the relay has ended: {error}");
            }
        });
        let connector = Connector::rustls(&sdk.credentials()?)?;
        let stream = dial(&far_address.to_string().parse()?, &connector).await?;
        let relay_peer = Peer::start(stream, direction.clone());
        let began = (Written { frames: 0, writes: 0 }, false);
        Ok((State { devnet, client, relay_peer, direction, began }, ready))
    }

    async fn execute(&mut self, command: Command) -> Result<Option<Written>> {
        match command {
            Command::Broadcast { topic, messages, size } => {
                self.began = (self.written_by_node(), false);
                self.broadcast(&topic, messages, size).await?;
                Ok(None)
            }
            Command::Stream { frames, frame_len, frames_per_write } => {
                self.began = (Written { frames: 0, writes: self.direction.writes() }, true);
                let limit = (frames_per_write * frame_len as f64) as usize;
                self.relay_peer.stream(frames as usize * frame_len, limit).await?;
                // The relay does not count frames, so take the number of frames to send.
                self.began.0.frames = frames;
                Ok(None)
            }
            Command::Report => {
                let (began, floor) = self.began;
                Ok(Some(if floor {
                    self.direction.unlimited();
                    Written { frames: began.frames, writes: self.direction.writes() - began.writes }
                } else {
                    let now = self.written_by_node();
                    Written { frames: now.frames - began.frames, writes: now.writes - began.writes }
                }))
            }
        }
    }

    /// Sends broadcasts, limited by the acknowledgements of the node or, where it sends none, by writes.
    async fn broadcast(&self, topic: &str, messages: u64, size: usize) -> Result<()> {
        let data = Bytes::from(vec![0; size]);
        let calls = (0..messages).map(|_| self.client.broadcast(topic, data.clone()));
        let sent = stream::iter(calls.map(|call| Ok(call.into_future())));
        Ok(sent.try_for_each_concurrent(BROADCASTS_IN_FLIGHT, |call| call).await?)
    }

    /// Returns the counts of the measured client's node.
    fn written_by_node(&self) -> Written {
        let counters = self.devnet.node(0).counters();
        Written { frames: counters.frames_out, writes: counters.records_out }
    }
}
