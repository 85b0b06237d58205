//! An official SDK as a party: a program in its language that is told what to do by lines.
//!
//! The program connects to the node of its first argument with the credentials in the folder of its second, says
//! `ready`, and carries out one command after the other until its input ends. Words are separated by blanks; topics
//! stand as they are, DATA as `x` and hexadecimal digits, ANSWER is `echo` or DATA.
//!
//! | command | answered by |
//! |---|---|
//! | `subscribe TOPIC ANSWER` | `done` |
//! | `private-subscribe TOPIC ANSWER PRIVATE_KEY` | `done` |
//! | `private-unsubscribe TOPIC` | `done` |
//! | `private-announce TOPIC PUBLIC_KEY...` | `done` |
//! | `publish TOPIC DATA`, `private-publish TOPIC DATA` | `reply DATA` |
//! | `multicast TOPIC DATA`, `private-multicast TOPIC DATA` | `done` |
//! | `burst TOPIC COUNT` | `done`, when all replies are there and right |
//!
//! What can't be done is answered `failed TEXT`. In between, each message that arrives is told as `received TOPIC DATA`.

use std::collections::VecDeque;
use std::io::Write;
use std::process::{ChildStdin, Command};

use amop_tests::program::Program;

use crate::party::{Answer, Publisher, Result, Subscriber};

/// A running program around an SDK.
#[derive(Debug)]
pub(crate) struct Sdk {
    program: Program,
    input: ChildStdin,
    /// Messages that were told of while an answer was waited for.
    received: VecDeque<String>,
}

impl Sdk {
    /// Starts `command`, the program and its first arguments, without waiting for it.
    pub(crate) fn start(command: &[&str], node: &str, credentials: &str) -> Sdk {
        let mut process = Command::new(command[0]);
        process.args(&command[1..]).args([node, credentials]);
        let (program, input) = Program::talk(process);
        Sdk { program, input, received: VecDeque::new() }
    }

    /// Waits until it is connected.
    pub(crate) fn ready(&self) {
        assert_eq!(self.program.line(), "ready");
    }

    /// The answer to a command, without its first word.
    fn command(&mut self, words: &[&str], answered_by: &str) -> Result<String> {
        let line = words.join(" ") + "\n";
        self.input.write_all(line.as_bytes()).map_err(|error| format!("it takes no commands: {error}"))?;
        loop {
            let line = self.program.line();
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match word {
                "received" => self.received.push_back(rest.to_owned()),
                "failed" => return Err(rest.to_owned()),
                word if word == answered_by => return Ok(rest.to_owned()),
                _ => return Err(format!("it said {line:?}")),
            }
        }
    }

    /// Ends its input and waits for it.
    fn finish(self) -> Result<()> {
        let Sdk { program, input, received } = self;
        drop(input);
        let ended = program.end();
        if ended.code != 0 {
            return Err(format!("it ended with code {}: {}", ended.code, ended.stderr.join("\n")));
        }
        let unasked: Vec<_> = received.into_iter().chain(ended.stdout).collect();
        match unasked.first() {
            None => Ok(()),
            Some(first) => {
                let first: String = first.chars().take(100).collect();
                Err(format!("nobody waited for {} lines, the first {first:?}", unasked.len()))
            }
        }
    }
}

impl Publisher for Sdk {
    fn announce_private(&mut self, topic: &str, public_keys: &[&str]) -> Result<()> {
        self.command(&[&["private-announce", topic], public_keys].concat(), "done").map(drop)
    }

    fn publish(&mut self, private: bool, topic: &str, data: &[u8]) -> Result<Vec<u8>> {
        let verb = if private { "private-publish" } else { "publish" };
        bytes(&self.command(&[verb, topic, &word(data)], "reply")?)
    }

    fn multicast(&mut self, private: bool, topic: &str, data: &[u8]) -> Result<()> {
        let verb = if private { "private-multicast" } else { "multicast" };
        self.command(&[verb, topic, &word(data)], "done").map(drop)
    }

    fn burst(&mut self, topic: &str, count: usize) -> Result<()> {
        self.command(&["burst", topic, &count.to_string()], "done").map(drop)
    }

    fn end(self: Box<Self>) -> Result<()> {
        self.finish()
    }
}

impl Subscriber for Sdk {
    fn subscribe(&mut self, topic: &str, answer: &Answer) -> Result<()> {
        self.command(&["subscribe", topic, &answer_word(answer)], "done").map(drop)
    }

    fn subscribe_private(&mut self, topic: &str, answer: &Answer, private_key: &str) -> Result<()> {
        self.command(&["private-subscribe", topic, &answer_word(answer), private_key], "done").map(drop)
    }

    fn unsubscribe_private(&mut self, topic: &str) -> Result<()> {
        self.command(&["private-unsubscribe", topic], "done").map(drop)
    }

    fn received(&mut self) -> Result<(String, Vec<u8>)> {
        let message = match self.received.pop_front() {
            Some(message) => message,
            None => {
                let line = self.program.line();
                line.strip_prefix("received ").ok_or_else(|| format!("it said {line:?}"))?.to_owned()
            }
        };
        let (topic, data) = message.split_once(' ').ok_or_else(|| format!("it received {message:?}"))?;
        Ok((topic.to_owned(), bytes(data)?))
    }

    fn end(self: Box<Self>) -> Result<()> {
        self.finish()
    }
}

fn answer_word(answer: &Answer) -> String {
    match answer {
        Answer::Data(data) => word(data),
        Answer::Echo => "echo".to_owned(),
    }
}

/// How data stands in a line; [`bytes`] is the way back.
fn word(data: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = data.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    std::iter::once('x').chain(digits.map(|digit| char::from(DIGITS[usize::from(digit)]))).collect()
}

fn bytes(word: &str) -> Result<Vec<u8>> {
    let no_data = || format!("{:?} is no data", &word[..word.len().min(100)]);
    let digits = word.strip_prefix('x').filter(|digits| digits.len() % 2 == 0).ok_or_else(no_data)?;
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pairs = digits.as_bytes().chunks_exact(2);
    let bytes: Option<_> = pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect();
    bytes.ok_or_else(no_data)
}
