//! The options that change how embedded nodes behave, and their limits.

use std::time::Duration;

use amop_devnet::{Choice, DevnetBuilder, SameNode};
use clap::{Args, ValueEnum};

use crate::seconds::{positive_seconds, seconds};

/// How the nodes behave.
#[derive(Args, Debug)]
#[command(next_help_heading = "Behaviour of real nodes")]
pub(crate) struct Behaviour {
    /// Everything that 2.11 nodes were observed to do: no delivery within one node, one choice per second, topics and
    /// lost nodes become known after 5 s, frames are reordered by up to 0.25 s, no TLS session is resumed; other
    /// options override parts of it
    #[arg(long = "like-2.11")]
    like_2_11: bool,
    /// What happens to messages for clients of the publisher's own node [default: deliver]
    #[arg(long, value_name = "WHAT")]
    same_node: Option<OnSameNode>,
    /// How often the random choice of subscriber changes [default: each-message]
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
    /// Drop connections that offer a TLS session to resume
    #[arg(long)]
    refuse_resumption: bool,
    /// Accept clients of all agencies of the chain, not only those of the nodes' own agency
    #[arg(long)]
    any_agency: bool,
    /// How long a node waits for a subscriber's reply before it delivers the message to the next one [default: 5]
    #[arg(long, value_name = "SECONDS", value_parser = positive_seconds)]
    push_limit: Option<Duration>,
    /// How long a node waits for another node [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = positive_seconds)]
    node_limit: Option<Duration>,
    /// The time without a byte after which a session is closed [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = positive_seconds)]
    idle_limit: Option<Duration>,
    /// The bytes of messages per second that each node accepts from publishers; more is answered with code 103
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    bandwidth: Option<u64>,
    /// The seed: random choices are the same for the same number and the same order of frames
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
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
    /// For each message
    EachMessage,
    /// Each second, so that a burst goes to one subscriber
    EachSecond,
}

impl Behaviour {
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
        expect("--same-node drop", builder().same_node(SameNode::Drop));
        expect("--choice each-second", builder().choice(Choice::EachSecond));
        expect("--topic-sync 0.5", builder().topic_sync(half));
        expect("--link-loss 0.5", builder().link_loss(half));
        expect("--reorder 0.5", builder().reorder(half));
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
