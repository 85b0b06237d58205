//! The nodes' state as all tasks share it, and the one task that waits for its deadlines.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::net::Net;

/// [`Net`] behind its lock, which is never held over an await.
#[derive(Debug)]
pub(crate) struct Shared {
    net: Mutex<Guarded>,
    /// Told when a deadline was set that is earlier than all before.
    alarm: Notify,
}

#[derive(Debug)]
struct Guarded {
    net: Net,
    /// What the alarm task sleeps for; `None` when it waits to be told.
    armed: Option<Instant>,
}

impl Shared {
    pub(crate) fn new(net: Net) -> Arc<Shared> {
        Arc::new(Shared { net: Mutex::new(Guarded { net, armed: None }), alarm: Notify::new() })
    }

    /// Does `work` on the nodes' state, then wakes the sessions that it concerns.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Net, Instant) -> R) -> R {
        // A panic in one session's work must not take the other sessions along.
        let mut guard = self.net.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let result = work(&mut guard.net, now);
        guard.net.settle(now);
        let stirred = guard.net.sessions.take_stirred();
        let next = guard.net.next_deadline();
        let earlier = next.is_some_and(|next| guard.armed.is_none_or(|armed| next < armed));
        if earlier {
            guard.armed = next;
        }
        drop(guard);
        if earlier {
            self.alarm.notify_one();
        }
        for outbox in stirred {
            outbox.wake();
        }
        result
    }

    /// Lets deadlines fire, for ever.
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
