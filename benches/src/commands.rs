//! The commands between the two processes, and their answers. Each is one line of JSON.

use std::io::{BufRead, BufReader, Write};
use std::process::{self, Child, ChildStdin, ChildStdout, Stdio};

use amop::transport::CredentialSource;
use amop_devnet::Generation;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Result;

/// The first line of the environment: addresses and credentials.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ready {
    /// The address of the measured client's node.
    pub(crate) node: String,
    /// The address of the relay for the measured end.
    pub(crate) relay: String,
    /// The credentials for the node.
    pub(crate) client: Credentials,
    /// The credentials for the relay.
    pub(crate) floor: Credentials,
}

/// Credentials as PEM texts.
#[derive(Serialize, Deserialize)]
pub(crate) struct Credentials {
    pub(crate) ca: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Credentials {
    pub(crate) fn source(&self) -> CredentialSource {
        CredentialSource::Pem {
            ca: self.ca.clone().into(),
            cert: self.certificate.clone().into(),
            key: self.key.clone().into_bytes().into(),
        }
    }
}

/// A command to the environment.
#[derive(Serialize, Deserialize)]
pub(crate) enum Command {
    /// Send broadcasts to the subscribers of a topic.
    Broadcast { topic: String, messages: u64, size: usize },
    /// Send frames through the relay, with this mean number of frames per write.
    Stream { frames: u64, frame_len: usize, frames_per_write: f64 },
    /// Return the numbers of frames and writes, once the measured end has received everything.
    Report,
}

/// The answer to [`Command::Report`].
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Written {
    /// Frames that were sent to the measured end.
    pub(crate) frames: u64,
    /// Writes that it took, each a TLS record or more.
    pub(crate) writes: u64,
}

/// The other process. Dropping this ends it.
pub(crate) struct Environment {
    process: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Environment {
    /// Starts the process, and waits until it accepts connections.
    pub(crate) fn start(generation: Generation) -> Result<(Environment, Ready)> {
        let generation = match generation {
            Generation::V2 => "2",
            Generation::V3 => "3",
        };
        let mut process = process::Command::new(std::env::current_exe()?)
            .args(["--environment", generation])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let commands = process.stdin.take().ok_or("the child has no standard input")?;
        let answers = process.stdout.take().ok_or("the child has no standard output")?;
        let mut environment = Environment { process, commands, answers: BufReader::new(answers) };
        let ready = environment.answer()?;
        Ok((environment, ready))
    }

    /// Sends a command without waiting for it.
    pub(crate) fn send(&mut self, command: &Command) -> Result<()> {
        serde_json::to_writer(&mut self.commands, command)?;
        self.commands.write_all(b"\n")?;
        Ok(self.commands.flush()?)
    }

    /// Returns the mean number of frames per write since the last command.
    pub(crate) fn frames_per_write(&mut self) -> Result<f64> {
        self.send(&Command::Report)?;
        let Written { frames, writes } = self.answer()?;
        Ok(frames as f64 / writes as f64)
    }

    fn answer<T: DeserializeOwned>(&mut self) -> Result<T> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("the process with the nodes has exited: see its message above".into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        // The process also exits when its standard input ends. Kill it in case it hangs; this fails if it has exited.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
