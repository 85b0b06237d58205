//! The nodes between the parties: `amop devnet` as anybody would start it, and `amop stats` to look at them.

use amop_tests::program::Program;
use serde_json::Value;
use tempfile::TempDir;

/// The command under test.
const AMOP: &str = env!("CARGO_BIN_EXE_test-amop");

/// The nodes' patience with subscribers, in seconds: real ones have 5, which are over soon on a busy machine.
const PUSH_LIMIT: &str = "60";

/// Two nodes in a process of their own.
pub(crate) struct Nodes {
    folder: TempDir,
    devnet: Program,
    endpoints: Vec<String>,
    credentials: String,
    /// Connections that were made to look at the nodes.
    looks: u64,
}

impl Nodes {
    /// Starts the nodes; `channel` is the option for the kind of channel.
    pub(crate) fn start(like_2_11: bool, channel: Option<&str>) -> Nodes {
        let folder = TempDir::new().expect("a folder can be made");
        let mut arguments = vec!["devnet", "--port", "0", "--push-limit", PUSH_LIMIT, "--json"];
        arguments.extend(channel);
        if like_2_11 {
            // Every topic is waited for: real nodes take 5 s.
            arguments.extend(["--like-2.11", "--topic-sync", "1"]);
        }
        let devnet = Program::start(AMOP, &arguments, folder.path());
        let ready: Value = serde_json::from_str(&devnet.line()).expect("the first line is JSON");
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        let endpoints = ready["endpoints"].as_array().expect("a list").iter().map(text).collect();
        let credentials = folder.path().join(text(&ready["credentials"])).display().to_string();
        Nodes { folder, devnet, endpoints, credentials, looks: 0 }
    }

    pub(crate) fn endpoint(&self, node: usize) -> &str {
        &self.endpoints[node]
    }

    /// The folder that clients are given.
    pub(crate) fn credentials(&self) -> &str {
        &self.credentials
    }

    /// Waits until the first node knows that the topic has a subscriber at the second.
    pub(crate) fn until_known(&mut self, topic: &str) {
        self.looks += 1;
        let look =
            ["stats", &self.endpoints[0], "--interval", "0.02", "--json", "--credentials", &self.credentials];
        let stats = Program::start(AMOP, &look, self.folder.path());
        loop {
            let seen: Value = serde_json::from_str(&stats.line()).expect("each line is JSON");
            let peers = seen["peers"].as_array().expect("a list");
            if peers
                .iter()
                .any(|peer| peer["topics"].as_array().is_some_and(|topics| topics.contains(&topic.into())))
            {
                break;
            }
        }
        // Ended in order, so that it is gone when the connections are counted.
        stats.interrupted();
    }

    /// Ends the nodes; gives how many connections parties have made, and how many of them came to nothing.
    pub(crate) fn end(self) -> (u64, u64) {
        let ended = self.devnet.interrupted();
        let summary: Value = serde_json::from_str(&ended.stdout[0]).expect("the last line is JSON");
        let count = |name: &str| summary[name].as_u64().expect("a number");
        (count("connections").saturating_sub(self.looks), count("refused"))
    }
}
