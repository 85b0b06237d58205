//! The options that change how embedded nodes behave, and their limits.

use std::time::Duration;

use amop_devnet::{Choice, DevnetBuilder, Generation, SameNode};
use clap::{Args, ValueEnum};

use crate::exit::{Failure, Outcome};
use crate::values::{positive_seconds, seconds, whole};

/// How the nodes behave.
#[derive(Args, Debug)]
#[command(next_help_heading = "Behaviour of real nodes")]
pub(crate) struct Behaviour {
    /// Everything that 2.11.2 nodes were observed to do: no delivery within one node, a choice that is computed from the
    /// second, topics and lost nodes become known after 5 s, frames are reordered by up to 0.25 s, Nagle's algorithm, no
    /// TLS session is resumed; other options override parts of it
    #[arg(long = "like-2.11")]
    like_2_11: bool,
    /// What 3.16 nodes were observed to do, with generation 3: topics become known to other nodes after up to 2 s, and of the
    /// messages that arrive together the last is processed first; --topic-sync overrides the former
    #[arg(long = "like-3.16")]
    like_3_16: bool,
    /// What happens to messages for clients of the publisher's own node; nodes that deliver them report version 2.7.2,
    /// others 2.11.2 [default: deliver]
    #[arg(long, value_name = "WHAT")]
    same_node: Option<OnSameNode>,
    /// How often the choice of subscriber changes [default: each-message; with --same-node drop: each-second]
    #[arg(long, value_name = "WHEN")]
    choice: Option<Changes>,
    /// How often nodes exchange their topics [default: 0, immediately]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    topic_sync: Option<Duration>,
    /// How long a node takes to notice that it has lost another [default: 0, immediately]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    link_loss: Option<Duration>,
    /// The time by which frames may be reordered [default: 0, never]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    reorder: Option<Duration>,
    /// By how much a node's clock is ahead of this machine's, such as 1=-0.25; can be given several times
    #[arg(long = "clock-offset", value_name = "NODE=SECONDS", value_parser = clock_offset)]
    clock_offsets: Vec<(usize, i64)>,
    /// Send with Nagle's algorithm, each frame by itself: a second frame waits until the client acknowledges the first
    #[arg(long)]
    nagle: bool,
    /// Drop connections that offer a TLS session to resume
    #[arg(long)]
    refuse_resumption: bool,
    /// Accept clients of all agencies of the chain, not only those of the nodes' own agency
    #[arg(long)]
    any_agency: bool,
    /// How long a node waits for a subscriber's reply: with generation 2 before it delivers the message to the next one
    /// [default: 5], with generation 3 before it answers with an error, or delivers it once more [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = positive_seconds)]
    push_limit: Option<Duration>,
    /// How long a node waits for another node [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = positive_seconds)]
    node_limit: Option<Duration>,
    /// The time without a byte after which a session is closed [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = positive_seconds)]
    idle_limit: Option<Duration>,
    /// The bytes of messages per second that each node accepts from publishers; more is answered with code 103
    #[arg(long, value_name = "BYTES", value_parser = whole::<u64>(1..=u64::MAX))]
    bandwidth: Option<u64>,
    /// The seed: random choices are the same for the same number and the same order of frames
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = whole::<u64>(0..=u64::MAX))]
    seed: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnSameNode {
    /// Deliver them
    Deliver,
    /// As nodes 2.8.0 to 2.11.2: broadcasts are not delivered, unicasts time out
    Drop,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Changes {
    /// For each message, at random
    EachMessage,
    /// Each second, computed from it as real nodes do, so that a burst goes to one subscriber
    EachSecond,
}

impl Behaviour {
    /// Checks that nodes of this generation have all of this behaviour.
    pub(super) fn check(&self, generation: Generation) -> Outcome<()> {
        let of_2x = [
            ("--like-2.11", self.like_2_11),
            ("--same-node", self.same_node.is_some()),
            ("--choice", self.choice.is_some()),
            ("--clock-offset", !self.clock_offsets.is_empty()),
            ("--any-agency", self.any_agency),
            ("--node-limit", self.node_limit.is_some()),
            ("--bandwidth", self.bandwidth.is_some()),
        ];
        match of_2x.iter().find(|(_, given)| *given) {
            Some((option, _)) if generation == Generation::V3 => Err(Failure::Usage(format!(
                "{option} is a behaviour of 2.x nodes: leave it out, or use --generation 2"
            ))),
            _ if self.like_3_16 && generation == Generation::V2 => Err(Failure::Usage(
                "--like-3.16 is a behaviour of 3.x nodes: leave it out, or use --generation 3".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// Applies the options to the nodes of `builder`.
    pub(crate) fn apply_to(&self, mut builder: DevnetBuilder) -> DevnetBuilder {
        fn set<T>(
            builder: DevnetBuilder,
            value: Option<T>,
            set: fn(DevnetBuilder, T) -> DevnetBuilder,
        ) -> DevnetBuilder {
            match value {
                Some(value) => set(builder, value),
                None => builder,
            }
        }
        if self.like_2_11 {
            builder = builder.like_2_11();
        }
        if self.like_3_16 {
            builder = builder.like_3_16();
        }
        if self.nagle {
            builder = builder.nagle(true);
        }
        for (node, milliseconds) in &self.clock_offsets {
            builder = builder.clock_offset(*node, *milliseconds);
        }
        if self.refuse_resumption {
            builder = builder.refuse_resumption(true);
        }
        if self.any_agency {
            builder = builder.own_agency_only(false);
        }
        let same_node = self.same_node.map(|what| match what {
            OnSameNode::Deliver => SameNode::Deliver,
            OnSameNode::Drop => SameNode::Drop,
        });
        let choice = self.choice.map(|when| match when {
            Changes::EachMessage => Choice::EachMessage,
            Changes::EachSecond => Choice::EachSecond,
        });
        builder = set(builder, same_node, DevnetBuilder::same_node);
        builder = set(builder, choice, DevnetBuilder::choice);
        builder = set(builder, self.topic_sync, DevnetBuilder::topic_sync);
        builder = set(builder, self.link_loss, DevnetBuilder::link_loss);
        builder = set(builder, self.reorder, DevnetBuilder::reorder);
        builder = set(builder, self.push_limit, DevnetBuilder::push_limit);
        builder = set(builder, self.node_limit, DevnetBuilder::node_limit);
        builder = set(builder, self.idle_limit, DevnetBuilder::idle_limit);
        builder = set(builder, self.bandwidth, DevnetBuilder::bandwidth);
        builder.seed(self.seed)
    }
}

/// Parses a node and the offset of its clock in seconds, which it returns in milliseconds.
fn clock_offset(text: &str) -> Result<(usize, i64), String> {
    let parsed = text.split_once('=').and_then(|(node, seconds)| {
        let seconds: f64 = seconds.parse().ok().filter(|seconds: &f64| seconds.is_finite())?;
        Some((node.parse().ok()?, (1000.0 * seconds).round() as i64))
    });
    parsed.ok_or_else(|| "use the number of a node and seconds, such as 1=-0.25".to_owned())
}

#[cfg(test)]
mod tests {
    use amop_devnet::Devnet;
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        behaviour: Behaviour,
    }

    #[test]
    fn each_option_sets_one_behaviour() {
        let expect = |options: &str, expected: DevnetBuilder| {
            let line = Line::parse_from(["devnet"].into_iter().chain(options.split_whitespace()));
            let given = line.behaviour.apply_to(Devnet::builder());
            assert_eq!(format!("{given:?}"), format!("{expected:?}"), "{options}");
        };
        let (builder, half) = (Devnet::builder, Duration::from_millis(500));
        expect("", builder());
        expect("--like-2.11", builder().like_2_11());
        expect("--like-3.16", builder().like_3_16());
        expect("--topic-sync 0.5 --like-3.16", builder().like_3_16().topic_sync(half));
        expect("--same-node drop", builder().same_node(SameNode::Drop));
        expect("--choice each-second", builder().choice(Choice::EachSecond));
        expect("--topic-sync 0.5", builder().topic_sync(half));
        expect("--link-loss 0.5", builder().link_loss(half));
        expect("--reorder 0.5", builder().reorder(half));
        expect("--nagle", builder().nagle(true));
        expect(
            "--clock-offset 1=-0.25 --clock-offset 0=3",
            builder().clock_offset(1, -250).clock_offset(0, 3000),
        );
        expect("--refuse-resumption", builder().refuse_resumption(true));
        expect("--any-agency", builder().own_agency_only(false));
        expect("--push-limit 0.5", builder().push_limit(half));
        expect("--node-limit 0.5", builder().node_limit(half));
        expect("--idle-limit 0.5", builder().idle_limit(half));
        expect("--bandwidth 1000", builder().bandwidth(1000));
        expect("--seed 7", builder().seed(7));
        let but_quick = builder().like_2_11().same_node(SameNode::Deliver).choice(Choice::EachMessage);
        let but_quick = but_quick.topic_sync(half).reorder(Duration::ZERO);
        expect(
            "--topic-sync 0.5 --reorder 0 --same-node deliver --choice each-message --like-2.11",
            but_quick,
        );
    }
}
