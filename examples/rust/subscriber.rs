//! Prints the messages of a topic: `cargo run --example subscriber -- 127.0.0.1:20201 hello`.

use std::error::Error;
use std::pin::pin;
use std::process::ExitCode;

use amop::Client;
use clap::Parser;
use futures_util::StreamExt;
use jiff::Zoned;
use tokio::signal::unix::{SignalKind, signal};

/// Subscribes to a topic and prints each message until Ctrl-C or SIGTERM.
#[derive(Parser)]
struct Arguments {
    /// The node to connect to.
    #[arg(default_value = "127.0.0.1:20201")]
    endpoint: String,
    /// The topic to subscribe to.
    #[arg(default_value = "hello")]
    topic: String,
    /// Exits after this number of messages.
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    count: usize,
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

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    // Installed before the first line is printed, because a user who reads that line may press Ctrl-C.
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let stopped = async {
        tokio::select! {
            _ = interrupts.recv() => {}
            _ = terminations.recv() => {}
        }
    };
    let client = Client::builder().endpoint(arguments.endpoint).connect().await?;
    let messages = client.subscribe(arguments.topic).await?;
    println!("Subscriber success");

    let mut messages = pin!(messages.take_until(stopped).take(arguments.count));
    while let Some(message) = messages.next().await {
        println!("{} received: {}", local_time(), String::from_utf8_lossy(message.data()));
    }
    client.close().await?;
    Ok(())
}

/// Returns the local time, which is printed before each line.
fn local_time() -> String {
    Zoned::now().strftime("%Y/%m/%d %H:%M:%S").to_string()
}
