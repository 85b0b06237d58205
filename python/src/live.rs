//! An open client with its completions, which closes when it is dropped.

use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use crate::completions::Completions;

/// A client of the core, with the completions of its calls.
pub(crate) struct Live {
    pub(crate) client: amop::Client,
    pub(crate) completions: Completions,
}

impl Live {
    /// Closes the client; `None` stands for its own close timeout.
    pub(crate) fn close(
        &self,
        timeout: Option<Duration>,
    ) -> impl Future<Output = amop::Result<()>> + Send + 'static {
        self.completions.close();
        let client = self.client.clone();
        async move {
            match timeout {
                Some(timeout) => client.close_within(timeout).await,
                None => client.close().await,
            }
        }
    }

    /// Starts closing without waiting.
    pub(crate) fn begin_close(&self, timeout: Option<Duration>) {
        let _ = pin!(self.close(timeout)).poll(&mut Context::from_waker(Waker::noop()));
    }
}

impl Drop for Live {
    /// Closes in the background, without waiting.
    fn drop(&mut self) {
        self.begin_close(Some(Duration::ZERO));
    }
}
