//! Notices that the process has been forked, without a system call.
//!
//! A library with threads and connections has to know whether an object was made in this process or inherited by a fork,
//! where neither its threads nor its locks work. On Linux this crate keeps a number in a page that the kernel clears in
//! the child of every fork (`MADV_WIPEONFORK`, since Linux 4.14). The check is a load from that page. No handler is
//! registered, so nothing is left behind when a library is unloaded, and forks are noticed that `pthread_atfork` misses,
//! such as a raw `clone` system call. Elsewhere the check is `getpid`.
//!
//! A child that shares the memory of its parent (`vfork`, or `clone` with `CLONE_VM`) counts as the same process, because
//! the objects of the parent are its own.
#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_debug_implementations)]

#[cfg(any(target_os = "linux", target_os = "android"))]
mod wiped;

/// A process: equal to another value if both were made in the same process. Values are copied by a fork, and compared with
/// [`Process::current`] in the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(u64);

impl Process {
    /// No process: a value that never equals [`Process::current`].
    pub const NONE: Process = Process(0);

    /// Returns the process that runs.
    ///
    /// Never waits, takes no locks and allocates nothing, so it may be called in signal handlers and in the child of a
    /// fork.
    #[inline]
    pub fn current() -> Process {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(number) = wiped::number() {
            return Process(number);
        }
        Process::of_id()
    }

    /// Returns the process by its id, which takes a system call.
    #[cold]
    fn of_id() -> Process {
        // Apart from the numbers of the page, and never 0.
        Process(u64::from(std::process::id()) | 1 << 63)
    }
}
