//! Notices that the reader of standard output has closed it, so that `amop subscribe ... | head -1` ends with `head` and
//! not with the next message.

use std::io::{PipeWriter, pipe, stdout};

use amop::threads;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::watch;

/// The reader of standard output. A thread watches it as long as this value exists.
pub(crate) struct Reader {
    gone: watch::Receiver<bool>,
    /// Closing it ends the thread.
    _watched: Option<PipeWriter>,
}

impl Reader {
    /// Starts to watch. If that isn't possible, the reader counts as present, and a write will fail instead.
    pub(crate) fn of_standard_output() -> Reader {
        let (sender, gone) = watch::channel(false);
        let Ok((unwatched, watched)) = pipe() else { return Reader { gone, _watched: None } };
        let watch = move || {
            let stdout = stdout();
            // poll() reports errors and hang-ups without being asked.
            let mut ends =
                [PollFd::new(&stdout, PollFlags::empty()), PollFd::new(&unwatched, PollFlags::empty())];
            while poll(&mut ends, None) == Err(Errno::INTR) {}
            let [stdout, unwatched] = ends;
            if unwatched.revents().is_empty() && !stdout.revents().is_empty() {
                sender.send_replace(true);
            }
        };
        let started = threads::start("amop-reader", watch);
        Reader { gone, _watched: started.is_ok().then_some(watched) }
    }

    /// Waits until the reader has closed standard output. It can be cancelled safely.
    pub(crate) async fn gone(&self) {
        if self.gone.clone().wait_for(|gone| *gone).await.is_err() {
            // The thread has ended for another reason.
            std::future::pending().await
        }
    }
}
