//! The comparison of languages: what a message costs a program in each of them, in the same run.
//!
//! A program is started as `COMMAND... ENDPOINT FOLDER TOPIC` with the address of a node and a folder with credentials. It
//! connects, handles the messages of the topic, and writes `ready`. Then it reads commands, one a line:
//!
//! - `publish N`: it publishes N messages of 64 bytes to `bench/unicast`, 256 in flight, then writes `done`.
//! - `receive N`: it writes `started`, and `done` when its handler has received N messages.
//!
//! The CPU time of a round is that of the program's process between the command and `done`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use amop_devnet::Generation;
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::Result;
use crate::commands::{self, Credentials, Environment, Ready};

/// The number of messages of a round: a multiple of the calls in flight.
const MESSAGES: u64 = 51_200;

/// The length of payloads in bytes.
const SIZE: usize = 64;

/// A program, given as `NAME=COMMAND...`.
#[derive(Clone, Debug)]
pub(crate) struct Language {
    name: String,
    command: String,
}

impl std::str::FromStr for Language {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Language, Self::Err> {
        let (name, command) = text.split_once('=').ok_or("write NAME=COMMAND")?;
        Ok(Language { name: name.to_owned(), command: command.to_owned() })
    }
}

/// What a round measures.
#[derive(Clone, Copy)]
enum Work {
    Publish,
    Receive,
}

/// Measures the programs, one after the other in each round, so that what else the machine does affects all of them. The
/// first one is what the others are compared with.
pub(crate) fn measure(languages: &[Language], rounds: usize) -> Result<()> {
    let (mut environment, ready) = Environment::start(Generation::V2)?;
    let credentials = write_credentials(&ready)?;
    let mut programs = Vec::new();
    for (number, language) in languages.iter().enumerate() {
        programs.push(Program::start(language, number, &ready.node, credentials.path())?);
    }
    let of_work =
        [("unicasts published, 256 in flight", Work::Publish), ("broadcasts handled", Work::Receive)];
    for (title, work) in of_work {
        let mut costs = vec![Vec::new(); programs.len()];
        for round in 0..=rounds {
            for (program, costs) in programs.iter_mut().zip(&mut costs) {
                let cost = program.round(work, &mut environment)?;
                // The first round is not counted.
                if round > 0 {
                    costs.push(cost);
                }
            }
        }
        println!("{title}, {SIZE} B: CPU us/message, {rounds} rounds of {MESSAGES}, median [least .. most]");
        for (language, own) in languages.iter().zip(&costs) {
            let ratios = own.iter().zip(&costs[0]).map(|(own, first)| own / first).collect();
            println!("  {:24} {:>26}   x {}", language.name, spread(own.clone()), spread(ratios));
        }
        println!();
    }
    Ok(())
}

/// Writes the files that every language can read.
fn write_credentials(ready: &Ready) -> Result<TempDir> {
    let Credentials { ca, certificate, key } = &ready.client;
    let folder = tempfile::tempdir()?;
    for (name, text) in [("ca.crt", ca), ("sdk.crt", certificate), ("sdk.key", key)] {
        std::fs::write(folder.path().join(name), text)?;
    }
    Ok(folder)
}

fn spread(mut figures: Vec<f64>) -> String {
    figures.sort_by(f64::total_cmp);
    let (least, median, most) = (figures[0], figures[figures.len() / 2], figures[figures.len() - 1]);
    format!("{median:.2} [{least:.2} .. {most:.2}]")
}

/// A program that runs. Dropping this ends it.
struct Program {
    name: String,
    topic: String,
    process: Child,
    clock: ClockId,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Program {
    fn start(language: &Language, number: usize, node: &str, credentials: &Path) -> Result<Program> {
        // Each has a topic of its own, so that the broadcasts of a round go to one of them.
        let topic = format!("bench/broadcast/{number}");
        let mut words = language.command.split_whitespace();
        let mut process = Command::new(words.next().ok_or("a command is empty")?)
            .args(words)
            .arg(node)
            .arg(credentials)
            .arg(&topic)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("could not start {}: {error}", language.command))?;
        let clock = clock_getcpuclockid(Pid::from_raw(process.id().try_into()?))?;
        let commands = process.stdin.take().ok_or("the child has no standard input")?;
        let answers = BufReader::new(process.stdout.take().ok_or("the child has no standard output")?);
        let mut program = Program { name: language.name.clone(), topic, process, clock, commands, answers };
        program.wait_for("ready")?;
        Ok(program)
    }

    /// Runs a round and returns the CPU time per message in microseconds.
    fn round(&mut self, work: Work, environment: &mut Environment) -> Result<f64> {
        let before = self.cpu_time()?;
        match work {
            Work::Publish => writeln!(self.commands, "publish {MESSAGES}")?,
            Work::Receive => {
                writeln!(self.commands, "receive {MESSAGES}")?;
                self.wait_for("started")?;
                let topic = self.topic.clone();
                environment.send(&commands::Command::Broadcast { topic, messages: MESSAGES, size: SIZE })?;
            }
        }
        self.wait_for("done")?;
        Ok((self.cpu_time()? - before).as_secs_f64() * 1e6 / MESSAGES as f64)
    }

    fn cpu_time(&self) -> Result<Duration> {
        Ok(clock_gettime(self.clock)?.into())
    }

    fn wait_for(&mut self, wanted: &str) -> Result<()> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        if line.trim_end() == wanted {
            return Ok(());
        }
        Err(format!("{} wrote {line:?} in place of {wanted:?}: see its message above", self.name).into())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The program also exits when its standard input ends. Kill it in case it hangs; this fails if it has exited.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
