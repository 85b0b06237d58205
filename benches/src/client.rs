//! The measured client, used like in an application.

use std::time::{Duration, Instant};

use amop::{Client, Subscription};
use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::Result;
use crate::case::{Case, Traffic};
use crate::commands::{Command, Environment, Ready};
use crate::sample::{Latencies, Sample, Stopwatch};

/// The time limit of a round. Only a lost message can make a round take that long.
const ROUND_LIMIT: Duration = Duration::from_secs(120);

/// A client at one node, and its subscription.
pub(crate) struct MeasuredClient {
    client: Client,
    subscription: Subscription,
}

impl MeasuredClient {
    pub(crate) async fn connect(ready: &Ready) -> Result<MeasuredClient> {
        let client = Client::builder()
            .endpoint(&ready.node)
            .credential_source(ready.client.source())
            .call_timeout(ROUND_LIMIT)
            .connect()
            .await?;
        let subscription = client.subscribe(Traffic::Broadcast.topic()).await?;
        Ok(MeasuredClient { client, subscription })
    }

    /// Publishes the messages of a round, `in_flight` at a time. Each reply must have the same length.
    pub(crate) async fn unicasts(&mut self, case: &Case, in_flight: usize) -> Result<Sample> {
        let data = Bytes::from(vec![0; case.size]);
        let client = &self.client;
        let call = || async {
            let began = Instant::now();
            let reply = client.publish(case.traffic.topic(), data.clone()).await?;
            let took = began.elapsed();
            if reply.data().len() == data.len() {
                Ok(took)
            } else {
                Err("a reply has the wrong length".into())
            }
        };
        let mut latencies = Latencies::new()?;
        let mut calls = FuturesUnordered::new();
        let before = self.written();
        let watch = Stopwatch::start();
        let mut unsent = case.messages;
        for _ in 0..case.messages.min(in_flight as u64) {
            calls.push(call());
            unsent -= 1;
        }
        while let Some(ended) = calls.next().await {
            let ended: Result<Duration> = ended;
            latencies.record(ended?, 1);
            if unsent > 0 {
                calls.push(call());
                unsent -= 1;
            }
        }
        let after = self.written();
        let frames_per_write = (after.0 - before.0) as f64 / (after.1 - before.1) as f64;
        Ok(watch.stop(case.messages, frames_per_write, Some(latencies.quantiles())))
    }

    /// Receives the broadcasts of a round.
    pub(crate) async fn broadcasts(&mut self, case: &Case, environment: &mut Environment) -> Result<Sample> {
        let watch = Stopwatch::start();
        let topic = case.traffic.topic().to_owned();
        environment.send(&Command::Broadcast { topic, messages: case.messages, size: case.size })?;
        let all = async {
            for _ in 0..case.messages {
                let message = self.subscription.next().await.ok_or("the subscription has ended")?;
                if message.data().len() != case.size {
                    return Err("a broadcast has the wrong length".into());
                }
            }
            Ok::<(), Box<dyn std::error::Error>>(())
        };
        tokio::time::timeout(ROUND_LIMIT, all).await.map_err(|_| "broadcasts were lost")??;
        let mut sample = watch.stop(case.messages, 0.0, None);
        sample.frames_per_write = environment.frames_per_write()?;
        Ok(sample)
    }

    /// Returns the numbers of frames and writes so far.
    fn written(&self) -> (u64, u64) {
        let stats = self.client.stats();
        stats.endpoints.iter().fold((0, 0), |sum, at| (sum.0 + at.frames_sent, sum.1 + at.writes))
    }
}
