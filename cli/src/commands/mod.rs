//! The verbs: each file has the arguments of one verb, its work and its records.

mod broadcast;
mod completions;
mod config;
mod demo;
pub(crate) mod devnet;
mod doctor;
mod keys;
mod man;
mod publish;
mod serve;
mod stats;
mod subscribe;

use clap::Subcommand;

use crate::exit::Outcome;
use crate::interrupt::Interrupt;
use crate::output::Output;

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Demo),
    Devnet(devnet::Devnet),
    Subscribe(subscribe::Subscribe),
    Publish(publish::Publish),
    Broadcast(broadcast::Broadcast),
    Serve(serve::Serve),
    Doctor(doctor::Doctor),
    Stats(stats::Stats),
    Config(config::ConfigVerb),
    Keys(keys::Keys),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Runs a verb. `line` is the whole command line, of which some verbs print descriptions.
pub(crate) async fn run(
    command: Command,
    line: clap::Command,
    output: &mut Output,
    interrupt: &Interrupt,
) -> Outcome {
    match command {
        Command::Demo(demo) => demo.run(output, interrupt).await,
        Command::Devnet(devnet) => devnet.run(output, interrupt).await,
        Command::Subscribe(subscribe) => subscribe.run(output, interrupt).await,
        Command::Publish(publish) => publish.run(output, interrupt).await,
        Command::Broadcast(broadcast) => broadcast.run(output, interrupt).await,
        Command::Serve(serve) => serve.run(output, interrupt).await,
        Command::Doctor(doctor) => doctor.run(output, interrupt).await,
        Command::Stats(stats) => stats.run(output, interrupt).await,
        Command::Config(config) => config.run(output, interrupt).await,
        Command::Keys(keys) => keys.run(output, interrupt).await,
        Command::Completions(completions) => completions.run(line, output),
        Command::Man(man) => man.run(line, output),
    }
}
