//! The library's own threads: there while a client is, gone after the last one, also without a close.
//!
//! In a process of its own, since it counts threads.

use amop_devnet::Devnet;

/// Threads of this process with the given name.
fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux lists its threads");
    let names = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|comm| comm.trim_end() == name).count()
}

async fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let limit = std::time::Duration::from_secs(60);
    let waiting = async {
        while !reached() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    if tokio::time::timeout(limit, waiting).await.is_err() {
        panic!("still waiting for: {what}");
    }
}

#[tokio::test]
async fn threads_come_with_the_first_client_and_go_with_the_last() {
    let devnet = Devnet::builder().nodes(1).start().await.unwrap();
    assert_eq!((threads("amop"), threads("amop-handler")), (0, 0));
    for _ in 0..3 {
        let first = devnet.node(0).client().connect().await.unwrap();
        let second = devnet.node(0).client().connect().await.unwrap();
        assert_eq!(threads("amop"), 2, "two workers, whatever the number of clients");
        let (seen, mut sees) = tokio::sync::mpsc::unbounded_channel();
        let handler = move |message: amop::Message| seen.send(message).unwrap();
        let guard = second.subscribe("t").for_each_blocking(handler).await.unwrap();
        first.publish("t", "hello").await.unwrap();
        assert_eq!(sees.recv().await.unwrap().data(), "hello");
        assert_eq!(threads("amop-handler"), 1);
        first.close().await.unwrap();
        drop(first);
        assert_eq!(threads("amop"), 2);
        // The other one is just dropped: it says goodbye in the background, and its threads end.
        drop((guard, second));
        until("the node to see both go", || devnet.counters().sessions == 0).await;
        until("the threads to end", || threads("amop") + threads("amop-handler") == 0).await;
        assert!(sees.recv().await.is_none(), "the handler is gone");
    }
}

#[tokio::test]
async fn a_client_may_run_on_its_callers_runtime() {
    let devnet = Devnet::builder().nodes(1).start().await.unwrap();
    let client = devnet.node(0).client().runtime(tokio::runtime::Handle::current()).connect().await.unwrap();
    let mut messages = client.subscribe("t").await.unwrap();
    client.publish("t", "x").await.unwrap();
    assert_eq!(messages.next().await.unwrap().data(), "x");
    client.close().await.unwrap();
}
