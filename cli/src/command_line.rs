//! Parsing of the command line, and its errors.

use std::ffi::OsString;
use std::io::{self, Write};

use amop::text::{is_unprintable, printable};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Command, CommandFactory, Error, FromArgMatches};

use crate::arguments::Arguments;

/// Returns the definition of all verbs and their arguments.
pub(crate) fn definition() -> Command {
    taking_negative_numbers(Arguments::command())
}

/// Lets options take negative numbers, so that their own parsers refuse them and state what to write. Otherwise the error
/// would be an unexpected argument.
fn taking_negative_numbers(command: Command) -> Command {
    let command = command.mut_args(|argument| {
        let takes_values = matches!(argument.get_action(), ArgAction::Set | ArgAction::Append);
        if takes_values { argument.allow_negative_numbers(true) } else { argument }
    });
    command.mut_subcommands(taking_negative_numbers)
}

/// Parses a command line, the program's name first.
///
/// # Errors
/// Returns what to print: help, the version, or an error.
pub(crate) fn parse(given: &[OsString]) -> Result<Arguments, Error> {
    let matches = definition().try_get_matches_from(given);
    let parsed = matches.and_then(|matches| Arguments::from_arg_matches(&matches));
    parsed.map_err(|error| without_useless_tip(error, given))
}

/// Removes the tip to write an unexpected argument after `--` if that would be an error, too.
fn without_useless_tip(mut error: Error, given: &[OsString]) -> Error {
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    let Some(ContextValue::String(unexpected)) = error.get(ContextKind::InvalidArg) else { return error };
    let mut moved = given.to_vec();
    if let Some(at) = moved.iter().position(|argument| *argument == **unexpected) {
        let unexpected = moved.remove(at);
        moved.extend(["--".into(), unexpected]);
        if definition().try_get_matches_from(moved).is_ok() {
            return error;
        }
    }
    if let Some(ContextValue::StyledStrs(mut tips)) = error.remove(ContextKind::Suggested) {
        tips.retain(|tip| !tip.to_string().contains("'-- "));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

/// Prints an error, help or the version. Characters of the arguments that command a terminal are escaped.
pub(crate) fn print(error: &Error, given: &[OsString]) -> io::Result<()> {
    let is_printable = |argument: &OsString| !argument.to_string_lossy().contains(is_unprintable);
    if !error.use_stderr() || given.iter().all(is_printable) {
        return error.print();
    }
    let text = error.render().to_string();
    write!(io::stderr(), "{}", printable(&text).with_lines())
}
