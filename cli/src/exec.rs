//! Runs a command for a request: the payload is its standard input, its standard output the reply.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::pin::pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use amop::Message;
use amop::protocol::channel::frame::MAX_SENT_FRAME_LEN;
use amop::text::{foreign, span};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdout, Command};

/// The set of running commands. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Commands(Arc<Mutex<Running>>);

#[derive(Default)]
struct Running {
    /// The number of commands that have started and not ended.
    count: usize,
    /// The process groups: each command leads its own, which has the id of its process.
    groups: HashSet<Pid>,
    /// Whether no more commands may start.
    ended: bool,
}

impl Commands {
    /// Runs `command` in a shell with the payload of `message` as its input. Returns its output, or what went wrong.
    ///
    /// The command finds topic and seq in `AMOP_TOPIC` and `AMOP_SEQ`. It runs in its own process group, so that
    /// Ctrl-C doesn't interrupt it; the whole group is killed after `limit`, and when this future is dropped. Returns when
    /// the command has exited, even if processes that it left in the background hold its output open.
    pub(crate) async fn run(
        &self,
        command: &OsStr,
        message: &Message,
        limit: Option<Duration>,
    ) -> Result<Vec<u8>, String> {
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
        let mut output = child.stdout.take().expect("it was asked for");
        let feed = async {
            // A command may exit or close its input without reading all of it.
            let _ = input.write_all(message.data()).await;
            drop(input);
        };
        let mut reply = Vec::new();
        let mut is_read = false;
        let mut is_killed = false;
        let status = {
            let exchange = async {
                // Reads one byte more than fits a message, to notice output that is too large.
                let mut limited = (&mut output).take(MAX_SENT_FRAME_LEN as u64 + 1);
                tokio::join!(feed, limited.read_to_end(&mut reply)).1
            };
            let (mut exchange, mut exited) = (pin!(exchange), pin!(child.wait()));
            let mut limit = pin!(async {
                match limit {
                    Some(limit) => tokio::time::sleep(limit).await,
                    None => std::future::pending().await,
                }
            });
            loop {
                tokio::select! {
                    status = &mut exited => break status,
                    read = &mut exchange, if !is_read => {
                        let read = read.map_err(|error| format!("the command's output can't be read: {error}"))?;
                        is_read = true;
                        if read > MAX_SENT_FRAME_LEN {
                            group.kill();
                        }
                    }
                    () = &mut limit, if !is_killed => {
                        is_killed = true;
                        group.kill();
                    }
                }
            }
        };
        let status = status.map_err(|error| format!("the command can't be waited for: {error}"))?;
        if !is_read {
            read_rest(&output, &mut reply);
        }
        group.leave();
        if reply.len() > MAX_SENT_FRAME_LEN {
            Err(format!("the command's output is larger than a message can be, {MAX_SENT_FRAME_LEN} bytes"))
        } else if let (true, Some(limit)) = (is_killed, limit) {
            Err(format!("the command was killed after {} (--exec-timeout)", span(limit)))
        } else if status.success() {
            Ok(reply)
        } else if self.lock().ended {
            Err("the command was killed at the end of the service".to_owned())
        } else {
            Err(format!("the command failed ({status})"))
        }
    }

    /// Returns the number of running commands.
    pub(crate) fn count(&self) -> usize {
        self.lock().count
    }

    /// Kills all running commands with all processes that they have started, and any command that starts later.
    pub(crate) fn end_all(&self) {
        let mut running = self.lock();
        running.ended = true;
        running.groups.iter().for_each(|group| kill(*group));
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        // No code panics between two changes of the set.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The process group of one command; killed when dropped.
struct Group {
    commands: Commands,
    number: Option<Pid>,
}

impl Group {
    /// Creates a group that counts as running before there is a process.
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

    /// Ends the group after its command has exited. Processes that it left in the background keep running.
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

/// Reads what a command that has exited wrote. All of it is in the pipe; waiting for the pipe's end would wait for every
/// process that has inherited it.
fn read_rest(output: &ChildStdout, reply: &mut Vec<u8>) {
    let mut buffer = [0; 16 * 1024];
    while reply.len() <= MAX_SENT_FRAME_LEN {
        match rustix::io::read(output, &mut buffer) {
            Ok(0) => return,
            Ok(read) => reply.extend_from_slice(&buffer[..read]),
            Err(Errno::INTR) => {}
            // There is no more: the pipe does not block.
            Err(_) => return,
        }
    }
}

fn kill(group: Pid) {
    // The group may have ended in the meantime.
    let _ = kill_process_group(group, Signal::KILL);
}
