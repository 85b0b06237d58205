//! Who reads standard output, and whether they have gone: `amop subscribe ... | head -1` is to end with `head`, not
//! with the next message after it.

use std::io::{PipeWriter, pipe, stdout};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::watch;

/// The reader of standard output. A thread watches, for as long as this lives.
pub(crate) struct Reader {
    gone: watch::Receiver<bool>,
    /// The thread ends when this closes.
    _watched: Option<PipeWriter>,
}

impl Reader {
    /// Without the means to watch, the reader counts as there; a write will tell.
    pub(crate) fn of_standard_output() -> Reader {
        let (tell, gone) = watch::channel(false);
        let Ok((unwatched, watched)) = pipe() else { return Reader { gone, _watched: None } };
        let watch = move || {
            let stdout = stdout();
            // Nothing is asked for: errors and hang-ups are told anyhow.
            let mut ends =
                [PollFd::new(&stdout, PollFlags::empty()), PollFd::new(&unwatched, PollFlags::empty())];
            while poll(&mut ends, None) == Err(Errno::INTR) {}
            let [stdout, unwatched] = ends;
            if unwatched.revents().is_empty() && !stdout.revents().is_empty() {
                tell.send_replace(true);
            }
        };
        let started = thread::Builder::new().name("amop-reader".to_owned()).spawn(watch);
        Reader { gone, _watched: started.is_ok().then_some(watched) }
    }

    /// Returns when nobody reads any more. Safe to cancel.
    pub(crate) async fn gone(&self) {
        if self.gone.clone().wait_for(|gone| *gone).await.is_err() {
            // The watch has ended without that.
            std::future::pending().await
        }
    }
}
