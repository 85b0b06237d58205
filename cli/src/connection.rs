//! The arguments that all connecting verbs share: endpoints and credentials.

use std::path::{Path, PathBuf};
use std::time::Duration;

use amop::transport::{CredentialSource, Endpoint, endpoint_list};
use amop::{Client, Error, ErrorKind, Generations, Settings, Tls};
use clap::Args;
use clap::builder::TypedValueParser;
use tokio::signal::unix::Signal;

use crate::doctor;
use crate::exit::Outcome;
use crate::in_force::InForce;
use crate::interrupt::{Interrupt, hang_ups};
use crate::output::Output;
use crate::values::{positive_seconds, text};

/// The progress text while a subscription isn't confirmed yet.
pub(crate) const WAITING_FOR_TOPIC: &str = "waiting until the node knows the topic";

/// The nodes to connect to, and the settings of the connection.
#[derive(Args, Clone, Debug)]
pub(crate) struct Connection {
    /// The node's port for SDKs (2.x: channel, 3.x: RPC): host:port, IPv4:port or [IPv6]:port; several nodes separated by commas.
    /// With --config it is left out, or given as --endpoint
    #[arg(value_name = "ENDPOINT", value_parser = endpoints(), required = true)]
    endpoints: Option<Endpoints>,
    #[command(flatten)]
    options: ConnectionOptions,
}

/// The settings of a connection, without its nodes.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConnectionOptions {
    #[command(flatten)]
    pub(crate) identity: Identity,
    /// The time limit of one attempt to connect [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = positive_seconds, help_heading = "Connection")]
    connect_timeout: Option<Duration>,
}

impl ConnectionOptions {
    /// Returns what the command line states.
    pub(crate) fn given(&self, endpoints: Option<&Endpoints>) -> Settings {
        Settings { connect_timeout: self.connect_timeout, ..self.identity.given(endpoints) }
    }
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
    /// for 3.x nodes that are set up so) [default: auto]
    #[arg(long, value_name = "KIND", help_heading = "Connection")]
    tls: Option<Tls>,
    /// The generation of the nodes: auto (found out), 2 or 3 [default: auto]
    #[arg(long, value_name = "GENERATION", help_heading = "Connection")]
    generation: Option<Generations>,
    /// A configuration file, of this library or of another SDK: java-sdk, go-sdk, the C SDK, web3sdk, nodejs-sdk or
    /// python-sdk. ENDPOINT is then left out. Options and the environment variables AMOP_... precede the file
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    config: Option<PathBuf>,
}

impl Identity {
    /// Returns what the command line states.
    pub(crate) fn given(&self, endpoints: Option<&Endpoints>) -> Settings {
        let endpoints = endpoints.map(|endpoints| endpoints.0.clone());
        let (tls, generation) = (self.tls, self.generation);
        Settings { endpoints, credentials: self.source(), tls, generation, ..Settings::default() }
    }

    /// Returns the configuration file that the command line names.
    pub(crate) fn config_file(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// Returns where the credentials come from, `None` if the command line doesn't state it.
    fn source(&self) -> Option<CredentialSource> {
        let files = (self.ca.clone(), self.cert.clone(), self.key.clone());
        match (&self.credentials, files, self.enc_cert.clone(), self.enc_key.clone()) {
            (Some(folder), ..) => Some(CredentialSource::Directory(folder.clone())),
            (None, (Some(ca), Some(cert), Some(key)), Some(enc_cert), Some(enc_key)) => {
                Some(CredentialSource::GmFiles { ca, cert, key, enc_cert, enc_key })
            }
            (None, (Some(ca), Some(cert), Some(key)), ..) => Some(CredentialSource::Files { ca, cert, key }),
            // clap requires all of the files or none.
            _ => None,
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
    /// Returns an error if an argument ENDPOINT is not an endpoint. Verbs that read a message call it first, because a
    /// forgotten argument makes the topic the endpoint and the message the topic.
    pub(crate) fn check_endpoints(&self) -> Outcome<()> {
        for endpoint in self.endpoints.iter().flat_map(|endpoints| &endpoints.0) {
            endpoint.parse::<Endpoint>()?;
        }
        Ok(())
    }

    /// Connects a client that uses one topic. Returns `None` if a signal comes first.
    pub(crate) async fn connect(
        &self,
        topic: &str,
        output: &mut Output,
        interrupt: &Interrupt,
    ) -> Outcome<Option<Connected>> {
        let given = self.options.given(self.endpoints.as_ref());
        let in_force = InForce::find(given, self.options.identity.config_file());
        let Some(in_force) = interrupt.unless_caught(in_force).await.transpose()? else { return Ok(None) };
        let nodes = in_force.some_endpoints()?;
        let endpoints = nodes.join(", ");
        let waiting = format!("connecting to {endpoints}");
        let settings = in_force.settings();
        let builder = Client::builder().settings(settings.clone());
        let close_timeout = settings.or(Settings::defaults()).close_timeout.unwrap_or_default();
        let builder = match in_force.private_topics(topic) {
            Some(config) => builder.config(config),
            None => builder,
        };
        let connect = async {
            match builder.connect().await {
                Err(error) if may_be_other_channel(&error) => {
                    Err(with_kind_of_channel(error, &nodes, &in_force).await)
                }
                outcome => outcome,
            }
        };
        let connected = output.while_waiting(waiting, interrupt.unless_caught(connect)).await;
        Ok(connected.transpose()?.map(|client| Connected { client, endpoints, close_timeout }))
    }
}

/// A client that is connected, and what texts state of it.
pub(crate) struct Connected {
    pub(crate) client: Client,
    pub(crate) endpoints: String,
    pub(crate) close_timeout: Duration,
}

/// How long each step of examining a node may take.
const EXAMINED_WITHIN: Duration = Duration::from_secs(5);

/// Returns whether the credentials may be of another kind than the node's channel.
fn may_be_other_channel(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::TlsNoCommon | ErrorKind::Tls | ErrorKind::NodeCertificate)
}

/// Examines the node, so that the error states what its channel is instead of what it probably is, or what of it this client
/// has refused.
async fn with_kind_of_channel(error: Error, endpoints: &[String], in_force: &InForce) -> Error {
    let Some(endpoint) = endpoints.iter().find(|endpoint| error.message().contains(*endpoint)) else {
        return error;
    };
    match doctor::other_channel(endpoint, &doctor::Identity::of(in_force), EXAMINED_WITHIN).await {
        Some(channel) => Error::undelivered(error.kind(), format!("{endpoint} is {channel}")),
        None => error,
    }
}
