//! Ctrl-C and SIGTERM: the first ends the command in order, a second one at once.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::exit::{Exit, Failure, Outcome};

/// Whether the command is to end.
#[derive(Clone)]
pub(crate) struct Interrupt {
    caught: watch::Receiver<bool>,
    last_act: Arc<Mutex<Option<LastAct>>>,
}

type LastAct = Box<dyn FnOnce() + Send>;

impl Interrupt {
    /// Listens from now on; signals no longer end the process by themselves.
    pub(crate) fn listen() -> Outcome<Interrupt> {
        let failed = |error| Failure::io("can't listen for Ctrl-C", error);
        let mut interrupts = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminations = signal(SignalKind::terminate()).map_err(failed)?;
        let (tell, caught) = watch::channel(false);
        let last_act = Arc::new(Mutex::new(None::<LastAct>));
        let act = last_act.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupts.recv() => {}
                    _ = terminations.recv() => {}
                }
                if tell.send_replace(true) {
                    if let Some(act) = act.lock().unwrap_or_else(PoisonError::into_inner).take() {
                        act();
                    }
                    std::process::exit(Exit::Interrupted.code().into());
                }
            }
        });
        Ok(Interrupt { caught, last_act })
    }

    /// Does `act` when a second signal ends the process at once.
    pub(crate) fn at_once(&self, act: impl FnOnce() + Send + 'static) {
        *self.last_act.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(act));
    }

    /// Whether a signal has come.
    pub(crate) fn is_caught(&self) -> bool {
        *self.caught.borrow()
    }

    /// Returns when a signal has come. Safe to cancel.
    pub(crate) async fn caught(&self) {
        // The sender lives as long as the runtime.
        let _ = self.caught.clone().wait_for(|caught| *caught).await;
    }

    /// Runs `work` unless a signal comes first.
    pub(crate) async fn unless_caught<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.caught() => None,
        }
    }
}
