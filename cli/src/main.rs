//! The `amop` command; everything is in the library of this crate.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    amop_cli::run(std::env::args_os()).into()
}
