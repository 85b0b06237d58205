//! `-v`: what happens on the wire, on standard error. Payloads are in no log.

use tracing_subscriber::EnvFilter;

/// Starts the log at the level that so many `-v` ask for.
///
/// `RUST_LOG` chooses differently, as programs with tracing do.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => "amop=debug,amop_devnet=debug",
        _ => "amop=trace,amop_devnet=trace,rustls=debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    // Without colour, on a terminal too: the log is to be read and searched, not looked at.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    // A host program that logs already shall go on as it does.
    let _ = log.try_init();
}
