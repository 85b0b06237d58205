//! Connects to a node: `cargo run --example connect -- 127.0.0.1:20200`.

use amop::Client;

#[tokio::main]
async fn main() -> amop::Result<()> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:20200".to_owned());
    let client = Client::builder().endpoint(&endpoint).connect().await?;
    println!("connected to {endpoint}");
    // Use the client here.
    client.close().await
}
