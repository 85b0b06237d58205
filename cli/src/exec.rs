//! Runs a command for a request: the payload is its standard input, its standard output the reply.

use std::collections::HashSet;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use amop::Message;
use amop::protocol::channel::frame::MAX_SENT_FRAME_LEN;
use amop::text::foreign;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// The commands that run at the moment. Clones are of one and the same set.
#[derive(Clone, Default)]
pub(crate) struct Commands(Arc<Mutex<Running>>);

#[derive(Default)]
struct Running {
    /// How many have begun and not ended.
    count: usize,
    /// Each command leads a process group of its own, which has the same number.
    groups: HashSet<Pid>,
    /// None is to begin any more.
    ended: bool,
}

impl Commands {
    /// Runs `command` by the shell with what `message` brought; its output, or what went wrong.
    ///
    /// The command finds topic and seq in `AMOP_TOPIC` and `AMOP_SEQ`. It runs in a process group of its own, so
    /// that Ctrl-C doesn't end it in the middle; all of that group ends when this future is dropped.
    pub(crate) async fn run(&self, command: &str, message: &Message) -> Result<Vec<u8>, String> {
        let mut group = Group::new(self);
        let spawned = Command::new("sh")
            .arg("-c")
            .arg(command)
            .env("AMOP_TOPIC", message.topic())
            .env("AMOP_SEQ", foreign(message.seq()).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn();
        let mut child = spawned.map_err(|error| format!("the command can't be started: {error}"))?;
        group.led_by(&child);
        let mut input = child.stdin.take().expect("it was asked for");
        let output = child.stdout.take().expect("it was asked for");
        let feed = async {
            // A command may end, or close its input, without reading all of it.
            let _ = input.write_all(message.data()).await;
            drop(input);
        };
        let mut reply = Vec::new();
        // One byte more than any message has shows that it is too much.
        let mut limited = output.take(MAX_SENT_FRAME_LEN as u64 + 1);
        let read = async {
            let read = limited.read_to_end(&mut reply).await;
            if reply.len() > MAX_SENT_FRAME_LEN {
                group.kill();
            }
            read
        };
        let (_, read) = tokio::join!(feed, read);
        read.map_err(|error| format!("the command's output can't be read: {error}"))?;
        let status = child.wait().await.map_err(|error| format!("the command is lost: {error}"))?;
        group.leave();
        if reply.len() > MAX_SENT_FRAME_LEN {
            Err(format!("the command's output is more than the {MAX_SENT_FRAME_LEN} bytes of a message"))
        } else if status.success() {
            Ok(reply)
        } else if self.lock().ended {
            Err("the command was ended with the service".to_owned())
        } else {
            Err(format!("the command failed ({status})"))
        }
    }

    /// How many run.
    pub(crate) fn count(&self) -> usize {
        self.lock().count
    }

    /// Kills those that run, with whatever they have started, and those that begin later.
    pub(crate) fn end_all(&self) {
        let mut running = self.lock();
        running.ended = true;
        running.groups.iter().for_each(|group| kill(*group));
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        // Nothing in there can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The process group of one command; killed when dropped.
struct Group {
    commands: Commands,
    number: Option<Pid>,
}

impl Group {
    /// Counts as running before there is a process.
    fn new(commands: &Commands) -> Group {
        commands.lock().count += 1;
        Group { commands: commands.clone(), number: None }
    }

    fn led_by(&mut self, leader: &Child) {
        self.number = leader.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let mut running = self.commands.lock();
        running.groups.extend(self.number);
        if running.ended {
            self.kill();
        }
    }

    fn kill(&self) {
        self.number.into_iter().for_each(kill);
    }

    /// The command has ended by itself. What it left in the background is let be.
    fn leave(mut self) {
        if let Some(number) = self.number.take() {
            self.commands.lock().groups.remove(&number);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let mut running = self.commands.lock();
        running.count -= 1;
        if let Some(number) = self.number {
            running.groups.remove(&number);
            kill(number);
        }
    }
}

fn kill(group: Pid) {
    // It may have ended in the meantime.
    let _ = kill_process_group(group, Signal::KILL);
}
