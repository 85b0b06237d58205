//! References to a client that don't keep it alive.

use std::sync::{Arc, Weak};

use super::core::ClientCore;
use super::handle::Client;

impl Client {
    /// Returns a reference to the client that doesn't keep it alive, for handlers that use their own client.
    pub fn downgrade(&self) -> WeakClient {
        WeakClient { core: Arc::downgrade(&self.core) }
    }
}

/// A reference to a [`Client`] that doesn't keep it alive.
///
/// A handler that holds a `Client` keeps that client alive until the handler is unsubscribed or the client is closed.
/// One that holds a `WeakClient` doesn't:
///
/// ```no_run
/// # async fn example(client: amop::Client) -> amop::Result<()> {
/// let weak = client.downgrade();
/// client
///     .subscribe("questions")
///     .for_each(move |message| {
///         let client = weak.upgrade();
///         async move {
///             if let Some(client) = client {
///                 let _ = client.publish("answers", message.data().clone()).await;
///             }
///         }
///     })
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct WeakClient {
    core: Weak<ClientCore>,
}

impl WeakClient {
    /// Returns the client, or `None` if it has been dropped.
    pub fn upgrade(&self) -> Option<Client> {
        self.core.upgrade().map(|core| Client { core })
    }
}

impl std::fmt::Debug for WeakClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WeakClient").finish_non_exhaustive()
    }
}
