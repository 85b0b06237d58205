//! Unicasts: which are lost.

use std::collections::BTreeMap;
use std::time::Duration;

use amop::{Client, Delivery, Placement, Retry};
use amop_devnet::{DevnetBuilder, WallClock};
use futures_util::future::join_all;

use super::pausing_clock::PausingClock;
use super::{MESSAGES, Received, client_everywhere, client_with_clock, nodes_like_2_11, nodes_that_drop};
use crate::oracle::GUARD;

/// How often the messages are sent with each setting.
const RUNS: u64 = 20;
/// The pause between messages. It spreads them over several seconds, because a node's choice is the same during one.
const PAUSE: Duration = Duration::from_millis(60);
/// A time at which nodes with one peer choose that, and one at which they choose themselves, in milliseconds since 1970.
const GOOD: u64 = 1_700_000_000_500;
const BAD: u64 = 1_700_000_008_500;
/// The time between the beginnings of runs, on clocks of their own.
const APART: u64 = 7_300;

/// How messages are sent and received.
#[derive(Clone, Copy)]
struct Setting {
    retry: Retry,
    placement: Placement,
    timeout: Duration,
}

impl Setting {
    /// Returns these ways to send with both ways to receive.
    fn with_each_placement(retries: &[Retry], timeout: Duration) -> Vec<Setting> {
        let placements = [Placement::All, Placement::One];
        let with = |retry| placements.map(|placement| Setting { retry, placement, timeout });
        retries.iter().flat_map(|retry| with(*retry)).collect()
    }

    fn name(&self) -> String {
        format!("retry {:?}, placement {:?}", self.retry, self.placement)
    }
}

/// What became of the messages of one run with one setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Losses {
    lost: usize,
    twice: usize,
}

/// Sends the messages of one run. `before` is called when the nodes know the subscriber.
async fn send(
    publisher: &Client,
    subscriber: &Client,
    topic: &str,
    Setting { retry, placement, timeout }: Setting,
    before: impl FnOnce(),
) -> Losses {
    let (received, running) = Received::subscribe(subscriber, topic, placement).await;
    let first = publisher.publish(topic, "first").retry(Retry::AtLeastOnce).timeout(GUARD);
    first.wait_for_subscriber(true).await.unwrap();
    before();
    let mut calls = Vec::new();
    for n in 0..MESSAGES {
        let publish = publisher.publish(topic, n.to_string()).retry(retry).timeout(timeout);
        calls.push(tokio::spawn(publish.into_future()));
        tokio::time::sleep(PAUSE).await;
    }
    let mut lost = 0;
    for (n, outcome) in join_all(calls).await.into_iter().enumerate() {
        match outcome.unwrap() {
            Ok(_) => assert!(received.times(n) > 0, "{topic}: {n} was answered and not handled"),
            Err(error) => {
                println!("{topic}: {n} was lost: {error}");
                assert_eq!(error.delivery(), Delivery::Maybe, "{error}");
                lost += 1;
            }
        }
    }
    running.unsubscribe().await.unwrap();
    Losses { lost, twice: received.count(|times| times > 1) }
}

/// Makes one run with each setting, all at the same time, to nodes whose clocks and the publisher's pause for calls.
async fn run_on_pausing_clock(nodes: DevnetBuilder, begins: u64, settings: &[Setting]) -> Vec<Losses> {
    let clock = PausingClock::at(begins);
    let devnet = nodes.wall_clock(clock.wall_clock()).start().await.unwrap();
    let publisher = client_with_clock(&devnet, clock.wall_clock()).await;
    let subscriber = client_everywhere(&devnet).await;
    let runs = settings
        .iter()
        .map(async |setting| send(&publisher, &subscriber, &setting.name(), *setting, || {}).await);
    clock.during(&publisher, join_all(runs)).await
}

async fn nothing_is_lost_in_any_run(name: &str, nodes: impl Fn() -> DevnetBuilder) {
    let settings = Setting::with_each_placement(&[Retry::Definite, Retry::AtLeastOnce], GUARD);
    let runs = (0..RUNS).map(|run| run_on_pausing_clock(nodes(), GOOD + run * APART, &settings));
    for (run, losses) in join_all(runs).await.into_iter().enumerate() {
        for (setting, found) in settings.iter().zip(losses) {
            let setting_name = setting.name();
            assert_eq!(found.lost, 0, "{name}: run {run}, {setting_name}");
            // A copy that is late on a busy machine may be followed by another, where a node may have lost it.
            if (setting.retry, setting.placement) != (Retry::AtLeastOnce, Placement::All) {
                assert_eq!(found.twice, 0, "{name}: run {run}, {setting_name}");
            }
        }
    }
}

#[tokio::test]
async fn no_unicast_is_lost_at_nodes_that_drop() {
    nothing_is_lost_in_any_run("same-node drop", nodes_that_drop).await;
}

#[tokio::test]
async fn no_unicast_is_lost_at_nodes_like_2_11() {
    nothing_is_lost_in_any_run("like 2.11", nodes_like_2_11).await;
}

#[tokio::test]
async fn unicasts_that_are_never_retried_are_lost_in_bad_seconds_only() {
    // Nodes never answer the unicasts that come while they abandon one.
    let settings = Setting::with_each_placement(&[Retry::Never], Duration::from_secs(5));
    for (time, lost) in [(GOOD, 0), (BAD, MESSAGES)] {
        for setting in &settings {
            let clock = PausingClock::at(GOOD);
            let devnet =
                nodes_that_drop().node_limit(GUARD).wall_clock(clock.wall_clock()).start().await.unwrap();
            let publisher = client_with_clock(&devnet, clock.wall_clock()).await;
            let subscriber = client_everywhere(&devnet).await;
            let losing = setting.placement == Placement::All && lost > 0;
            let timeout = if losing { setting.timeout } else { GUARD };
            let setting = Setting { timeout, ..*setting };
            let found = send(&publisher, &subscriber, "t", setting, || clock.set(time)).await;
            let lost = if losing { lost } else { 0 };
            assert_eq!(found, Losses { lost, twice: 0 }, "{} at {time}", setting.name());
        }
    }
}

/// Prints a table of losses with the system's clock, for `docs/reliability.md`.
#[tokio::test]
#[ignore = "what is lost depends on how busy the machine is"]
async fn losses_with_the_clock_of_the_system() {
    let retries = [Retry::Never, Retry::Definite, Retry::AtLeastOnce];
    let settings = Setting::with_each_placement(&retries, Duration::from_secs(30));
    for (name, nodes) in
        [("same-node drop", nodes_that_drop as fn() -> DevnetBuilder), ("like 2.11", nodes_like_2_11)]
    {
        let mut table: BTreeMap<String, Vec<Losses>> = BTreeMap::new();
        for _ in 0..RUNS {
            let devnet = nodes().start().await.unwrap();
            let publisher = client_with_clock(&devnet, WallClock::default()).await;
            let subscriber = client_everywhere(&devnet).await;
            let runs = settings.iter().map(async |setting| {
                let losses = send(&publisher, &subscriber, &setting.name(), *setting, || {}).await;
                (setting.name(), losses)
            });
            for (setting, losses) in join_all(runs).await {
                table.entry(setting).or_default().push(losses);
            }
        }
        for (setting, runs) in table {
            let lost: Vec<usize> = runs.iter().map(|losses| losses.lost).collect();
            let twice: usize = runs.iter().map(|losses| losses.twice).sum();
            println!("{name}: {setting}: lost of {MESSAGES} in {RUNS} runs {lost:?}, {twice} twice");
        }
    }
}
