//! Distributes jobs over workers, as fast as these process them.
//!
//! `cargo run --example fan_out -- work 127.0.0.1:20201 jobs --name one` is a worker; start any number. `cargo run
//! --example fan_out -- distribute 127.0.0.1:20200 jobs --count 1000` sends jobs to them and prints how many each has done.
//!
//! Every queue on the way is bounded, so that a slow worker slows the sender down instead of filling memory:
//!
//! - A worker handles some jobs at once and queues a few more. It refuses all others as `SubscriberBusy`.
//! - The client of the sender sends a refused job again, to whichever worker the node chooses then, after a pause that
//!   grows, until the deadline of the job. It was not delivered, so that no job is done twice because of that.
//! - The sender keeps a limited number of jobs in flight and takes the next one when one of them is done.

use std::collections::BTreeMap;
use std::error::Error;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use amop::{Client, Delivery, Request};
use clap::{Args, Parser, Subcommand};
use futures_util::{StreamExt, stream};
use tokio::signal::unix::{SignalKind, signal};

/// Distributes jobs over workers.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Processes jobs until Ctrl-C or SIGTERM.
    Work(Work),
    /// Sends jobs, and prints how many each worker has done.
    Distribute(Distribute),
}

#[derive(Args)]
struct Work {
    /// The node to connect to.
    #[arg(default_value = "127.0.0.1:20201")]
    endpoint: String,
    /// The topic of the jobs.
    #[arg(default_value = "jobs")]
    topic: String,
    /// The name of this worker.
    #[arg(long, default_value = "worker")]
    name: String,
    /// How long a job takes.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 10)]
    time: u64,
}

#[derive(Args)]
struct Distribute {
    /// The node to connect to.
    #[arg(default_value = "127.0.0.1:20200")]
    endpoint: String,
    /// The topic of the jobs.
    #[arg(default_value = "jobs")]
    topic: String,
    /// The number of jobs.
    #[arg(long, default_value_t = 1000)]
    count: u64,
    /// The largest number of jobs in flight.
    #[arg(long, default_value_t = 32)]
    in_flight: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let ended = match Arguments::parse().role {
        Role::Work(arguments) => work(arguments).await,
        Role::Distribute(arguments) => distribute(arguments).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn work(arguments: Work) -> Result<(), Box<dyn Error>> {
    let stopped = stopped()?;
    let client = Client::builder().endpoint(arguments.endpoint).connect().await?;
    let (name, time) = (arguments.name, Duration::from_millis(arguments.time));
    let job = move |_request: Request| {
        let name = name.clone();
        async move {
            tokio::time::sleep(time).await;
            name
        }
    };
    let service = client.serve(&arguments.topic).concurrency(4).max_messages(4).for_each(job).await?;
    println!("working on {}", arguments.topic);
    stopped.await;
    // Accepts no more jobs, and completes those that it has.
    service.unsubscribe().await?;
    client.close().await?;
    Ok(())
}

async fn distribute(arguments: Distribute) -> Result<(), Box<dyn Error>> {
    let mut stopped = pin!(stopped()?);
    let client = Client::builder().endpoint(arguments.endpoint).connect().await?;
    let send = async |number: u64| {
        let job = client.publish(&arguments.topic, format!("job {number}"));
        (number, job.wait_for_subscriber(true).timeout(Duration::from_secs(60)).await)
    };
    let mut jobs = stream::iter(0..arguments.count).map(send).buffer_unordered(arguments.in_flight.max(1));
    let mut done: BTreeMap<String, u64> = BTreeMap::new();
    let mut failed = 0;
    loop {
        let (number, outcome) = tokio::select! {
            next = jobs.next() => match next {
                Some(ended) => ended,
                None => break,
            },
            // Jobs in flight are cancelled, but a worker may have received them.
            () = &mut stopped => break,
        };
        match outcome {
            Ok(reply) => *done.entry(String::from_utf8_lossy(reply.data()).into_owned()).or_default() += 1,
            Err(error) => {
                failed += 1;
                let how = if error.delivery() == Delivery::No { "was not" } else { "may have been" };
                eprintln!("job {number} {how} delivered: {error}");
            }
        }
    }
    drop(jobs);
    let unfinished = arguments.count - done.values().sum::<u64>() - failed;
    for (worker, count) in done {
        println!("{worker}: {count}");
    }
    client.close().await?;
    if failed + unfinished > 0 {
        let all = arguments.count;
        return Err(format!("of {all} jobs {failed} failed, and {unfinished} were not completed").into());
    }
    Ok(())
}

/// Returns a future that completes at Ctrl-C or SIGTERM. A second Ctrl-C ends the program at once.
fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupts.recv() => {}
            _ = terminations.recv() => {}
        }
        tokio::spawn(async move {
            interrupts.recv().await;
            std::process::exit(130)
        });
    })
}
