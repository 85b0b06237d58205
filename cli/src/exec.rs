//! Runs a command for a request: the payload is its standard input, its standard output the reply.

use std::process::Stdio;

use amop::Message;
use amop::protocol::channel::frame::MAX_SENT_FRAME_LEN;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// Runs `command` by the shell with what `message` brought; its output, or what went wrong.
///
/// The command finds topic and seq in `AMOP_TOPIC` and `AMOP_SEQ`. It runs in a process group of its own, so that
/// Ctrl-C doesn't end it in the middle; it ends when this future is dropped.
pub(crate) async fn run(command: &str, message: &Message) -> Result<Vec<u8>, String> {
    let spawned = Command::new("sh")
        .arg("-c")
        .arg(command)
        .env("AMOP_TOPIC", message.topic())
        .env("AMOP_SEQ", String::from_utf8_lossy(message.seq()).as_ref())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let mut child = spawned.map_err(|error| format!("the command can't be started: {error}"))?;
    let mut input = child.stdin.take().expect("it was asked for");
    let output = child.stdout.take().expect("it was asked for");
    let feed = async {
        // A command may end, or close its input, without reading all of it.
        let _ = input.write_all(message.data()).await;
        drop(input);
    };
    let mut reply = Vec::new();
    // One byte more than fits: the library then says that it is too large.
    let mut limited = output.take(MAX_SENT_FRAME_LEN as u64 + 1);
    let (_, read) = tokio::join!(feed, limited.read_to_end(&mut reply));
    read.map_err(|error| format!("the command's output can't be read: {error}"))?;
    drop(limited);
    let status = child.wait().await.map_err(|error| format!("the command is lost: {error}"))?;
    if status.success() { Ok(reply) } else { Err(format!("the command failed ({status})")) }
}
