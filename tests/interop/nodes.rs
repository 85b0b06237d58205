//! The nodes between the parties. Those of 2.x are `amop devnet` as a user starts it, and `amop stats` to query them.
//! Those of 3.x can't be queried, so they run in this process, as do those that are to be restarted.

use std::time::{Duration, Instant};

use amop::{Tls, VerificationState};
use amop_devnet::{Devnet, DevnetBuilder, Generation};
use amop_tests::program::Program;
use serde_json::Value;
use tempfile::TempDir;

use crate::party::Result;

/// The command under test.
const AMOP: &str = env!("CARGO_BIN_EXE_test-amop");

/// The nodes' patience with subscribers, in seconds: real ones have 5, which are over soon on a busy machine.
const PUSH_LIMIT: &str = "60";

/// When a topic is given up on.
const GUARD: Duration = Duration::from_secs(60);

/// The pause between two looks at nodes in this process.
const PAUSE: Duration = Duration::from_millis(5);

/// Two nodes.
pub(crate) struct Nodes {
    folder: TempDir,
    running: Running,
    endpoints: Vec<String>,
    credentials: String,
}

enum Running {
    /// In a process of their own.
    Command {
        devnet: Program,
        /// Connections that were made to look at the nodes.
        looks: u64,
    },
    /// In this process.
    Embedded(Devnet),
}

impl Nodes {
    /// Starts nodes of 3.x.
    pub(crate) fn start_3x(tls: Tls) -> Nodes {
        let folder = TempDir::new().expect("a folder is created");
        Nodes::start_embedded(Devnet::builder().generation(Generation::V3).tls(tls), folder)
    }

    /// Starts nodes of 2.x that show how verifications stand, and can be restarted.
    pub(crate) fn start_observed(like_2_11: bool, rsa: bool, gm: bool) -> Nodes {
        let limit = PUSH_LIMIT.parse().map(Duration::from_secs).expect("a number");
        let nodes = Devnet::builder().rsa(rsa).gm(gm).push_limit(limit);
        let nodes = match like_2_11 {
            // Real nodes take 5 s for each.
            true => {
                nodes.like_2_11().topic_sync(Duration::from_secs(1)).verify_interval(Duration::from_secs(1))
            }
            false => nodes,
        };
        Nodes::start_embedded(nodes, TempDir::new().expect("a folder is created"))
    }

    fn start_embedded(nodes: DevnetBuilder, folder: TempDir) -> Nodes {
        let devnet = nodes.dir(folder.path()).start_blocking().expect("the nodes start");
        // Without TLS there are none.
        let credentials = devnet.credentials_dir().unwrap_or(folder.path()).display().to_string();
        Nodes { folder, endpoints: devnet.endpoints(), credentials, running: Running::Embedded(devnet) }
    }

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
        Nodes { folder, running: Running::Command { devnet, looks: 0 }, endpoints, credentials }
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
        let looks = match &mut self.running {
            Running::Command { looks, .. } => looks,
            Running::Embedded(devnet) => {
                let since = Instant::now();
                while !devnet.node(1).topics().iter().any(|known| known == topic) {
                    let known = devnet.node(1).topics();
                    assert!(since.elapsed() < GUARD, "the node doesn't know {topic:?}, but {known:?}");
                    std::thread::sleep(PAUSE);
                }
                return;
            }
        };
        *looks += 1;
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

    /// Waits until the verification of a private topic stands so at the first node, for subscribers at the second; `None` is
    /// before the first node knows of them. The nodes are in this process.
    pub(crate) fn until(&self, topic: &str, expected: Option<VerificationState>) -> Result<()> {
        let since = Instant::now();
        let (publishers, subscribers) = (self.embedded().node(0), self.embedded().node(1));
        loop {
            let state = publishers.verification(topic, &subscribers);
            if state == expected {
                return Ok(());
            }
            if since.elapsed() > GUARD {
                return Err(format!("the verification of {topic:?} is {state:?}, not {expected:?}"));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Kills a node, and starts it again once both nodes have forgotten the topics of the second.
    pub(crate) fn restart(&self, node: usize, topics: &[String]) -> Result<()> {
        let (devnet, node) = (self.embedded(), self.embedded().node(node));
        devnet.handle().block_on(node.kill());
        for topic in topics {
            self.until(topic, None)?;
        }
        devnet.handle().block_on(node.restart()).map_err(|error| error.to_string())
    }

    fn embedded(&self) -> &Devnet {
        match &self.running {
            Running::Embedded(devnet) => devnet,
            Running::Command { .. } => panic!("these nodes run in another process"),
        }
    }

    /// Ends the nodes; gives how many connections parties have made, and how many of them came to nothing.
    pub(crate) fn end(self) -> (u64, u64) {
        let (devnet, looks) = match self.running {
            Running::Command { devnet, looks } => (devnet, looks),
            Running::Embedded(devnet) => {
                let counters = devnet.counters();
                devnet.stop_blocking();
                return (counters.accepted, counters.refused);
            }
        };
        let ended = devnet.interrupted();
        let summary: Value = serde_json::from_str(&ended.stdout[0]).expect("the last line is JSON");
        let count = |name: &str| summary[name].as_u64().expect("a number");
        (count("connections").saturating_sub(looks), count("refused"))
    }
}
