//! Control of a devnet by text commands, for programs in any language: `freeze 1`, `fault lose type=0x31 topic=hello`.
//! Each command calls a method of a handle.

use amop::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use crate::faults::words::{milliseconds, number, read, split_word, time};
use crate::{Devnet, FaultId, Node, NodeCertificate, OnConnect, Session};

/// The names of all commands, for the error of an unknown one.
const COMMANDS: [&str; 26] = [
    "kill",
    "restart",
    "freeze",
    "thaw",
    "close-port",
    "open-port",
    "clock-offset",
    "push-limit",
    "cut-sessions",
    "reset-sessions",
    "cut-link",
    "restore-link",
    "on-connect",
    "certificate",
    "sessions",
    "close",
    "cut",
    "reset",
    "stall",
    "resume",
    "fault",
    "hits",
    "remove-fault",
    "clear-faults",
    "block",
    "counters",
];

impl Devnet {
    /// Runs a command and returns its answer as a line of JSON, `{}` if the command has no answer.
    ///
    /// | command | method |
    /// |---|---|
    /// | `kill NODE`, `restart NODE` | [`Node::kill`], [`Node::restart`] |
    /// | `freeze NODE`, `thaw NODE` | [`Node::freeze`], [`Node::thaw`] |
    /// | `close-port NODE`, `open-port NODE` | [`Node::close_port`], [`Node::open_port`] |
    /// | `clock-offset NODE SECONDS` | [`Node::set_clock_offset`]; the seconds may be negative: `clock-offset 1 -0.25` |
    /// | `push-limit SECONDS` | [`Devnet::set_push_limit`] |
    /// | `cut-sessions NODE`, `reset-sessions NODE` | [`Node::cut_sessions`], [`Node::reset_sessions`] |
    /// | `cut-link NODE NODE`, `restore-link NODE NODE` | [`Node::cut_link`], [`Node::restore_link`] |
    /// | `on-connect NODE serve`, `close`, `reset`, `stall` or `garbage` | [`Node::on_connect`] |
    /// | `certificate NODE valid`, `expired`, `early` or `foreign` | [`Node::show_certificate`] |
    /// | `sessions` | all sessions: `{"sessions":[{"id":0,"node":1,"protocol":3,"topics":["hello"]}]}` |
    /// | `close SESSION`, `cut SESSION`, `reset SESSION` | [`Session::close`], [`Session::cut`], [`Session::reset`] |
    /// | `stall SESSION`, `resume SESSION` | [`Session::stall`], [`Session::resume`] |
    /// | `fault FAULT` | [`Devnet::inject`], with the text form of [`Fault`](crate::Fault): `{"fault":1}` |
    /// | `hits ID`, `remove-fault ID`, `clear-faults` | [`Devnet::hits`] `{"hits":2}`, [`Devnet::remove_fault`], [`Devnet::clear_faults`] |
    /// | `block NUMBER` | [`Devnet::notify_block`] |
    /// | `counters` | [`Devnet::counters`]: `{"accepted":2,"refused":0,...}` |
    ///
    /// Nodes are counted from 0. The number of a session is its [`Session::id`].
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`] if the command is unknown or malformed, or if its node, session or fault
    /// does not exist, and the errors of the method.
    pub async fn control(&self, command: &str) -> Result<String> {
        let (verb, rest) = split_word(command);
        match verb {
            "kill" => self.named(rest)?.kill().await,
            "restart" => self.named(rest)?.restart().await?,
            "freeze" => self.named(rest)?.freeze(),
            "thaw" => self.named(rest)?.thaw(),
            "close-port" => self.named(rest)?.close_port().await,
            "open-port" => self.named(rest)?.open_port().await?,
            "clock-offset" => {
                let (node, offset) = split_word(rest);
                self.named(node)?.set_clock_offset(milliseconds(offset)?);
            }
            "push-limit" => self.set_push_limit(time(rest)?),
            "cut-sessions" => self.named(rest)?.cut_sessions(),
            "reset-sessions" => self.named(rest)?.reset_sessions(),
            "cut-link" | "restore-link" => {
                let (one, other) = split_word(rest);
                let (one, other) = (self.named(one)?, self.named(other)?);
                if verb == "cut-link" { one.cut_link(&other) } else { one.restore_link(&other) }
            }
            "on-connect" => {
                let (node, how) = split_word(rest);
                self.named(node)?.on_connect(choice(how, ON_CONNECT)?);
            }
            "certificate" => {
                let (node, which) = split_word(rest);
                self.named(node)?.show_certificate(choice(which, CERTIFICATES)?)?;
            }
            "close" => self.session(rest)?.close(),
            "cut" => self.session(rest)?.cut(),
            "reset" => self.session(rest)?.reset(),
            "stall" => self.session(rest)?.stall(),
            "resume" => self.session(rest)?.resume(),
            "block" => self.notify_block(number(rest)?),
            "clear-faults" => nothing(rest).map(|()| self.clear_faults())?,
            "fault" => {
                return self.inject_words(rest).map(|fault| json!({ "fault": fault.number() }).to_string());
            }
            "remove-fault" => self.remove_fault(self.fault(rest)?.0),
            "hits" => return Ok(json!({ "hits": self.fault(rest)?.1 }).to_string()),
            "sessions" => return nothing(rest).map(|()| self.sessions_as_json().to_string()),
            "counters" => return nothing(rest).map(|()| self.counters_as_json().to_string()),
            _ => {
                let text = format!("unknown devnet command {verb:?}: use {}", COMMANDS.join(", "));
                return Err(wrong(text));
            }
        }
        Ok("{}".to_owned())
    }

    /// Injects a fault given as text. Its node and session must exist.
    fn inject_words(&self, text: &str) -> Result<FaultId> {
        let fault = read(text)?;
        if let Some(node) = fault.node {
            self.named(&node.to_string())?;
        }
        if let Some(session) = fault.session {
            self.session(&session.to_string())?;
        }
        Ok(self.inject(fault))
    }

    fn named(&self, node: &str) -> Result<Node> {
        let index: usize = number(node)?;
        if index < self.len() {
            return Ok(self.node(index));
        }
        Err(wrong(format!("there is no node {index}: the last node is {}", self.len() - 1)))
    }

    fn session(&self, id: &str) -> Result<Session> {
        let id: u64 = number(id)?;
        let mut sessions = self.nodes().into_iter().flat_map(|node| node.sessions());
        sessions.find(|session| session.id() == id).ok_or_else(|| wrong(format!("there is no session {id}")))
    }

    /// Returns an injected fault, and how often it has happened.
    fn fault(&self, id: &str) -> Result<(FaultId, u64)> {
        let fault = FaultId::from_number(number(id)?);
        let hits = self.hits(fault).ok_or_else(|| wrong(format!("there is no fault {}", fault.number())))?;
        Ok((fault, hits))
    }

    fn sessions_as_json(&self) -> Value {
        let of = |node: Node| {
            node.sessions().into_iter().map(move |session| {
                let (id, node, protocol) = (session.id(), node.index(), session.protocol());
                json!({ "id": id, "node": node, "protocol": protocol, "topics": session.topics() })
            })
        };
        json!({ "sessions": self.nodes().into_iter().flat_map(of).collect::<Vec<_>>() })
    }

    fn counters_as_json(&self) -> Value {
        let counters = self.counters();
        json!({
            "accepted": counters.accepted,
            "refused": counters.refused,
            "sessions": counters.sessions,
            "tasks": counters.tasks,
            "frames_in": counters.frames_in,
            "frames_out": counters.frames_out,
            "records_out": counters.records_out,
            "in_flight": counters.in_flight,
            "held_bytes": counters.held_bytes,
            "slow_readers": counters.slow_readers,
        })
    }
}

const ON_CONNECT: &[(&str, OnConnect)] = &[
    ("serve", OnConnect::Serve),
    ("close", OnConnect::Close),
    ("reset", OnConnect::Reset),
    ("stall", OnConnect::Stall),
    ("garbage", OnConnect::Garbage),
];

const CERTIFICATES: &[(&str, NodeCertificate)] = &[
    ("valid", NodeCertificate::Valid),
    ("expired", NodeCertificate::Expired),
    ("early", NodeCertificate::NotYetValid),
    ("foreign", NodeCertificate::Foreign),
];

fn choice<T: Copy>(word: &str, choices: &[(&str, T)]) -> Result<T> {
    choices.iter().find(|(name, _)| *name == word).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        wrong(format!("invalid value {word:?}: use one of {}", names.join(", ")))
    })
}

fn nothing(rest: &str) -> Result<()> {
    if rest.is_empty() { Ok(()) } else { Err(wrong(format!("unexpected text after the command: {rest:?}"))) }
}

fn wrong(text: String) -> Error {
    Error::undelivered(ErrorKind::InvalidArgument, text)
}
