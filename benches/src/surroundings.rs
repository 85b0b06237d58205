//! The process around what is measured: two nodes, the client at the other one, and the floor's relay with its
//! peer. It does what it is told on standard input until that ends.

use std::io::Write;
use std::sync::Arc;

use amop::transport::{Connector, KeyExchange, NodeAcceptor, dial};
use amop::{Client, Request};
use amop_devnet::Devnet;
use amop_devnet::chain::{LeafOptions, Role};
use bytes::Bytes;
use futures_util::stream::{self, TryStreamExt};
use serde::Serialize;
use tokio::runtime::Builder;

use crate::Result;
use crate::case::Traffic;
use crate::orders::{Order, Ready, Written};
use crate::relay::{FarEnd, Relay, Towards};

/// Broadcasts that wait for their acks at a time: enough to keep the nodes busy.
const BROADCASTS_IN_FLIGHT: usize = 256;

/// The child's part.
pub(crate) fn play() -> Result<()> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (mut scene, ready) = runtime.block_on(Scene::set())?;
    tell(&ready)?;
    for line in std::io::stdin().lines() {
        let order = serde_json::from_str(&line?)?;
        if let Some(written) = runtime.block_on(scene.obey(order))? {
            tell(&written)?;
        }
    }
    Ok(())
}

fn tell(answer: &impl Serialize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, answer)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// All that runs here.
struct Scene {
    devnet: Devnet,
    peer: Client,
    far_end: FarEnd,
    towards: Arc<Towards>,
    /// Where the counts stood when the last order came, and whether it was for the floor.
    began: (Written, bool),
}

impl Scene {
    async fn set() -> Result<(Scene, Ready)> {
        let devnet = Devnet::builder().nodes(2).start().await?;
        let peer = devnet.node(1).client().connect().await?;
        let echo = async |request: Request| request.data().clone();
        peer.serve(Traffic::Unicast { in_flight: 1 }.topic(), echo).await?;

        let node = devnet.chain().issue(Role::Node, "relay", &LeafOptions::default())?;
        let sdk = devnet.chain().issue(Role::Sdk, "sdk", &LeafOptions::default())?;
        let relay =
            Relay::listen(NodeAcceptor::new(&node.credentials()?, &[KeyExchange::Secp256k1])?).await?;
        let ready = Ready {
            node: devnet.node(0).endpoint(),
            relay: relay.measured_address()?.to_string(),
            ca: sdk.ca_pem().to_owned(),
            certificate: sdk.certificate_pem().to_owned(),
            key: sdk.key_pem().to_owned(),
        };
        let (far_address, towards) = (relay.far_address()?, relay.towards());
        tokio::spawn(async {
            if let Err(error) = relay.run().await {
                eprintln!("amop-bench: the relay has ended: {error}");
            }
        });
        let connector = Connector::rustls(&sdk.credentials()?)?;
        let stream = dial(&far_address.to_string().parse()?, &connector).await?;
        let far_end = FarEnd::start(stream, towards.clone());
        let began = (Written { frames: 0, writes: 0 }, false);
        Ok((Scene { devnet, peer, far_end, towards, began }, ready))
    }

    async fn obey(&mut self, order: Order) -> Result<Option<Written>> {
        match order {
            Order::Broadcast { messages, size } => {
                self.began = (self.written_by_node(), false);
                self.broadcast(messages, size).await?;
                Ok(None)
            }
            Order::Stream { frames, frame_len, frames_per_write } => {
                self.began = (Written { frames: 0, writes: self.towards.writes() }, true);
                let limit = (frames_per_write * frame_len as f64) as usize;
                self.far_end.stream(frames as usize * frame_len, limit).await?;
                // Nobody counts the frames on their way: all of them will have been sent.
                self.began.0.frames = frames;
                Ok(None)
            }
            Order::Report => {
                let (began, floor) = self.began;
                Ok(Some(if floor {
                    self.towards.unlimited();
                    Written { frames: began.frames, writes: self.towards.writes() - began.writes }
                } else {
                    let now = self.written_by_node();
                    Written { frames: now.frames - began.frames, writes: now.writes - began.writes }
                }))
            }
        }
    }

    /// Broadcasts to the measured client; the nodes' acks hold it back.
    async fn broadcast(&self, messages: u64, size: usize) -> Result<()> {
        let data = Bytes::from(vec![0; size]);
        let calls = (0..messages).map(|_| self.peer.broadcast(Traffic::Broadcast.topic(), data.clone()));
        let sent = stream::iter(calls.map(|call| Ok(call.into_future())));
        Ok(sent.try_for_each_concurrent(BROADCASTS_IN_FLIGHT, |call| call).await?)
    }

    /// By the measured client's node.
    fn written_by_node(&self) -> Written {
        let counters = self.devnet.node(0).counters();
        Written { frames: counters.frames_out, writes: counters.records_out }
    }
}
