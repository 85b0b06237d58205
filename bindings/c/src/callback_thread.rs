//! Threads that run the callbacks of completions apart from all other callbacks.

use std::ffi::c_void;
use std::sync::mpsc::{Sender, channel};

use amop::Result;

use crate::callback::{Context, call_or_log, function};
use crate::completion::{Tag, amop_completion, amop_completion_callback};
use crate::unwind::catch_or;

/// A callback for completions, with its context.
pub(crate) struct Callback {
    call: unsafe extern "C-unwind" fn(context: *mut c_void, completion: *const amop_completion),
    context: Context,
}

impl Callback {
    /// # Errors
    /// Returns INVALID_ARGUMENT if there is no function.
    pub(crate) fn new(callback: amop_completion_callback, context: Context) -> Result<Callback> {
        Ok(Callback { call: function(callback.call)?, context })
    }

    pub(crate) fn run(&self, completion: &amop_completion) {
        // SAFETY: the header demands a function that takes this context and a completion lent for the call.
        call_or_log("a completion", || unsafe { (self.call)(self.context.pointer(), completion) });
    }
}

/// The way to a thread that runs callbacks one after the other. It ends with its last handle, after what was passed to it.
#[derive(Clone)]
pub(crate) struct CallbackThread(Sender<Box<dyn FnOnce() + Send>>);

impl CallbackThread {
    /// Starts the thread at once, so that no callback lacks one later.
    ///
    /// # Errors
    /// Returns RUNTIME if the system refuses the thread.
    pub(crate) fn start() -> Result<CallbackThread> {
        let (sender, jobs) = channel::<Box<dyn FnOnce() + Send>>();
        amop::threads::start("amop-callback", move || {
            for job in jobs {
                catch_or((), || amop::run_as_handler(job));
            }
        })?;
        Ok(CallbackThread(sender))
    }

    /// Runs what calls a callback, and drops what it holds, on the thread.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) {
        // The thread receives as long as this handle exists.
        let _ = self.0.send(Box::new(job));
    }
}

/// Returns the function that a call runs when it completes, for a callback that runs on a thread of its own.
///
/// # Errors
/// As [`Callback::new`] and [`CallbackThread::start`].
pub(crate) fn on_own_thread<T: 'static>(
    callback: amop_completion_callback,
    context: Context,
    completion: fn(Result<T>, Tag) -> amop_completion,
) -> Result<impl FnOnce(Result<T>) + Send + 'static> {
    let callback = Callback::new(callback, context)?;
    let thread = CallbackThread::start()?;
    Ok(move |outcome| {
        let completion = completion(outcome, Tag(std::ptr::null_mut()));
        thread.run(move || {
            callback.run(&completion);
            drop(completion);
        });
    })
}
