//! Threads that end inside of the library, by `pthread_cancel` or `pthread_exit`. Both unwind the stack of the thread, and
//! frames of Rust can't be unwound by anything but a panic: the process would abort.
//!
//! So a thread of the program can't be cancelled while it is in a function of the library, nor a thread of the library
//! while it runs a callback. A callback that ends its thread by `pthread_exit`, or throws an exception, ends the process
//! with a text that says so.

use std::process::abort;

/// Disables the cancellation of this thread; restores its former state when dropped.
pub(crate) struct Uncancelled(#[cfg(unix)] Option<i32>);

#[cfg(unix)]
mod raw {
    use std::ffi::c_int;

    /// `PTHREAD_CANCEL_DISABLE`.
    pub(super) const DISABLE: c_int = if cfg!(target_vendor = "apple") { 0 } else { 1 };

    // Android has no cancellation.
    #[cfg(not(target_os = "android"))]
    unsafe extern "C" {
        fn pthread_setcancelstate(state: c_int, former: *mut c_int) -> c_int;
    }

    #[cfg(not(target_os = "android"))]
    pub(super) fn set(state: c_int) -> Option<c_int> {
        let mut former = 0;
        // SAFETY: it may be called at any time, and `former` can be written to.
        let outcome = unsafe { pthread_setcancelstate(state, &raw mut former) };
        (outcome == 0).then_some(former)
    }

    #[cfg(target_os = "android")]
    pub(super) fn set(_state: c_int) -> Option<c_int> {
        None
    }
}

impl Uncancelled {
    pub(crate) fn new() -> Uncancelled {
        Uncancelled(
            #[cfg(unix)]
            raw::set(raw::DISABLE),
        )
    }
}

impl Drop for Uncancelled {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(former) = self.0 {
            raw::set(former);
        }
    }
}

/// Ends the process if it is dropped: its thread leaves a callback in another way than by returning.
struct Returns;

impl Drop for Returns {
    fn drop(&mut self) {
        eprintln!(
            "amop: a callback ended its thread (pthread_exit) or threw an exception into the library: return from the \
             callback instead"
        );
        abort();
    }
}

/// Calls a function of the program.
///
/// Cancellation stays disabled afterwards: a request to cancel a thread of the library, made inside of a callback, must not
/// take effect later. For a thread of the program the export that it is in restores the former state.
pub(crate) fn call_program(call: impl FnOnce()) {
    std::mem::forget(Uncancelled::new());
    let returns = Returns;
    call();
    std::mem::forget(returns);
}
