//! What the client costs, beside what moving the same bytes over the same TLS costs in any case.
//!
//! Two processes: this one holds the client that is measured and nothing else of weight; a child of it, the
//! [`surroundings`], holds the nodes, the client at the other end, and the relay of the floor. How the figures
//! are to be read: `docs/performance.md`.
#![forbid(unsafe_code)]

mod bursts;
mod case;
mod client;
mod floor;
mod orders;
mod relay;
mod report;
mod sample;
mod surroundings;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::{Builder, Runtime};

use case::{Case, Traffic};
use client::MeasuredClient;
use floor::Floor;
use orders::Surroundings;
use report::Pair;

/// Whatever keeps a benchmark from running ends it, with its text.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Rounds of each case: few enough for two minutes in all, odd so that the median is one of them.
const ROUNDS: usize = 13;

#[derive(Parser)]
#[command(about = "What the client costs, beside a floor of raw bytes over the same TLS", version)]
struct Arguments {
    /// A few seconds in all: shows that everything runs; the figures say nothing.
    #[arg(long)]
    quick: bool,
    /// Only the cases whose names contain this.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Rounds of each case, after one that isn't counted.
    #[arg(long, default_value_t = ROUNDS)]
    rounds: usize,
    /// The client alone: for profilers.
    #[arg(long)]
    without_floor: bool,
    /// The child's part, played in this process.
    #[arg(long, hide = true)]
    surroundings: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = if arguments.surroundings { surroundings::play() } else { measure(&arguments) };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("amop-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Result<()> {
    let rounds = if arguments.quick { 1 } else { arguments.rounds.max(1) };
    // The application's own thread; the client has threads of its own, as any Rust program finds it.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut bench = Bench::start(runtime)?;
    let cases = Case::all(arguments.quick).into_iter().filter(|case| case.name().contains(&arguments.only));
    for case in cases {
        bench.round(&case, !arguments.without_floor)?;
        let pairs: Vec<Pair> =
            (0..rounds).map(|_| bench.round(&case, !arguments.without_floor)).collect::<Result<_>>()?;
        report::print(&case, &pairs);
    }
    Ok(())
}

/// Both things that are measured, and the process that holds the rest.
struct Bench {
    runtime: Runtime,
    surroundings: Surroundings,
    client: MeasuredClient,
    floor: Floor,
}

impl Bench {
    fn start(runtime: Runtime) -> Result<Bench> {
        let (surroundings, ready) = Surroundings::start()?;
        let client = runtime.block_on(MeasuredClient::connect(&ready))?;
        let floor = runtime.block_on(Floor::connect(&ready))?;
        Ok(Bench { runtime, surroundings, client, floor })
    }

    /// The client, then the floor with as many frames to a write as the client just had.
    fn round(&mut self, case: &Case, with_floor: bool) -> Result<Pair> {
        let Bench { runtime, surroundings, client, floor } = self;
        let client = match case.traffic {
            Traffic::Unicast { in_flight } => runtime.block_on(client.unicasts(case, in_flight))?,
            Traffic::Broadcast => runtime.block_on(client.broadcasts(case, surroundings))?,
        };
        if !with_floor {
            return Ok(Pair { client, floor: None });
        }
        let floor = match case.traffic {
            Traffic::Unicast { in_flight } => {
                runtime.block_on(floor.round_trips(case, in_flight, client.frames_per_write))?
            }
            Traffic::Broadcast => {
                runtime.block_on(floor.stream(case, client.frames_per_write, surroundings))?
            }
        };
        Ok(Pair { client, floor: Some(floor) })
    }
}
