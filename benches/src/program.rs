//! The Rust program of the comparison of languages: futures, and a handler for messages. [`languages`](crate::languages)
//! states what it reads and writes.

use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use amop::{Client, Message};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::runtime::Builder;

use crate::Result;
use crate::case::Traffic;

/// The number of calls in flight.
const IN_FLIGHT: usize = 256;

/// Runs the program until its standard input ends.
pub(crate) fn run(endpoint: &str, credentials: &str, topic: &str) -> Result<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let client = Client::builder().endpoint(endpoint).credentials(credentials).connect().await?;
        let left = Arc::new(AtomicU64::new(0));
        let counted = left.clone();
        let handler = move |_: Message| {
            if counted.fetch_sub(1, Ordering::Relaxed) == 1 {
                println!("done");
            }
        };
        client.subscribe(topic).for_each_blocking(handler).await?;
        println!("ready");
        for line in std::io::stdin().lock().lines() {
            let line = line?;
            let (command, messages) = line.split_once(' ').ok_or("a command has no number")?;
            let messages = messages.parse()?;
            if command == "publish" {
                publish(&client, messages).await?;
                println!("done");
            } else {
                left.store(messages, Ordering::Relaxed);
                println!("started");
            }
        }
        Ok(client.close().await?)
    })
}

async fn publish(client: &Client, messages: u64) -> Result<()> {
    let data = Bytes::from(vec![0; 64]);
    let topic = Traffic::Unicast { in_flight: IN_FLIGHT }.topic();
    let calls = (0..messages).map(|_| client.publish(topic, data.clone()).into_future());
    Ok(stream::iter(calls).buffer_unordered(IN_FLIGHT).try_for_each(|_| async { Ok(()) }).await?)
}
