//! The `amop` command as a library: [`run`] takes the arguments and gives back the exit code.
//!
//! The binary `amop` calls it, and so does the command of the Python package. One file per verb stands in
//! `commands`; `output` is the one way to standard output and standard error, `exit` the one list of exit codes.
#![forbid(unsafe_code)]

mod arguments;
mod arrival;
mod channel;
mod clock;
mod commands;
mod connection;
mod doctor;
mod event;
mod exec;
mod exit;
mod interrupt;
mod latency;
mod output;
mod pace;
mod payload;
mod reader;
mod screen;
mod seconds;
mod sending;
mod wire_log;

use std::ffi::OsString;

use clap::Parser;
use tokio::runtime::Builder;

use crate::arguments::Arguments;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::{Format, Output};

/// Runs the command with `arguments`, the program's name first, and returns its exit code.
///
/// Reads standard input and writes to standard output and error of the process. From its start on the process
/// answers SIGINT and SIGTERM as the command does: the first ends it in order, a second one at once.
pub fn run<I, T>(arguments: I) -> u8
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are asked for like any other output; what is wrong with the command line is not.
            let printed = error.print();
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
    if arguments.general.verbose {
        wire_log::start();
        // Its line and those of the log would overwrite each other.
        output.forgo_progress();
    }
    let mut builder = Builder::new_multi_thread();
    let ended = match amop::threads::runtime(builder.enable_all(), WORKERS, "amop-command") {
        Ok(runtime) => {
            let ended = runtime.block_on(async {
                let interrupt = Interrupt::listen()?;
                commands::run(arguments.command, &mut output, &interrupt).await
            });
            // A read of standard input that never ends must not hold up the end.
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

/// Threads that the command's own tasks run on; clients have two more of the library's.
const WORKERS: usize = 2;
