//! What the two processes say to each other: one line of JSON for each order, one for each answer.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use amop::transport::CredentialSource;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Result;

/// The first line of the surroundings: where to connect to, and with what.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ready {
    /// The measured client's node.
    pub(crate) node: String,
    /// The measured end of the relay.
    pub(crate) relay: String,
    pub(crate) ca: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Ready {
    pub(crate) fn credentials(&self) -> CredentialSource {
        CredentialSource::Pem {
            ca: self.ca.clone().into(),
            cert: self.certificate.clone().into(),
            key: self.key.clone().into(),
        }
    }
}

/// What the surroundings are told to do.
#[derive(Serialize, Deserialize)]
pub(crate) enum Order {
    /// Broadcast to the measured client.
    Broadcast { messages: u64, size: usize },
    /// Send as many frames down the relay, about so many in each write.
    Stream { frames: u64, frame_len: usize, frames_per_write: f64 },
    /// The measured end has got it all: say how it was written.
    Report,
}

/// The answer to [`Order::Report`].
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Written {
    /// Frames that were sent to the measured end.
    pub(crate) frames: u64,
    /// Writes that it took, each a TLS record or more.
    pub(crate) writes: u64,
}

/// The other process. It ends when this is dropped.
pub(crate) struct Surroundings {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Surroundings {
    /// Starts them, and waits until they can be connected to.
    pub(crate) fn start() -> Result<(Surroundings, Ready)> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("--surroundings")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = process.stdin.take().ok_or("the child has no standard input")?;
        let answers = process.stdout.take().ok_or("the child has no standard output")?;
        let mut surroundings = Surroundings { process, orders, answers: BufReader::new(answers) };
        let ready = surroundings.answer()?;
        Ok((surroundings, ready))
    }

    /// Gives an order without waiting.
    pub(crate) fn order(&mut self, order: &Order) -> Result<()> {
        serde_json::to_writer(&mut self.orders, order)?;
        self.orders.write_all(b"\n")?;
        Ok(self.orders.flush()?)
    }

    /// How many frames went into each write since the last order.
    pub(crate) fn frames_per_write(&mut self) -> Result<f64> {
        self.order(&Order::Report)?;
        let Written { frames, writes } = self.answer()?;
        Ok(frames as f64 / writes as f64)
    }

    fn answer<T: DeserializeOwned>(&mut self) -> Result<T> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("the process with the nodes has ended: see its message above".into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Surroundings {
    fn drop(&mut self) {
        // It ends with its standard input too; this is for one that hangs. Fails only if it's gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
