//! Publishes to all subscribers of a topic repeatedly:
//! `cargo run --example multicast_publisher -- 127.0.0.1:20200 hello`.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use amop::{Client, Result};
use clap::Parser;
use jiff::Zoned;
use tokio::signal::unix::{SignalKind, signal};

/// Publishes a numbered message every 2 seconds, each to all subscribers of the topic, until Ctrl-C or SIGTERM.
#[derive(Parser)]
struct Arguments {
    /// The node to connect to.
    #[arg(default_value = "127.0.0.1:20200")]
    endpoint: String,
    /// The topic to publish to.
    #[arg(default_value = "hello")]
    topic: String,
    /// Exits after this number of messages.
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
    count: u64,
    /// The time between two messages.
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    interval: Duration,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> std::result::Result<(), Box<dyn Error>> {
    // Installed before the first line is printed, because a user who reads that line may press Ctrl-C.
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let client = Client::builder().endpoint(&arguments.endpoint).connect().await?;
    tokio::select! {
        ended = publish_all(&client, &arguments) => ended?,
        _ = interrupts.recv() => {}
        _ = terminations.recv() => {}
    }
    client.close().await?;
    Ok(())
}

async fn publish_all(client: &Client, arguments: &Arguments) -> Result<()> {
    for number in 0..arguments.count {
        if number > 0 {
            tokio::time::sleep(arguments.interval).await;
        }
        let message = format!("hello, FISCO BCOS, I am multi broadcast publisher! {number}");
        match client.broadcast(&arguments.topic, message.clone()).await {
            Ok(()) => println!("{} publish message: {message}", local_time()),
            // For example, the connection was lost: the client reconnects. (A node acknowledges a broadcast even without a
            // subscriber.)
            Err(error) if error.is_retriable() => {
                eprintln!("{} message {number} failed: {error}", local_time());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Returns the local time, which is printed before each line.
fn local_time() -> String {
    Zoned::now().strftime("%Y/%m/%d %H:%M:%S").to_string()
}

fn seconds(text: &str) -> std::result::Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| format!("invalid number of seconds {text:?}"))?;
    Duration::try_from_secs_f64(number).map_err(|error| error.to_string())
}
