//! The command `amop`, as the package's console script runs it.

use pyo3::prelude::*;

/// Runs the command with these arguments, the name of the program first, and returns its exit code.
#[pyfunction]
pub(crate) fn run_command(py: Python<'_>, arguments: Vec<std::ffi::OsString>) -> u8 {
    py.detach(|| amop_cli::run(arguments))
}
