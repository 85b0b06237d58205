//! Commands to embedded nodes that run: one a line on standard input, each answered in its turn.

use std::io::{self, BufRead};

use amop_devnet::Devnet;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::exit::Outcome;
use crate::output::{ErrorRecord, GOOD, Output, Record};

/// Obeys until the input ends. Lines without a word, and those that begin with #, are passed over.
pub(super) async fn obey(devnet: &Devnet, output: &mut Output) -> Outcome<()> {
    let mut lines = lines()?;
    while let Some(line) = lines.recv().await {
        let command = line.trim();
        if command.is_empty() || command.starts_with('#') {
            continue;
        }
        match devnet.control(command).await {
            Ok(answer) => {
                let answer = serde_json::from_str(&answer).unwrap_or_default();
                output.tell_now(&Answered { command: command.to_owned(), answer })?;
            }
            Err(error) => output.tell_now(&ErrorRecord::new(&error))?,
        }
    }
    Ok(())
}

/// Returns the lines of standard input, which a thread reads until the process ends.
fn lines() -> Outcome<mpsc::Receiver<String>> {
    let (tell, lines) = mpsc::channel(1);
    amop::threads::start("amop-input", move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if tell.blocking_send(line).is_err() {
                return;
            }
        }
    })?;
    Ok(lines)
}

/// A command was obeyed.
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
            true => output.result(&format!("{GOOD}{command}:{GOOD:#} {answer}")),
            false => output.result(&format!("{GOOD}{command}:{GOOD:#} done")),
        }
    }
}
