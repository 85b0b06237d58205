//! The native half of the Python package `amop`: the calls of the core, which release the interpreter's lock while
//! they wait.
//!
//! Users see the Python code in `python/amop`: signatures, documentation, exceptions. This crate has what Python
//! can't do:
//! - [`client`], [`live`], [`inbox`], [`guard`], [`devnet`]: handles of the core.
//! - [`waiting`]: waits that Ctrl-C interrupts. [`waiters`]: those that wait for one source. [`bridge`]: waits of event loops, without threads.
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
mod private_stats;
mod private_topic;
mod stats;
mod units;
mod waiters;
mod waiting;

use pyo3::prelude::*;

/// The native half of the package amop, for its own use only.
///
/// It relies on the interpreter's lock, so that a free-threaded interpreter enables the lock when it loads the module.
#[pymodule(gil_used = true)]
fn _amop(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // First, because the classes belong to the interpreter that adds them.
    interpreter::check_main()?;
    module.add_class::<bridge::Bridge>()?;
    module.add_class::<client::Client>()?;
    module.add_class::<completions::Started>()?;
    module.add_class::<devnet::Devnet>()?;
    module.add_class::<guard::Guard>()?;
    module.add_class::<handler::Handler>()?;
    module.add_class::<inbox::Inbox>()?;
    module.add_class::<message::Message>()?;
    module.add_class::<message::Reply>()?;
    module.add_class::<message::Request>()?;
    module.add_class::<private_topic::PrivateTopic>()?;
    module.add_class::<stats::EndpointStats>()?;
    module.add_class::<stats::Stats>()?;
    module.add_class::<stats::SubscriptionStats>()?;
    module.add_function(wrap_pyfunction!(client::connect, module)?)?;
    module.add_function(wrap_pyfunction!(client::connect_listening, module)?)?;
    module.add_function(wrap_pyfunction!(command::run_command, module)?)?;
    module.add_function(wrap_pyfunction!(exit::end_all, module)?)?;
    module.add_function(wrap_pyfunction!(message::restore_message, module)?)?;
    module.add_function(wrap_pyfunction!(message::restore_reply, module)?)?;
    module.add_function(wrap_pyfunction!(stats::restore_stats, module)?)?;
    module.add("VERSION", env!("CARGO_PKG_VERSION"))
}
