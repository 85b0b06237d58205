//! The queue of commands of a link: from any thread, to the link's task.
//!
//! Shortly after something has arrived from the node, calls are gathered: they wake the task only when enough of them
//! wait. It also takes them when something arrives again, and when a timer ends. A program that makes its calls one by one,
//! as replies to earlier ones reach it, then needs a wake-up and a write for many of them together.
//!
//! No command waits endlessly, because whenever the lock is free one of these holds:
//! - No command waits.
//! - The task is not registered: it is being polled or has been woken, and polls the queue before it rests.
//! - Only calls wait, and the task gathers: it has set a timer, at which it polls the queue again.
//!
//! [`Inbox::poll_take`] registers the task only while no command waits, and [`Commands::send`] takes the registered waker,
//! except to gather. Both do so in the same critical section as they change the queue.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::task::coop;

use super::command::Command;

/// With fewer calls in flight each one wakes the task, because to wait would be a larger part of the time that it takes.
const FEW_IN_FLIGHT: usize = 32;

/// Gathered calls wake the task once this part of all in flight waits. The rest is under way, so that the node and its
/// peers don't run out of work.
const PARTS: usize = 4;

/// As many calls that wait wake the task, however many are in flight.
const MOST_GATHERED: usize = 128;

/// The capacity that an empty queue keeps. What a burst needs beyond it is freed.
const KEPT: usize = 1024;

/// Returns whether so many calls are in flight that further ones may be gathered.
pub(super) fn has_many_in_flight(in_flight: usize) -> bool {
    in_flight >= FEW_IN_FLIGHT
}

/// Creates the queue of a link.
pub(crate) fn commands() -> (Commands, Inbox) {
    let shared = Arc::new(Shared::default());
    (Commands(shared.clone()), Inbox(shared))
}

/// The end of those who command.
pub(crate) struct Commands(Arc<Shared>);

/// The end of the link's task.
pub(crate) struct Inbox(Arc<Shared>);

#[derive(Default)]
struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: VecDeque<Command>,
    /// The task, while it waits for commands.
    task: Option<Waker>,
    gathers: bool,
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Commands {
    /// Queues a command; gives it back if the link has ended. `in_flight` calls are in flight, those that wait included.
    pub(super) fn send(&self, command: Command, in_flight: usize) -> Result<(), Command> {
        let mut state = self.0.lock();
        if state.closed {
            return Err(command);
        }
        let is_call = matches!(command, Command::Call(_));
        state.waiting.push_back(command);
        let enough = if has_many_in_flight(in_flight) { MOST_GATHERED.min(in_flight / PARTS) } else { 1 };
        let waits = state.gathers && is_call && state.waiting.len() < enough;
        let task = if waits { None } else { state.task.take() };
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
        Ok(())
    }
}

impl Inbox {
    /// Appends up to `most` commands to `taken`. If there are none, registers the task to be woken. With `gathers`, calls
    /// may then wait for others; the task has to look again soon.
    pub(super) fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        taken: &mut Vec<Command>,
        most: usize,
        gathers: bool,
    ) -> Poll<()> {
        let mut state = self.0.lock();
        if state.waiting.is_empty() {
            state.gathers = gathers;
            state.waiting.shrink_to(KEPT);
            match &mut state.task {
                Some(task) => task.clone_from(cx.waker()),
                task => *task = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        let count = state.waiting.len().min(most);
        taken.extend(state.waiting.drain(..count));
        Poll::Ready(())
    }

    /// Waits for the next command. Lets other tasks run from time to time even if there always is one.
    pub(crate) async fn next(&mut self) -> Command {
        coop::consume_budget().await;
        let mut taken = Vec::with_capacity(1);
        poll_fn(|cx| self.poll_take(cx, &mut taken, 1, false)).await;
        taken.remove(0)
    }

    /// Takes the next command if there is one.
    pub(crate) fn try_next(&mut self) -> Option<Command> {
        self.0.lock().waiting.pop_front()
    }

    /// Refuses further commands.
    pub(crate) fn close(&mut self) {
        self.0.lock().closed = true;
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        // What commands hold may have a destructor that sends another one. The waker would keep the memory of the task that
        // has ended for as long as the link is referred to.
        let rest = {
            let mut state = self.0.lock();
            state.closed = true;
            (std::mem::take(&mut state.waiting), state.task.take())
        };
        drop(rest);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Instant;

    use bytes::Bytes;
    use tokio::sync::oneshot;

    use super::*;
    use crate::protocol::Topic;
    use crate::session::call::{CallKind, NewCall};
    use crate::session::command::Caller;
    use crate::session::permit::Permit;
    use crate::wake_count::WakeCount;

    struct Link {
        commands: Commands,
        inbox: Inbox,
        task: WakeCount,
    }

    impl Link {
        /// One whose task waits for commands.
        fn waiting(gathers: bool) -> Link {
            let (commands, inbox) = commands();
            let mut link = Link { commands, inbox, task: WakeCount::default() };
            assert_eq!(link.take(gathers), 0);
            link
        }

        /// Takes what waits; returns how many.
        fn take(&mut self, gathers: bool) -> usize {
            let mut taken = Vec::new();
            let inbox = &mut self.inbox;
            while self.task.poll(|cx| inbox.poll_take(cx, &mut taken, 50, gathers)).is_ready() {}
            taken.len()
        }

        /// Sends calls and returns how many of them it took to wake the task.
        fn calls_until_woken(&mut self, in_flight: usize) -> usize {
            let before = self.task.count();
            let sent = (1..=1000).find(|_| {
                assert!(self.commands.send(call(), in_flight).is_ok());
                self.task.count() > before
            });
            sent.expect("1000 calls wake the task")
        }
    }

    fn call() -> Command {
        let (done, _) = oneshot::channel();
        let caller = Caller { done, permit: Permit::new(&Arc::default()) };
        Command::Call(NewCall {
            number: 1,
            kind: CallKind::Publish,
            topic: Topic::new("t").unwrap(),
            data: Bytes::new(),
            deadline: Instant::now(),
            timeout: 0.0,
            send_by: None,
            counted: 0,
            caller,
        })
    }

    #[test]
    fn each_call_wakes_the_task_if_none_are_gathered() {
        let mut link = Link::waiting(false);
        assert_eq!(link.calls_until_woken(1000), 1);
        assert_eq!(link.take(false), 1);
        assert_eq!(link.calls_until_woken(1000), 1);
    }

    #[test]
    fn gathered_calls_wake_the_task_when_enough_wait() {
        let mut link = Link::waiting(true);
        for (in_flight, enough) in [(0, 1), (1, 1), (31, 1), (32, 8), (256, 64), (10_000, 128)] {
            assert_eq!(link.calls_until_woken(in_flight), enough, "of {in_flight}");
            assert_eq!(link.take(true), enough);
        }
    }

    #[test]
    fn other_commands_wake_the_task_and_keep_their_order() {
        let mut link = Link::waiting(true);
        assert!(link.commands.send(call(), 1000).is_ok());
        assert_eq!(link.task.count(), 0);
        assert!(link.commands.send(Command::Cancel(7), 1000).is_ok());
        assert_eq!(link.task.count(), 1);
        assert!(matches!(link.inbox.try_next(), Some(Command::Call(_))));
        assert!(matches!(link.inbox.try_next(), Some(Command::Cancel(7))));
        assert!(link.inbox.try_next().is_none());
    }

    #[test]
    fn task_that_is_awake_is_not_woken() {
        let mut link = Link::waiting(false);
        assert_eq!(link.calls_until_woken(0), 1);
        for _ in 0..100 {
            assert!(link.commands.send(call(), 0).is_ok());
        }
        assert_eq!(link.task.count(), 1);
        assert_eq!(link.take(false), 101);
    }

    #[test]
    fn memory_of_a_burst_is_freed_once_it_is_taken() {
        let mut link = Link::waiting(false);
        for _ in 0..5000 {
            assert!(link.commands.send(call(), 0).is_ok());
        }
        assert_eq!(link.take(false), 5000);
        assert!(link.inbox.0.lock().waiting.capacity() <= KEPT);
    }

    #[test]
    fn ended_link_forgets_its_task() {
        let link = Link::waiting(true);
        drop(link.inbox);
        assert_eq!(link.task.wakers(), 0);
        assert!(link.commands.send(Command::EndCalls, 0).is_err());
    }

    #[test]
    fn commands_without_end_leave_time_to_other_tasks() {
        let (commands, mut inbox) = commands();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let has_run = Arc::new(AtomicBool::new(false));
            let task = has_run.clone();
            tokio::spawn(async move { task.store(true, Ordering::Relaxed) });
            for _ in 0..1000 {
                assert!(commands.send(Command::EndCalls, 0).is_ok());
                inbox.next().await;
            }
            assert!(has_run.load(Ordering::Relaxed));
        });
    }

    #[test]
    fn ended_link_gives_commands_back() {
        let mut link = Link::waiting(true);
        assert!(link.commands.send(call(), 1000).is_ok());
        link.inbox.close();
        assert!(matches!(link.commands.send(Command::Cancel(7), 0), Err(Command::Cancel(7))));
        assert!(link.inbox.try_next().is_some(), "what waited can still be taken");
    }
}
