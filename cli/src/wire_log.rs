//! `-v`: logs frames on standard error, without their payloads.

use tracing_subscriber::EnvFilter;

/// Starts the log.
///
/// `RUST_LOG` selects its content, as in other programs that use tracing.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(WIRE));
    // Use no colour, even on a terminal, so that the log can be searched.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    // By default an error of the writer is reported on standard error, which panics if that is full or closed.
    let log = log.log_internal_errors(false);
    // Fails if the host program has set up logging, which then stays in use.
    let _ = log.try_init();
}

/// The logs of the library, the embedded nodes and this command, whose targets all begin with `amop`.
const WIRE: &str = "amop=debug";
