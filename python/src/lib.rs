//! The native half of the Python package `amop`: the calls of the core, which release the interpreter's lock while
//! they wait.
//!
//! Users see the Python code in `python/amop`: signatures, documentation, exceptions. This crate has what Python
//! can't do:
//! - [`client`], [`live`], [`inbox`], [`guard`], [`devnet`]: handles of the core.
//! - [`waiting`]: waits that Ctrl-C interrupts. [`bridge`]: waits of event loops, without threads.
//! - [`handler`], [`completions`]: threads of the library call Python, in batches. [`calling`]: how such a call is
//!   safe.
//! - [`message`], [`payload`]: bytes in and out, without copies where that saves time.
//! - [`log`]: the logger. [`interpreter`], [`exit`], [`owned`]: the end of the interpreter, and forks.

mod bridge;
mod calling;
mod client;
mod command;
mod completions;
mod devnet;
mod error;
mod event;
mod exit;
mod guard;
mod handler;
mod inbox;
mod interpreter;
mod live;
mod log;
mod message;
mod options;
mod owned;
mod payload;
mod stats;
mod units;
mod waiting;

/// The native half of the package amop, for its own use only.
#[pyo3::pymodule]
mod _amop {
    #[pymodule_export]
    use crate::bridge::{Bridge, Operation};
    #[pymodule_export]
    use crate::client::{Client, connect};
    #[pymodule_export]
    use crate::command::run_command;
    #[pymodule_export]
    use crate::completions::Started;
    #[pymodule_export]
    use crate::devnet::Devnet;
    #[pymodule_export]
    use crate::exit::end_all;
    #[pymodule_export]
    use crate::guard::Guard;
    #[pymodule_export]
    use crate::handler::Handler;
    #[pymodule_export]
    use crate::inbox::Inbox;
    #[pymodule_export]
    use crate::message::{Message, Reply, Request};
    #[pymodule_export]
    use crate::stats::{EndpointStats, Stats, SubscriptionStats};

    /// The version of the package.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
