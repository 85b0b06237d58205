//! Helpers of these tests: time limits, and connections.

use std::time::Duration;

use amop::transport::{BoxedStream, Connector, Credentials, Endpoint, dial};
use amop_devnet::Devnet;

/// The time limit of a test, which only ends tests that hang.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

pub(crate) async fn guarded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(GUARD, future).await.expect("the test ends before its time limit")
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(GUARD, wait).await.unwrap_or_else(|_| panic!("{what}"));
}

/// Connects over TLS with the devnet's credentials.
pub(crate) async fn connect(devnet: &Devnet, endpoint: &str) -> amop::Result<BoxedStream> {
    let credentials = Credentials::load(&devnet.credentials())?;
    let endpoint: Endpoint = endpoint.parse()?;
    dial(&endpoint, &Connector::rustls(&credentials)?).await
}
