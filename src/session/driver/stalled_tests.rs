//! Connections to nodes that read nothing.

use std::time::Duration;

use super::test_harness::*;
use super::*;
use crate::wake_count::WakeCount;

/// The ends that have a time, which has come.
fn due_ends() -> [Command; 3] {
    let by = Instant::now();
    [Command::Leave { by, why: closed() }, Command::Renew { by }, Command::Close { by, why: closed() }]
}

/// Starts a session, and a call that the node doesn't read. Runs `test` with what polls the driver once.
fn with_unread_call(end: Command, test: impl FnOnce(&mut dyn FnMut(&mut Context<'_>) -> Poll<End>)) -> Error {
    let mut outcome = None;
    in_runtime(|| {
        let mut link = Link::new();
        let handle = link.handle.clone();
        let (driver, mut node, _) = link.connect();
        let mut driver = Box::pin(driver.run(|_| Ok(())));
        establish(&mut driver, &mut node, &handle);
        let mut unread = call(&handle, 1, 3 * PIPE);
        assert!(!turn(&mut driver));
        assert!(handle.send(end).is_ok());
        test(&mut |cx| driver.as_mut().poll(cx));
        drop(driver);
        outcome = unread.try_recv().unwrap().err();
    });
    outcome.expect("the call fails")
}

#[test]
fn connection_ends_at_its_time_though_the_node_reads_nothing() {
    for (n, end) in due_ends().into_iter().enumerate() {
        let error = with_unread_call(end, |poll| {
            let limit = Instant::now() + Duration::from_secs(60);
            let end = loop {
                if let Poll::Ready(end) = poll(&mut context()) {
                    break end;
                }
                assert!(Instant::now() < limit, "end {n} waits for the node");
                std::thread::yield_now();
            };
            assert_eq!(matches!(end, End::Renewed), n == 1);
        });
        let kind = if n == 1 { ErrorKind::ConnectionLost } else { ErrorKind::Closed };
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[test]
fn connection_that_waits_for_its_node_does_not_wake_itself() {
    for end in due_ends() {
        with_unread_call(end, |poll| {
            let wakes = WakeCount::default();
            // On a slow machine it has ended, as it should.
            if wakes.poll(|cx| poll(cx)).is_pending() {
                assert_eq!(wakes.count(), 0);
            }
        });
    }
}
