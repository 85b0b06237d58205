//! The `amop` command as a library: [`run`] takes the arguments and returns the exit code.
//!
//! The binary `amop` and the command of the Python package call it. `commands` has one file for each verb; only `output`
//! writes to standard output and standard error; `exit` lists the exit codes.
#![forbid(unsafe_code)]

mod arguments;
mod arrival;
mod channel;
mod clock;
mod command_line;
mod commands;
mod connection;
mod doctor;
mod event;
mod exec;
mod exit;
mod files;
mod in_force;
mod interrupt;
mod json;
mod latency;
mod output;
mod pace;
mod payload;
mod private_topics;
mod prompt;
mod reader;
mod screen;
mod sending;
mod session;
mod topic_key;
mod values;
mod websocket;
mod wire_log;

use std::ffi::OsString;

use tokio::runtime::Builder;

use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::{Format, Output};

/// Runs the command with `arguments`, the program's name first, and returns its exit code.
///
/// Reads standard input and writes to standard output and error of the process. Installs handlers for SIGINT and SIGTERM:
/// the first signal ends the command in order, a second one more than 200 ms later immediately. A signal that the parent
/// process has set to be ignored stays ignored.
pub fn run<I, T>(arguments: I) -> u8
where
    I: IntoIterator<Item = T>,
    T: Into<OsString>,
{
    let given: Vec<_> = arguments.into_iter().map(Into::into).collect();
    let arguments = match command_line::parse(&given) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are regular output, unlike errors in the command line.
            let printed = command_line::print(&error, &given);
            if error.use_stderr() {
                return Exit::Usage.code();
            }
            return match printed.map_err(Failure::from) {
                Ok(()) => Exit::Done.code(),
                Err(failure) => Output::new(Format::People).fail(&failure).code(),
            };
        }
    };
    let mut output = Output::new(arguments.general.format());
    if arguments.general.full {
        output.show_in_full();
    }
    if arguments.general.verbose {
        wire_log::start();
        // The progress line and the log would overwrite each other.
        output.disable_progress();
    }
    let mut builder = Builder::new_multi_thread();
    let runtime = interrupt::check_descriptors()
        .and_then(|()| amop::threads::runtime(builder.enable_all(), WORKERS, "amop-command"));
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(async {
                let interrupt = Interrupt::listen()?;
                commands::run(arguments.command, command_line::definition(), &mut output, &interrupt).await
            });
            // A read of standard input that never returns must not delay the exit.
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(Failure::from(error)),
    };
    let ended = ended.and_then(|exit| output.flush().map(|()| exit).map_err(Failure::from));
    match ended {
        Ok(exit) => exit.code(),
        Err(failure) => output.fail(&failure).code(),
    }
}

/// The number of threads for the command's own tasks. Clients use two more threads of the library.
const WORKERS: usize = 2;
