//! Answers requests for the price of an item: `cargo run --example service -- 127.0.0.1:20201 price`.

use std::error::Error;
use std::process::ExitCode;

use amop::{Client, Request, Result};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// The code with which a request for an unknown item fails. Programs choose their own.
const NO_PRICE: i32 = 1;

/// Answers requests for the price of an item until Ctrl-C or SIGTERM.
#[derive(Parser)]
struct Arguments {
    /// The node to connect to.
    #[arg(default_value = "127.0.0.1:20201")]
    endpoint: String,
    /// The topic to serve.
    #[arg(default_value = "price")]
    topic: String,
}

#[tokio::main]
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
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let client = Client::builder().endpoint(arguments.endpoint).connect().await?;
    let service = client.serve(&arguments.topic).concurrency(16).for_each(answer).await?;
    println!("serving {}", arguments.topic);
    tokio::select! {
        _ = interrupts.recv() => {}
        _ = terminations.recv() => {}
    }
    // A second Ctrl-C ends the program at once.
    tokio::spawn(async move {
        interrupts.recv().await;
        std::process::exit(130)
    });
    // Accepts no more requests, and answers those that have arrived.
    service.unsubscribe().await?;
    client.close().await?;
    Ok(())
}

/// Answers a request. An error that this returned would be logged; the publisher would receive a fixed text.
async fn answer(request: Request) -> Result<()> {
    match price(request.data()) {
        Some(price) => request.reply(price),
        None => {
            let item = String::from_utf8_lossy(request.data());
            request.fail(NO_PRICE, format!("no price for {item}"))
        }
    }
}

fn price(item: &[u8]) -> Option<&'static str> {
    match item {
        b"apple" => Some("1.20"),
        b"pear" => Some("0.95"),
        _ => None,
    }
}
