//! The native half of the Python package `amop`: the core's calls, with the interpreter's lock given up while they wait.
//!
//! What users see is the package's own code in `python/amop`: signatures, documentation, exceptions. Here is what
//! Python can't do, one file for each thing:
//! - [`client`], [`inbox`], [`guard`], [`devnet`]: handles of the core's.
//! - [`waiting`]: waits that Ctrl-C interrupts. [`bridge`]: the same for event loops, without threads.
//! - [`handler`], [`completions`]: the library's threads call Python, in batches. [`calling`]: safely.
//! - [`message`], [`payload`]: bytes in and out, without copies where that pays.
//! - [`log`], [`exit`], [`owned`]: the logger, the interpreter's end, forks.

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

/// The native half of the package amop; for its own use only.
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

    /// The package's version.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
