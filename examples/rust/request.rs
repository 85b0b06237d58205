//! Asks a service for the price of an item: `cargo run --example request -- 127.0.0.1:20200 price apple`.

use std::process::ExitCode;
use std::time::Duration;

use amop::{Client, Delivery, ErrorKind, Reply, Result};
use clap::Parser;

/// Sends one request to the service of a topic, and prints the reply.
#[derive(Parser)]
struct Arguments {
    /// The node to connect to.
    #[arg(default_value = "127.0.0.1:20200")]
    endpoint: String,
    /// The topic of the service.
    #[arg(default_value = "price")]
    topic: String,
    /// What to send.
    #[arg(default_value = "apple")]
    item: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match request(Arguments::parse()).await {
        Ok(reply) => {
            println!("{}", String::from_utf8_lossy(reply.data()));
            return ExitCode::SUCCESS;
        }
        // What the service has answered instead of a reply: a code and data of its own.
        Err(error) if error.kind() == ErrorKind::Remote => {
            let code = error.node_code().unwrap_or_default();
            eprintln!("the service failed with code {code}: {}", String::from_utf8_lossy(error.data()));
        }
        Err(error) if error.delivery() == Delivery::Maybe => eprintln!("it may have been delivered: {error}"),
        Err(error) => eprintln!("{error}"),
    }
    ExitCode::FAILURE
}

async fn request(arguments: Arguments) -> Result<Reply> {
    let client = Client::builder().endpoint(arguments.endpoint).connect().await?;
    // Waits for a service that is started later, for a minute in all.
    let call = client.publish(arguments.topic, arguments.item);
    let reply = call.wait_for_subscriber(true).timeout(Duration::from_secs(60)).await;
    client.close().await?;
    reply
}
