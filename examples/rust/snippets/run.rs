//! Runs one of the programs of the documentation, for the tests: `run NAME ENDPOINT [SECOND THIRD]`.

#[allow(unreachable_pub)]
mod tasks;

use std::future::pending;
use std::time::Duration;

use amop::{Client, Result};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [name, endpoint, others @ ..] = &arguments[..] else { panic!("no name and endpoint") };
    // The tests don't depend on the speed of the machine.
    let patient = || Client::builder().endpoint(*endpoint).call_timeout(Duration::from_secs(60));
    match *name {
        "subscribe" => tasks::subscribe(&patient().connect().await?).await,
        "serve" | "log" => {
            if *name == "log" {
                tasks::log();
            }
            let client = patient().connect().await?;
            tasks::serve(&client).await?;
            println!("serving");
            pending().await
        }
        "publish" => tasks::publish(&patient().connect().await?).await,
        "broadcast" => tasks::broadcast(&patient().connect().await?).await,
        "nodes" => {
            let client = tasks::nodes(endpoint, others[0], others[1]).await?;
            for endpoint in client.stats().endpoints {
                println!("{}", endpoint.endpoint);
            }
            Ok(())
        }
        "events" => {
            let client = patient().connect().await?;
            println!("connected");
            tasks::events(&client).await;
            Ok(())
        }
        "flow" => tasks::flow(&patient().connect().await?).await,
        "private" => {
            let subscriber = Client::builder().endpoint(others[0]).connect().await?;
            tasks::private(&patient().connect().await?, &subscriber).await?;
            println!("done");
            Ok(())
        }
        "credentials" => connected(tasks::credentials(endpoint).await?),
        "configuration" => connected(tasks::configuration().await?),
        "testing" => tasks::testing().await,
        "observe" => {
            tasks::observe(&patient().connect().await?);
            Ok(())
        }
        other => panic!("no program {other}"),
    }
}

fn connected(client: Client) -> Result<()> {
    println!("connected to {}", client.stats().endpoints[0].endpoint);
    Ok(())
}
