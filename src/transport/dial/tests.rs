//! Order and timing of attempts.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::Instant;

use super::*;

/// What an address does.
#[derive(Clone, Copy)]
enum Does {
    /// Succeeds after `n` milliseconds.
    Succeeds(u64),
    /// Fails after `n` milliseconds.
    Fails(u64),
    /// Does not respond.
    Nothing,
}

/// Counts the attempts that are under way.
struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Attempts addresses that behave like this. Returns the index of the one that succeeded or of those that failed, when
/// each attempt began, and when the function returned, in milliseconds.
async fn race(does: &[Does]) -> (Result<usize, Vec<usize>>, Vec<u128>, u128) {
    let begin = Instant::now();
    let (starts, under_way) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    let address = |index: usize| SocketAddr::from(([127, 0, 0, 1], index as u16));
    let attempt = |address: SocketAddr| {
        let index = usize::from(address.port());
        starts.lock().unwrap().push(begin.elapsed().as_millis());
        under_way.fetch_add(1, Ordering::Relaxed);
        let guard = UnderWay(&under_way);
        async move {
            let _guard = guard;
            match does[index] {
                Does::Succeeds(after) => {
                    tokio::time::sleep(Duration::from_millis(after)).await;
                    Ok(index)
                }
                Does::Fails(after) => {
                    tokio::time::sleep(Duration::from_millis(after)).await;
                    Err(index)
                }
                Does::Nothing => pending().await,
            }
        }
    };
    let outcome = first_to_succeed((0..does.len()).map(address).collect(), attempt).await;
    assert_eq!(under_way.load(Ordering::Relaxed), 0, "the other attempts are dropped");
    (outcome, starts.into_inner().unwrap(), begin.elapsed().as_millis())
}

#[tokio::test(start_paused = true)]
async fn quick_address_is_tried_alone() {
    assert_eq!(race(&[Does::Succeeds(249), Does::Succeeds(0)]).await, (Ok(0), vec![0], 249));
}

#[tokio::test(start_paused = true)]
async fn failure_starts_the_next_address_at_once() {
    let (outcome, starts, over) = race(&[Does::Fails(10), Does::Fails(0), Does::Succeeds(5)]).await;
    assert_eq!((outcome, starts, over), (Ok(2), vec![0, 10, 10], 15));
}

#[tokio::test(start_paused = true)]
async fn silent_address_does_not_delay_the_others() {
    let (outcome, starts, over) = race(&[Does::Nothing, Does::Nothing, Does::Succeeds(3)]).await;
    assert_eq!((outcome, starts, over), (Ok(2), vec![0, 250, 500], 503));
}

#[tokio::test(start_paused = true)]
async fn slow_address_is_used_if_the_next_is_slower() {
    let (outcome, starts, over) = race(&[Does::Succeeds(400), Does::Succeeds(300)]).await;
    assert_eq!((outcome, starts, over), (Ok(0), vec![0, 250], 400));
}

#[tokio::test(start_paused = true)]
async fn all_failures_are_returned() {
    let (outcome, starts, over) = race(&[Does::Fails(600), Does::Fails(0), Does::Fails(0)]).await;
    assert_eq!((outcome, starts, over), (Err(vec![1, 2, 0]), vec![0, 250, 250], 600));
    assert_eq!(race(&[]).await, (Err(vec![]), vec![], 0));
}

/// Attempts ways with these outcomes: `None` succeeds, `Some` fails and states whether the next way is allowed. Returns
/// the index of the way that succeeded or failed last, and the indices of those attempted.
async fn ways(outcomes: &[Option<bool>]) -> (Result<usize, usize>, Vec<usize>) {
    let attempted = Mutex::new(Vec::new());
    let ways: Vec<_> = (0..outcomes.len()).collect();
    let attempt = |way: &usize| {
        attempted.lock().unwrap().push(*way);
        let outcome = match outcomes[*way] {
            None => Ok(*way),
            Some(_) => Err(*way),
        };
        async move { outcome }
    };
    let ended = first_way(&ways, attempt, |_, failed| outcomes[*failed] == Some(true)).await;
    (ended, attempted.into_inner().unwrap())
}

#[tokio::test]
async fn ways_are_tried_until_one_works_or_a_failure_forbids_the_next() {
    assert_eq!(ways(&[None, None]).await, (Ok(0), vec![0]));
    assert_eq!(ways(&[Some(true), Some(true), None]).await, (Ok(2), vec![0, 1, 2]));
    assert_eq!(ways(&[Some(true), Some(false), None]).await, (Err(1), vec![0, 1]));
    assert_eq!(ways(&[Some(true), Some(true)]).await, (Err(1), vec![0, 1]));
}
