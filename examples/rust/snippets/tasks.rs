//! The programs of the documentation's pages about tasks. The tests run each of them with `run.rs`.

// --8<-- [start:imports]
use std::time::Duration;

use amop::{Client, Delivery, Event, Overflow, PrivateKey, PublicKey, Request, Result};
use amop_devnet::Devnet;
// --8<-- [end:imports]

pub async fn subscribe(client: &Client) -> Result<()> {
    // --8<-- [start:subscribe]
    let mut news = client.subscribe("news").await?;
    while let Some(message) = news.next().await {
        println!("{}", String::from_utf8_lossy(message.data()));
    }
    // --8<-- [end:subscribe]
    Ok(())
}

pub async fn serve(client: &Client) -> Result<()> {
    // --8<-- [start:serve]
    let greet = async |request: Request| format!("hello, {}", String::from_utf8_lossy(request.data()));
    client.serve("greet").concurrency(64).for_each(greet).await?;
    // --8<-- [end:serve]
    Ok(())
}

pub async fn publish(client: &Client) -> Result<()> {
    // --8<-- [start:publish]
    let call = client.publish("greet", "Ada").timeout(Duration::from_secs(60)).wait_for_subscriber(true);
    match call.await {
        Ok(reply) => println!("{}", String::from_utf8_lossy(reply.data())),
        Err(error) if error.delivery() == Delivery::No => println!("not delivered: {error}"),
        Err(error) => println!("may have been delivered: {error}"),
    }
    // --8<-- [end:publish]
    Ok(())
}

pub async fn broadcast(client: &Client) -> Result<()> {
    // --8<-- [start:broadcast]
    client.broadcast("news", "rain").await?;
    // --8<-- [end:broadcast]
    Ok(())
}

pub async fn nodes(first: &str, second: &str, third: &str) -> Result<Client> {
    // --8<-- [start:nodes]
    let client = Client::builder().endpoints([first, second]).connect().await?;
    client.add_endpoint(third)?;
    client.remove_endpoint(first)?;
    // --8<-- [end:nodes]
    Ok(client)
}

pub async fn events(client: &Client) {
    // --8<-- [start:events]
    let mut events = client.events();
    while let Some(event) = events.next().await {
        match event {
            Event::Lost { endpoint, error, .. } => println!("lost {endpoint}: {error}"),
            Event::Reconnected { endpoint, .. } => println!("{endpoint} is back"),
            _ => {}
        }
    }
    // --8<-- [end:events]
}

pub async fn flow(client: &Client) -> Result<()> {
    // --8<-- [start:flow]
    let prices = client.subscribe("prices").max_messages(1000).overflow(Overflow::DropOldest).await?;
    println!("{} messages were dropped", prices.stats().dropped);
    // --8<-- [end:flow]
    Ok(())
}

pub async fn private(publisher: &Client, subscriber: &Client) -> Result<()> {
    // --8<-- [start:private]
    let key = PrivateKey::from_file("orders.pem", None)?;
    let _messages = subscriber.subscribe("orders").key(key).await?;

    let orders = publisher.private_topic("orders").allow([PublicKey::from_file("orders.pem.pub")?])?;
    orders.publish("one more").wait_for_subscriber(true).await?;
    // --8<-- [end:private]
    Ok(())
}

pub async fn credentials(endpoint: &str) -> Result<Client> {
    // --8<-- [start:credentials]
    let client = Client::builder().endpoint(endpoint).credentials("nodes/127.0.0.1/sdk").connect().await?;
    // --8<-- [end:credentials]
    Ok(client)
}

pub async fn configuration() -> Result<Client> {
    // --8<-- [start:configuration]
    let client =
        Client::builder().config_file("config.toml").call_timeout(Duration::from_secs(5)).connect().await?;
    // --8<-- [end:configuration]
    Ok(client)
}

pub async fn testing() -> Result<()> {
    // --8<-- [start:testing]
    let devnet = Devnet::builder().nodes(2).start().await?;
    let service = devnet.node(1).client().connect().await?;
    service.serve("echo").for_each(async |request: Request| request.data().clone()).await?;

    let client = devnet.node(0).client().connect().await?;
    let reply = client.publish("echo", "hi").wait_for_subscriber(true).await?;
    assert_eq!(&reply.data()[..], b"hi");
    devnet.stop().await;
    // --8<-- [end:testing]
    Ok(())
}

pub fn observe(client: &Client) {
    // --8<-- [start:observe]
    let stats = client.stats();
    println!("{} retries, {} duplicates", stats.retries, stats.duplicates);
    for endpoint in &stats.endpoints {
        println!("{}: {:?}", endpoint.endpoint, endpoint.state);
    }
    // --8<-- [end:observe]
}

pub fn log() {
    // --8<-- [start:log]
    // `error` shows only failures, `amop=debug` each step.
    tracing_subscriber::fmt().with_env_filter("info").with_writer(std::io::stderr).init();
    // --8<-- [end:log]
}
