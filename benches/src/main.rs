//! A benchmark of the client, compared with a floor: the same bytes over the same TLS without a client.
//!
//! It uses two processes. This one runs the measured client. A child process, the [`environment`], runs the nodes, the
//! client at the other end, and the relay of the floor. `docs/performance.md` explains the figures.
#![forbid(unsafe_code)]

mod bursts;
mod case;
mod channels;
mod client;
mod commands;
mod environment;
mod floor;
mod languages;
mod program;
mod relay;
mod report;
mod sample;

use std::error::Error;
use std::process::ExitCode;

use amop_devnet::Generation;
use clap::Parser;
use tokio::runtime::{Builder, Runtime};

use case::{Case, Traffic};
use client::MeasuredClient;
use commands::Environment;
use floor::Floor;
use languages::Language;
use report::Pair;

/// The result of all functions. Any error ends the benchmark and is printed.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The number of rounds per case: about two minutes in total, and odd, so that the median is one of them.
const ROUNDS: usize = 7;

#[derive(Parser)]
#[command(about = "Measures the client, and a floor of raw bytes over the same TLS", version)]
struct Arguments {
    /// Runs a few seconds in total, to check that everything works; the figures mean nothing
    #[arg(long)]
    quick: bool,
    /// Runs only the cases with nodes of this generation
    #[arg(long, value_parser = generation)]
    generation: Option<Generation>,
    /// Runs only the cases whose names contain this text
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Sets the number of rounds per case, after one that is not counted
    #[arg(long, default_value_t = ROUNDS)]
    rounds: usize,
    /// Measures the client without the floor, for profilers
    #[arg(long)]
    without_floor: bool,
    /// Measures only the kinds of channels
    #[arg(long)]
    channels: bool,
    /// Compares programs in several languages, in place of the cases, with the first one; see scripts/bench-languages.sh
    #[arg(long = "program", value_name = "NAME=COMMAND")]
    programs: Vec<Language>,
    /// Runs the program that stands for Rust in that comparison
    #[arg(long, hide = true, num_args = 3, value_names = ["ENDPOINT", "FOLDER", "TOPIC"])]
    rust: Vec<String>,
    /// Runs the environment in this process, with nodes of this generation
    #[arg(long, hide = true, value_parser = generation)]
    environment: Option<Generation>,
}

impl Arguments {
    fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds.max(1) }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = if let Some(generation) = arguments.environment {
        environment::run(generation)
    } else if arguments.channels {
        channels::measure(arguments.quick)
    } else if let [endpoint, credentials, topic] = arguments.rust.as_slice() {
        program::run(endpoint, credentials, topic)
    } else if arguments.programs.is_empty() {
        measure(&arguments).and_then(|()| channels::measure(arguments.quick))
    } else {
        languages::measure(&arguments.programs, arguments.rounds())
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("amop-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn generation(text: &str) -> std::result::Result<Generation, &'static str> {
    match text {
        "2" => Ok(Generation::V2),
        "3" => Ok(Generation::V3),
        _ => Err("choose 2 or 3"),
    }
}

fn measure(arguments: &Arguments) -> Result<()> {
    match arguments.generation {
        Some(generation) => measure_at(generation, arguments),
        None => [Generation::V2, Generation::V3].into_iter().try_for_each(|at| measure_at(at, arguments)),
    }
}

/// Measures with nodes of one generation.
fn measure_at(generation: Generation, arguments: &Arguments) -> Result<()> {
    let rounds = arguments.rounds();
    // This is the application's thread. The client uses its own threads, as in any program.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut bench = Bench::start(generation, runtime)?;
    let cases = Case::all(generation, arguments.quick)
        .into_iter()
        .filter(|case| case.name().contains(&arguments.only));
    for case in cases {
        bench.round(&case, !arguments.without_floor)?;
        let pairs: Vec<Pair> =
            (0..rounds).map(|_| bench.round(&case, !arguments.without_floor)).collect::<Result<_>>()?;
        report::print(&case, &pairs);
    }
    Ok(())
}

/// The measured client and floor, and the process of the environment.
struct Bench {
    runtime: Runtime,
    environment: Environment,
    client: MeasuredClient,
    floor: Floor,
}

impl Bench {
    fn start(generation: Generation, runtime: Runtime) -> Result<Bench> {
        let (environment, ready) = Environment::start(generation)?;
        let client = runtime.block_on(MeasuredClient::connect(&ready))?;
        let floor = runtime.block_on(Floor::connect(&ready))?;
        Ok(Bench { runtime, environment, client, floor })
    }

    /// Measures the client, then the floor with the same mean number of frames per write.
    fn round(&mut self, case: &Case, with_floor: bool) -> Result<Pair> {
        let Bench { runtime, environment, client, floor } = self;
        let client = match case.traffic {
            Traffic::Unicast { in_flight } => runtime.block_on(client.unicasts(case, in_flight))?,
            Traffic::Broadcast => runtime.block_on(client.broadcasts(case, environment))?,
        };
        if !with_floor {
            return Ok(Pair { client, floor: None });
        }
        let floor = match case.traffic {
            Traffic::Unicast { in_flight } => {
                runtime.block_on(floor.round_trips(case, in_flight, client.frames_per_write))?
            }
            Traffic::Broadcast => {
                runtime.block_on(floor.stream(case, client.frames_per_write, environment))?
            }
        };
        Ok(Pair { client, floor: Some(floor) })
    }
}
