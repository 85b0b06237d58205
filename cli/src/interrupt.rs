//! Ctrl-C and SIGTERM: the first ends the command in order, a second one immediately.

use std::fs;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use amop::ErrorKind;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::exit::{Exit, Failure, Outcome};

/// The state of the signals.
#[derive(Clone)]
pub(crate) struct Interrupt {
    caught: watch::Receiver<bool>,
    exit_action: Arc<Mutex<Option<ExitAction>>>,
}

type ExitAction = Box<dyn FnOnce() + Send>;

impl Interrupt {
    /// Starts to listen. From then on signals no longer end the process by themselves. A signal that was ignored when
    /// the process started stays ignored.
    pub(crate) fn listen() -> Outcome<Interrupt> {
        let ignored = Ignored::at_start();
        let mut interrupts = ignored.unless(SignalKind::interrupt())?;
        let mut terminations = ignored.unless(SignalKind::terminate())?;
        let (sender, caught) = watch::channel(false);
        let exit_action = Arc::new(Mutex::new(None::<ExitAction>));
        let act = exit_action.clone();
        tokio::spawn(async move {
            let mut presses = Presses::default();
            loop {
                tokio::select! {
                    () = received(&mut interrupts) => {}
                    () = received(&mut terminations) => {}
                }
                if presses.is_second(Instant::now()) {
                    if let Some(act) = act.lock().unwrap_or_else(PoisonError::into_inner).take() {
                        act();
                    }
                    std::process::exit(Exit::Interrupted.code().into());
                }
                sender.send_replace(true);
            }
        });
        Ok(Interrupt { caught, exit_action })
    }

    /// Sets what to do before a second signal ends the process.
    pub(crate) fn on_immediate_exit(&self, act: impl FnOnce() + Send + 'static) {
        *self.exit_action.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(act));
    }

    /// Returns whether a signal was received.
    pub(crate) fn is_caught(&self) -> bool {
        *self.caught.borrow()
    }

    /// Waits for a signal. It can be cancelled safely.
    pub(crate) async fn caught(&self) {
        // The sender exists as long as the runtime.
        let _ = self.caught.clone().wait_for(|caught| *caught).await;
    }

    /// Runs `work`. Returns `None` if a signal comes first.
    pub(crate) async fn unless_caught<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.caught() => None,
        }
    }
}

/// The time after the first signal in which further ones belong to it: `timeout` and some terminals send a signal to the
/// process and to its group, which arrives twice.
const SAME_PRESS: Duration = Duration::from_millis(200);

/// The signals that were received.
#[derive(Default)]
struct Presses {
    first: Option<Instant>,
}

impl Presses {
    /// Notes a signal. Returns whether it is a second one and not part of the first.
    fn is_second(&mut self, now: Instant) -> bool {
        now.saturating_duration_since(*self.first.get_or_insert(now)) > SAME_PRESS
    }
}

/// Starts to listen for SIGHUP, which then no longer ends the process. Returns `None` if it was ignored when the process
/// started, and stays so.
pub(crate) fn hang_ups() -> Outcome<Option<Signal>> {
    Ignored::at_start().unless(SignalKind::hangup())
}

/// Waits for a signal, endlessly for one that is ignored.
async fn received(signal: &mut Option<Signal>) {
    let next = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if next.is_none() {
        std::future::pending::<()>().await;
    }
}

/// The signals that the parent of this process has set to be ignored, as `nohup` and shells do for background jobs.
///
/// Read from `/proc`, because the system call to query them is not available without unsafe code. On systems without
/// `/proc` no signal counts as ignored.
struct Ignored(u64);

impl Ignored {
    fn at_start() -> Ignored {
        Ignored(fs::read_to_string("/proc/self/status").map_or(0, |status| ignored_in(&status)))
    }

    /// Installs a handler unless the signal is ignored.
    fn unless(&self, kind: SignalKind) -> Outcome<Option<Signal>> {
        if self.0 & (1 << (kind.as_raw_value() - 1)) != 0 {
            return Ok(None);
        }
        signal(kind).map(Some).map_err(|error| Failure::io("can't listen for signals", error))
    }
}

/// Returns the set of ignored signals from the content of `/proc/self/status`.
fn ignored_in(status: &str) -> u64 {
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or_default()
}

/// More file descriptors than the command opens before it connects: its runtime, the handlers of signals, and the
/// runtime of clients.
const DESCRIPTORS: usize = 16;

/// Checks that there are enough file descriptors: without them the installation of signal handlers would panic.
pub(crate) fn check_descriptors() -> amop::Result<()> {
    let pairs: Result<Vec<_>, _> = (0..DESCRIPTORS / 2).map(|_| UnixStream::pair()).collect();
    pairs.map(drop).map_err(|error| {
        let text =
            format!("the command could not be started ({error}): raise the limit on open files (ulimit -n)");
        amop::Error::undelivered(ErrorKind::Runtime, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_shortly_after_the_first_belong_to_it() {
        let mut presses = Presses::default();
        let first = Instant::now();
        let after = |millis| first + Duration::from_millis(millis);
        let seen = [0, 1, 200, 201, 202].map(|millis| presses.is_second(after(millis)));
        assert_eq!(seen, [false, false, false, true, true]);
    }

    #[test]
    fn ignored_signals_are_read_from_the_status() {
        let ignored =
            Ignored(ignored_in("Name:\tamop\nSigIgn:\t0000000000000002\nSigCgt:\t0000000000004000\n"));
        assert_eq!(ignored.0 >> (SignalKind::interrupt().as_raw_value() - 1), 1);
        assert_eq!(ignored_in(""), 0);
    }
}
