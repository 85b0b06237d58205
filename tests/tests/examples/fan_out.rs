//! Jobs that are distributed over workers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use amop::Request;
use amop_devnet::Devnet;
use tokio::sync::Semaphore;

use crate::language::Language;
use crate::scene::{GUARD, Nodes, ends_well};

#[test]
fn jobs_wait_for_a_worker_that_is_busy() {
    let rust = Language::named("rust").unwrap();
    let nodes = Nodes::of(Devnet::builder().nodes(2));
    let client = nodes.client_with(1, |builder| builder.answer_timeout(GUARD));
    let gate = Arc::new(Semaphore::new(0));
    let behind = gate.clone();
    let job = move |_request: Request| {
        let gate = behind.clone();
        async move {
            gate.acquire().await.unwrap().forget();
            "the only one"
        }
    };
    let worker = nodes.block_on(client.serve("jobs").concurrency(1).max_messages(1).for_each(job)).unwrap();
    let distribute = || {
        let before = worker.stats().refused;
        let arguments = ["distribute", "{0}", "--count", "8", "--in-flight", "8"];
        let sender = nodes.run(&rust, "fan_out", &arguments);
        // More jobs have arrived than the worker has space for.
        let began = Instant::now();
        while worker.stats().refused == before {
            assert!(began.elapsed() < GUARD, "{:?}", worker.stats());
            std::thread::sleep(Duration::from_millis(2));
        }
        sender
    };
    let sender = distribute();
    gate.add_permits(8);
    assert_eq!(sender.line(), "the only one: 8");
    ends_well(sender);

    // A sender that is interrupted states what it leaves.
    let ended = distribute().interrupted();
    assert_eq!((ended.code, ended.stdout), (1, vec![]));
    assert_eq!(ended.stderr, ["of 8 jobs 0 failed, and 8 were not completed"]);
}

#[test]
fn each_job_is_done_by_one_of_the_workers() {
    let rust = Language::named("rust").unwrap();
    let nodes = Nodes::of(Devnet::builder().nodes(3));
    let workers = [("{1}", "one"), ("{2}", "two")].map(|(endpoint, name)| {
        let worker = nodes.run(&rust, "fan_out", &["work", endpoint, "jobs", "--name", name, "--time", "1"]);
        assert_eq!(worker.line(), "working on jobs");
        worker
    });
    let ended = nodes.run(&rust, "fan_out", &["distribute", "{0}", "jobs", "--count", "60"]).end();
    assert_eq!((ended.code, &ended.stderr), (0, &vec![]));
    let done = ended.stdout.iter().map(|line| line.split_once(": ").unwrap());
    let done: Vec<(&str, u64)> = done.map(|(name, count)| (name, count.parse().unwrap())).collect();
    assert_eq!(done.iter().map(|(_, count)| count).sum::<u64>(), 60, "{done:?}");
    assert!(done.iter().all(|(name, _)| ["one", "two"].contains(name)), "{done:?}");
    for worker in workers {
        worker.interrupt();
        ends_well(worker);
    }
}
