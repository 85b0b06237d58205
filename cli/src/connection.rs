//! The arguments that all connecting verbs share: endpoints and credentials.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use amop::transport::{CredentialSource, endpoint_list};
use amop::{Client, Generations, Tls};
use clap::Args;
use clap::builder::TypedValueParser;
use tokio::signal::unix::Signal;

use crate::exit::{Failure, Outcome};
use crate::interrupt::{Interrupt, hang_ups};
use crate::output::Output;
use crate::values::{positive_seconds, text};

/// The progress text while a subscription isn't confirmed yet.
pub(crate) const WAITING_FOR_TOPIC: &str = "waiting until the node knows the topic";

/// The nodes to connect to, and the credentials.
#[derive(Args, Clone, Debug)]
pub(crate) struct Connection {
    /// The node's port for SDKs (2.x: channel, 3.x: RPC): host:port, IPv4:port or [IPv6]:port; several nodes separated by commas
    #[arg(value_name = "ENDPOINT", value_parser = endpoints())]
    endpoints: Endpoints,
    #[command(flatten)]
    pub(crate) identity: Identity,
    /// The time limit of one attempt to connect
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = positive_seconds, help_heading = "Connection")]
    pub(crate) connect_timeout: Duration,
}

/// One or more endpoints, separated by commas, semicolons or blanks; they are parsed when they are used.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints(Vec<String>);

/// Returns the parser of a list of endpoints, for clap.
pub(crate) fn endpoints() -> impl TypedValueParser<Value = Endpoints> {
    text().map(|text| {
        let endpoints: Vec<_> = endpoint_list(&text).map(str::to_owned).collect();
        // An empty text is kept, so that the error shows the right form.
        Endpoints(if endpoints.is_empty() { vec![text] } else { endpoints })
    })
}

impl Endpoints {
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// The credentials of the client, the kind of TLS, and the generation of the nodes.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Identity {
    /// The SDK's folder, or a file of it: ca.crt, sdk.crt and sdk.key; or gmca.crt, gmsdk.crt, gmsdk.key, gmensdk.crt and
    /// gmensdk.key (also in gm/); or the same with sm_ca.crt, sm_sdk.crt ...; without it the files are searched in
    /// $AMOP_CREDENTIALS, ., conf, sdk, nodes/127.0.0.1/sdk and amop-devnet/sdk
    #[arg(long, value_name = "DIR", conflicts_with_all = ["ca", "cert", "key"], help_heading = "Connection")]
    credentials: Option<PathBuf>,
    /// The CA's certificate
    #[arg(long, value_name = "FILE", requires = "cert", requires = "key", help_heading = "Connection")]
    ca: Option<PathBuf>,
    /// The client's certificate, followed by the agency's
    #[arg(long, value_name = "FILE", requires = "ca", requires = "key", help_heading = "Connection")]
    cert: Option<PathBuf>,
    /// The private key
    #[arg(long, value_name = "FILE", requires = "ca", requires = "cert", help_heading = "Connection")]
    key: Option<PathBuf>,
    /// On GM chains: the certificate for encryption
    #[arg(long, value_name = "FILE", requires = "ca", requires = "enc_key", help_heading = "Connection")]
    enc_cert: Option<PathBuf>,
    /// On GM chains: the private key for encryption
    #[arg(long, value_name = "FILE", requires = "ca", requires = "enc_cert", help_heading = "Connection")]
    enc_key: Option<PathBuf>,
    /// The kind of TLS: auto (the credentials decide), ecdhe, static-rsa, gm, tlcp or off (plain TCP, without credentials,
    /// for 3.x nodes that are set up so)
    #[arg(long, value_name = "KIND", default_value = "auto", help_heading = "Connection")]
    pub(crate) tls: Tls,
    /// The generation of the nodes: auto (found out), 2 or 3
    #[arg(long, value_name = "GENERATION", default_value = "auto", help_heading = "Connection")]
    pub(crate) generation: Generations,
}

impl Identity {
    /// Returns where the credentials come from.
    pub(crate) fn source(&self) -> CredentialSource {
        let files = (self.ca.clone(), self.cert.clone(), self.key.clone());
        match (&self.credentials, files, self.enc_cert.clone(), self.enc_key.clone()) {
            (Some(folder), ..) => CredentialSource::Directory(folder.clone()),
            (None, (Some(ca), Some(cert), Some(key)), Some(enc_cert), Some(enc_key)) => {
                CredentialSource::GmFiles { ca, cert, key, enc_cert, enc_key }
            }
            (None, (Some(ca), Some(cert), Some(key)), ..) => CredentialSource::Files { ca, cert, key },
            // clap requires all of the files or none.
            _ => CredentialSource::Discover,
        }
    }
}

/// The option of verbs that run for long.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Reloading {
    /// Load the credentials again at each SIGHUP and make the connections anew, one after the other
    #[arg(long, help_heading = "Connection")]
    reload_on_hup: bool,
}

impl Reloading {
    /// Starts to listen for SIGHUP if that was asked for, and if the signal is not ignored, as under `nohup`.
    pub(crate) fn signal(self) -> Outcome<Option<Signal>> {
        if self.reload_on_hup { hang_ups() } else { Ok(None) }
    }
}

impl Connection {
    /// Connects a client. Returns `None` if a signal comes first.
    pub(crate) async fn connect(
        &self,
        output: &mut Output,
        interrupt: &Interrupt,
    ) -> Outcome<Option<Client>> {
        let builder =
            Client::builder().endpoints(self.endpoints.0.clone()).connect_timeout(self.connect_timeout);
        let builder = builder.generation(self.identity.generation).tls(self.identity.tls);
        let connect = builder.credential_source(self.identity.source()).connect();
        let waiting = format!("connecting to {}", self.names());
        let connected = output.while_waiting(waiting, interrupt.unless_caught(connect)).await;
        Ok(connected.transpose()?)
    }

    /// Returns the endpoints for texts.
    pub(crate) fn names(&self) -> String {
        self.endpoints.0.join(", ")
    }
}

/// Runs `load`, which reads credential files, on a thread of its own: a file on a file system that does not respond must
/// not delay Ctrl-C.
pub(crate) async fn reading_files<T: Send + 'static>(
    load: impl FnOnce() -> T + Send + 'static,
) -> Outcome<T> {
    let ended = |error| Failure::io("can't read the credentials", io::Error::other(error));
    tokio::task::spawn_blocking(load).await.map_err(ended)
}
