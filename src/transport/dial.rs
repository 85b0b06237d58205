//! One connection, from name to stream: resolve, TCP, TLS.

use tokio::net::TcpStream;

use super::{BoxedStream, Endpoint, SecureConnector};
use crate::{Error, ErrorKind, Result};

/// Connects to `endpoint` and protects the connection by `connector`.
///
/// The name is resolved each time, so that a node that moved is found. All its addresses are tried in turn.
/// Nothing is kept on the way: dropping the future at any point closes what was opened. It has no time limit of
/// its own; the caller sets one around it.
///
/// # Errors
/// [`ErrorKind::Resolve`]; [`ErrorKind::Connect`], which names every address with the system's error; or what
/// `connector` answers (of the last address that took the TCP connection).
pub async fn dial(endpoint: &Endpoint, connector: &dyn SecureConnector) -> Result<BoxedStream> {
    let mut refused = Vec::new();
    let mut insecure = None;
    for address in endpoint.resolve().await? {
        let tcp = match TcpStream::connect(address).await {
            Ok(tcp) => tcp,
            Err(error) => {
                refused.push(format!("{address}: {error}"));
                continue;
            }
        };
        // Frames are gathered above: waiting for more here would only add delay. Fails on no healthy socket,
        // and a sick one shows at the first write.
        let _ = tcp.set_nodelay(true);
        match connector.connect(tcp, endpoint).await {
            Ok(stream) => return Ok(stream),
            Err(error) => insecure = Some(error),
        }
    }
    Err(insecure.unwrap_or_else(|| {
        Error::new(
            ErrorKind::Connect,
            format!(
                "cannot connect to {endpoint} ({}): check that the node runs and listens there, that the port is \
                 its channel port, and that no firewall is in between",
                refused.join("; ")
            ),
        )
    }))
}
