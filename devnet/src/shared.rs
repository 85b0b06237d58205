//! The lock around the nodes' state, and the task that fires its deadlines.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::net::Net;

/// The nodes' state, shared by all tasks. Its lock is never held across an await.
#[derive(Debug)]
pub(crate) struct Shared {
    net: Mutex<Guarded>,
    /// Notified when a deadline was set that is earlier than all others.
    alarm: Notify,
}

#[derive(Debug)]
struct Guarded {
    net: Net,
    /// The deadline that [`Shared::keep_time`] sleeps for, or `None` if there is none.
    armed: Option<Instant>,
}

impl Shared {
    pub(crate) fn new(net: Net) -> Arc<Shared> {
        Arc::new(Shared { net: Mutex::new(Guarded { net, armed: None }), alarm: Notify::new() })
    }

    /// Runs `work` on the nodes' state, then wakes the tasks of the sessions that have frames to write.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Net, Instant) -> R) -> R {
        // Ignore poisoning, so that a panic in one session's task does not end all other sessions.
        let mut guard = self.net.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let result = work(&mut guard.net, now);
        guard.net.settle(now);
        let woken = guard.net.sessions.take_woken();
        let next = guard.net.next_deadline();
        let earlier = next.is_some_and(|next| guard.armed.is_none_or(|armed| next < armed));
        if earlier {
            guard.armed = next;
        }
        drop(guard);
        if earlier {
            self.alarm.notify_one();
        }
        for outbox in woken {
            outbox.wake();
        }
        result
    }

    /// Fires deadlines until it is cancelled.
    pub(crate) async fn keep_time(&self) {
        loop {
            self.with(|net, now| net.fire(now));
            let next = {
                let mut guard = self.net.lock().unwrap_or_else(PoisonError::into_inner);
                guard.armed = guard.net.next_deadline();
                guard.armed
            };
            tokio::select! {
                () = sleep_until_some(next) => {}
                () = self.alarm.notified() => {}
            }
        }
    }
}

async fn sleep_until_some(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
