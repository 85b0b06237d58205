//! Parsing of the command line, and its errors.

use std::ffi::OsString;
use std::io::{self, Write};

use amop::text::{is_unprintable, printable};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, CommandFactory, Error, FromArgMatches};

use crate::arguments::Arguments;

/// The options with which the argument [`ENDPOINTS`] is left out.
const INSTEAD_OF_ENDPOINT: [&str; 2] = ["--config", "--endpoint"];

/// The argument of the connecting verbs that names the nodes.
const ENDPOINTS: &str = "endpoints";

/// Returns the definition of all verbs and their arguments.
pub(crate) fn definition() -> Command {
    taking_negative_numbers(Arguments::command())
}

/// Returns the definition for this command line: if the nodes are given by an option or in a configuration file, the
/// argument for them is the option `--endpoint` instead.
fn definition_for(given: &[OsString]) -> Command {
    let is_there = |option: &str, argument: &OsString| {
        let rest = argument.to_str().and_then(|argument| argument.strip_prefix(option));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    let mut options = given.iter().skip(1).take_while(|argument| *argument != "--");
    if options.any(|argument| INSTEAD_OF_ENDPOINT.iter().any(|option| is_there(option, argument))) {
        with_option_for_endpoints(definition())
    } else {
        definition()
    }
}

fn with_option_for_endpoints(command: Command) -> Command {
    let is_for_nodes = |argument: &Arg| argument.get_id() == ENDPOINTS && argument.is_positional();
    let has_nodes = command.get_arguments().any(is_for_nodes);
    let command = match has_nodes {
        true => command
            .mut_arg(ENDPOINTS, |nodes| nodes.long("endpoint").required(false).help_heading("Connection")),
        false => command,
    };
    command.mut_subcommands(with_option_for_endpoints)
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
    let matches = definition_for(given).try_get_matches_from(given);
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
        if definition_for(given).try_get_matches_from(moved).is_ok() {
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
