//! The client that is measured, as an application uses it.

use std::time::{Duration, Instant};

use amop::{Client, Subscription};
use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::Result;
use crate::case::{Case, Traffic};
use crate::orders::{Order, Ready, Surroundings};
use crate::sample::{Latencies, Sample, Stopwatch};

/// When a round that doesn't move is given up: only a lost message can make it last so long.
const STUCK: Duration = Duration::from_secs(120);

/// A client at the one node, and its subscription.
pub(crate) struct MeasuredClient {
    client: Client,
    subscription: Subscription,
}

impl MeasuredClient {
    pub(crate) async fn connect(ready: &Ready) -> Result<MeasuredClient> {
        let client = Client::builder()
            .endpoint(&ready.node)
            .credential_pem(ready.ca.as_str(), ready.certificate.as_str(), ready.key.as_str())
            .call_timeout(STUCK)
            .connect()
            .await?;
        let subscription = client.subscribe(Traffic::Broadcast.topic()).await?;
        Ok(MeasuredClient { client, subscription })
    }

    /// Publishes a round's messages, `in_flight` at a time, each answered with as many bytes.
    pub(crate) async fn unicasts(&mut self, case: &Case, in_flight: usize) -> Result<Sample> {
        let data = Bytes::from(vec![0; case.size]);
        let client = &self.client;
        let call = || async {
            let began = Instant::now();
            let reply = client.publish(case.traffic.topic(), data.clone()).await?;
            let took = began.elapsed();
            if reply.data().len() == data.len() { Ok(took) } else { Err("a reply of another length".into()) }
        };
        let mut latencies = Latencies::new()?;
        let mut calls = FuturesUnordered::new();
        let before = self.written();
        let watch = Stopwatch::start();
        let mut to_begin = case.messages;
        for _ in 0..case.messages.min(in_flight as u64) {
            calls.push(call());
            to_begin -= 1;
        }
        while let Some(ended) = calls.next().await {
            let ended: Result<Duration> = ended;
            latencies.record(ended?, 1);
            if to_begin > 0 {
                calls.push(call());
                to_begin -= 1;
            }
        }
        let after = self.written();
        let frames_per_write = (after.0 - before.0) as f64 / (after.1 - before.1) as f64;
        Ok(watch.stop(case.messages, frames_per_write, Some(latencies.quantiles())))
    }

    /// Receives a round's broadcasts.
    pub(crate) async fn broadcasts(
        &mut self,
        case: &Case,
        surroundings: &mut Surroundings,
    ) -> Result<Sample> {
        let watch = Stopwatch::start();
        surroundings.order(&Order::Broadcast { messages: case.messages, size: case.size })?;
        let all = async {
            for _ in 0..case.messages {
                let message = self.subscription.next().await.ok_or("the subscription has ended")?;
                if message.data().len() != case.size {
                    return Err("a broadcast of another length".into());
                }
            }
            Ok::<(), Box<dyn std::error::Error>>(())
        };
        tokio::time::timeout(STUCK, all).await.map_err(|_| "broadcasts were lost")??;
        let mut sample = watch.stop(case.messages, 0.0, None);
        sample.frames_per_write = surroundings.frames_per_write()?;
        Ok(sample)
    }

    /// Frames and writes so far.
    fn written(&self) -> (u64, u64) {
        let stats = self.client.stats();
        stats.endpoints.iter().fold((0, 0), |sum, at| (sum.0 + at.frames_sent, sum.1 + at.writes))
    }
}
