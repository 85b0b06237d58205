//! `-v`: what happens on the wire, on standard error. Payloads are in no log.

use tracing_subscriber::EnvFilter;

/// Starts the log.
///
/// `RUST_LOG` chooses what is in it, as with other programs that use tracing.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(WIRE));
    // Without colour, on a terminal too: the log is to be read and searched, not looked at.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    // A host program that logs already shall go on as it does.
    let _ = log.try_init();
}

/// All that the library, the embedded nodes and this command say of their doings; `amop` is the beginning of all three.
const WIRE: &str = "amop=debug";
