//! Reading of credentials and configuration files beside the work of the command.

use std::io;

use crate::exit::{Failure, Outcome};

/// Runs `load`, which reads files, on a thread of its own: a file on a file system that does not respond must
/// not delay Ctrl-C.
pub(crate) async fn reading_files<T: Send + 'static>(
    load: impl FnOnce() -> T + Send + 'static,
) -> Outcome<T> {
    let ended = |error| Failure::io("can't read the files", io::Error::other(error));
    tokio::task::spawn_blocking(load).await.map_err(ended)
}
