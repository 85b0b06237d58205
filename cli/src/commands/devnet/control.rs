//! Commands to running embedded nodes: one per line on standard input, answered in order.

use std::io::{self, BufRead};

use amop::text::printable;
use amop_devnet::Devnet;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::exit::Outcome;
use crate::output::{ErrorRecord, GOOD, Output, Record};

/// Executes commands until the input ends. Ignores empty lines and those that begin with #.
pub(super) async fn execute(devnet: &Devnet, output: &mut Output) -> Outcome<()> {
    let mut lines = lines()?;
    while let Some(line) = lines.recv().await {
        let command = line.trim();
        if command.is_empty() || command.starts_with('#') {
            continue;
        }
        match devnet.control(command).await {
            Ok(answer) => {
                let answer = serde_json::from_str(&answer).unwrap_or_default();
                output.emit_now(&Answered { command: command.to_owned(), answer })?;
            }
            Err(error) => output.emit_now(&ErrorRecord::new(&error))?,
        }
    }
    Ok(())
}

/// Returns the lines of standard input, which a thread reads until the process ends.
fn lines() -> Outcome<mpsc::Receiver<String>> {
    let (sender, lines) = mpsc::channel(1);
    amop::threads::start("amop-input", move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    })?;
    Ok(lines)
}

/// A command was executed.
#[derive(Serialize)]
#[serde(tag = "event", rename = "answer")]
struct Answered {
    command: String,
    #[serde(flatten)]
    answer: Value,
}

impl Record for Answered {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let Answered { command, answer } = self;
        match answer.as_object().is_some_and(|answer| !answer.is_empty()) {
            // Clients of the nodes choose what is in it, such as topics.
            true => {
                let answer = answer.to_string();
                output.result(&format!("{GOOD}{command}:{GOOD:#} {}", printable(&answer)))
            }
            false => output.result(&format!("{GOOD}{command}:{GOOD:#} done")),
        }
    }
}
