//! Ctrl-C and SIGTERM: the first ends the command in order, a second one immediately.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::signal::unix::{SignalKind, signal};
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
    /// Starts to listen. From then on signals no longer end the process by themselves.
    pub(crate) fn listen() -> Outcome<Interrupt> {
        let failed = |error| Failure::io("can't listen for Ctrl-C", error);
        let mut interrupts = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminations = signal(SignalKind::terminate()).map_err(failed)?;
        let (sender, caught) = watch::channel(false);
        let exit_action = Arc::new(Mutex::new(None::<ExitAction>));
        let act = exit_action.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupts.recv() => {}
                    _ = terminations.recv() => {}
                }
                if sender.send_replace(true) {
                    if let Some(act) = act.lock().unwrap_or_else(PoisonError::into_inner).take() {
                        act();
                    }
                    std::process::exit(Exit::Interrupted.code().into());
                }
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
