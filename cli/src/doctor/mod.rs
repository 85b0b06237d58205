//! Checks a connection step by step, with advice for each problem.
//!
//! The steps are in [`tcp`], [`credentials`], [`tls`], [`handshake`] and [`round_trip`], in the order of [`examine`].
//! Nodes of either generation are examined. [`listener`] identifies what listens at a port, by TLS ClientHellos ([`hello`]) and HTTP requests ([`http`]). [`finding`]
//! lists all findings, [`report`] writes them.

mod certificate;
mod credentials;
mod finding;
mod handshake;
mod hello;
mod http;
mod listener;
mod report;
mod round_trip;
mod tcp;
mod tls;
mod usable;

use std::net::SocketAddr;
use std::time::Duration;

use amop::transport::{CredentialSource, Credentials, DialPlan, Dialled, Endpoint, Generation, Security};
use amop::{Generations, Tls};

use self::credentials::Checked;
pub(crate) use self::finding::list as findings;
use self::listener::Listener;
use self::report::{Problem, Report, Step};
use self::tls::Handshakes;
use self::usable::Usable;
use crate::channel::Channel;
use crate::exit::Outcome;
use crate::files::reading_files;
use crate::in_force::InForce;
use crate::output::Output;
use crate::session::Session;
use crate::websocket::WebSocket;

/// What the client is to connect with.
pub(crate) struct Identity {
    pub(crate) source: CredentialSource,
    pub(crate) tls: Tls,
    pub(crate) generations: Generations,
}

impl Identity {
    /// Returns what the settings state.
    pub(crate) fn of(in_force: &InForce) -> Identity {
        let settings = in_force.settings();
        Identity {
            source: in_force.credentials(),
            tls: settings.tls.unwrap_or_default(),
            generations: settings.generation.unwrap_or_default(),
        }
    }
}

/// Checks a connection to `endpoint` with an identity, each wait limited to `limit`, and reports what works and what doesn't.
/// Records name the endpoint unless it `is_one` alone. Returns the exit code of the first problem.
pub(crate) async fn examine(
    endpoint: &str,
    is_one: bool,
    identity: &Identity,
    limit: Duration,
    output: &mut Output,
) -> Outcome {
    let mut report = Report::new(output, (!is_one).then(|| endpoint.to_owned()))?;
    let reached = reach(endpoint, limit, &mut report).await?;
    let checked = match identity.tls {
        Tls::Off => {
            report.works(Step::Credentials, "none are needed without TLS (--tls off)")?;
            Some(Checked { credentials: None, problem: None })
        }
        _ => check_credentials(&identity.source, &mut report).await?,
    };
    match (reached, checked) {
        (Some((endpoint, address)), Some(checked)) => {
            check_node(&endpoint, address, &checked, identity, limit, &mut report).await?;
        }
        (Some((_, address)), None) => check_without_credentials(address, limit, &mut report).await?,
        (None, _) => {}
    }
    Ok(report.end()?)
}

/// Names the kind of channel at `endpoint` and what to use there, if the credentials are of another kind.
pub(crate) async fn other_channel(endpoint: &str, identity: &Identity, limit: Duration) -> Option<String> {
    let source = identity.source.clone();
    let credentials = reading_files(move || Credentials::load(&source)).await.ok()?.ok()?;
    let usable = Usable::new(&credentials, &DialPlan::new(&credentials, identity.tls).ok()?);
    let (_, addresses) = tcp::resolve(endpoint, limit).await.ok()?;
    let (address, _) = tcp::connect(&addresses, limit).await.ok()?;
    let finding = Listener::at(address, limit).await.other_channel(&usable)?;
    Some(format!("{}: {}", finding.headline(), finding.advice()))
}

/// Checks name and TCP.
async fn reach(
    endpoint: &str,
    limit: Duration,
    report: &mut Report<'_>,
) -> Outcome<Option<(Endpoint, SocketAddr)>> {
    let (endpoint, addresses) = match report.check(Step::Endpoint, tcp::resolve(endpoint, limit)).await {
        Ok(resolved) => resolved,
        Err(problem) => {
            report.found(Step::Endpoint, problem)?;
            return Ok(None);
        }
    };
    let names: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
    let is = if names == [endpoint.to_string()] { "an address".to_owned() } else { names.join(", ") };
    report.works(Step::Endpoint, format!("{endpoint} is {is}"))?;
    match report.check(Step::Tcp, tcp::connect(&addresses, limit)).await {
        Ok((address, took)) => {
            report.works(Step::Tcp, format!("{address} accepts connections ({took})"))?;
            Ok(Some((endpoint, address)))
        }
        Err(problem) => {
            report.found(Step::Tcp, problem)?;
            Ok(None)
        }
    }
}

async fn check_credentials(source: &CredentialSource, report: &mut Report<'_>) -> Outcome<Option<Checked>> {
    let source = source.clone();
    let check = reading_files(move || credentials::check(&source));
    match report.check(Step::Credentials, check).await? {
        Ok(checked) => {
            match &checked.problem {
                Some(problem) => report.found(Step::Credentials, problem.clone())?,
                None => {
                    let described = checked.credentials.as_ref().map(credentials::described);
                    report.works(Step::Credentials, described.unwrap_or_default())?;
                }
            }
            if let Some(note) = checked.credentials.as_ref().and_then(credentials::note) {
                report.found(Step::Credentials, note)?;
            }
            Ok(Some(checked))
        }
        Err(problem) => {
            report.found(Step::Credentials, problem)?;
            Ok(None)
        }
    }
}

/// Identifies what listens at `address`, if there are no credentials.
async fn check_without_credentials(
    address: SocketAddr,
    limit: Duration,
    report: &mut Report<'_>,
) -> Outcome<()> {
    let listener = report.check(Step::Tls, Listener::at(address, limit)).await;
    match report.check(Step::Tls, listener.problem(None, address, limit)).await {
        Some(problem) => report.found(Step::Tls, problem)?,
        None => {
            let text = format!("{}; the next steps need credentials", listener.described());
            report.works(Step::Tls, text)?;
        }
    }
    if let Some(certificates) = listener.certificates() {
        report.works(Step::Certificate, certificate::described(certificates))?;
    }
    Ok(())
}

/// Checks TLS and the session.
async fn check_node(
    endpoint: &Endpoint,
    address: SocketAddr,
    checked: &Checked,
    identity: &Identity,
    limit: Duration,
    report: &mut Report<'_>,
) -> Outcome<()> {
    let credentials = checked.credentials.as_ref();
    let connected = match Handshakes::new(credentials, identity.tls, endpoint, address, limit) {
        Ok(mut tls) => {
            let connect = tls.connect_or_explain(checked.problem.as_ref());
            report.check(Step::Tls, connect).await.map(|dialled| (tls, dialled))
        }
        Err(problem) => Err(problem),
    };
    let (tls, Dialled { stream, way }) = match connected {
        Ok(connected) => connected,
        Err(problem) => {
            // A problem with the credentials was reported in their own step.
            let reported = checked.problem.as_ref().is_some_and(|known| known.finding == problem.finding);
            if !reported {
                report.found(Step::Tls, problem)?;
            }
            return Ok(());
        }
    };
    let limit = tls.limit();
    report.works(Step::Tls, tls::described(way.security))?;
    if way.security != Security::Plain {
        if let Some(note) = tls.note() {
            report.found(Step::Tls, note)?;
        }
        let listener = report.check(Step::Certificate, Listener::at(address, limit)).await;
        if let Some(certificates) = listener.certificates() {
            report.works(Step::Certificate, certificate::described(certificates))?;
        }
    }
    let first = credentials.map_or(Generation::V3, Credentials::suggested_generation);
    let agree = handshake::agree(stream, &tls, first, identity.generations, limit);
    match report.check(Step::Handshake, agree).await {
        Ok(Session::V2(channel, choice)) => {
            let version = choice.node_version;
            let text = format!("FISCO BCOS {version}, protocol {}", choice.protocol);
            report.works(Step::Handshake, text)?;
            check_messages(channel, &version, &tls, limit, report).await
        }
        Ok(Session::V3(session, choice)) => {
            let version = match choice.node_version.as_str() {
                "" => "3.x",
                version => version,
            };
            let text = format!("FISCO BCOS {version}, WebSocket, protocol {}", choice.protocol_version);
            report.works(Step::Handshake, text)?;
            check_messages_of_3x(session, &tls, limit, report).await
        }
        Err(problem) => Ok(report.found(Step::Handshake, problem)?),
    }
}

/// Checks ping, topics and a unicast at a node of 3.x.
async fn check_messages_of_3x(
    mut subscriber: WebSocket,
    tls: &Handshakes,
    limit: Duration,
    report: &mut Report<'_>,
) -> Outcome<()> {
    match report.check(Step::Heartbeat, round_trip::ping(&mut subscriber)).await {
        Ok(text) => report.works(Step::Heartbeat, text)?,
        Err(problem) => return Ok(report.found(Step::Heartbeat, problem)?),
    }
    let topic = round_trip::own_topic();
    match report.check(Step::Topics, round_trip::subscribe_at_3x(&mut subscriber, &topic)).await {
        Ok(text) => report.works(Step::Topics, text)?,
        Err(problem) => return Ok(report.found(Step::Topics, problem)?),
    }
    let unicast = async {
        let mut publisher = tls.connect_to_3x().await?;
        round_trip::unicast_at_3x(&mut publisher, &mut subscriber, &topic, limit).await
    };
    match report.check(Step::RoundTrip, unicast).await {
        Ok(text) => Ok(report.works(Step::RoundTrip, text)?),
        Err(problem) => Ok(report.found(Step::RoundTrip, problem)?),
    }
}

/// Checks heartbeat, topics and a unicast.
async fn check_messages(
    mut subscriber: Channel,
    version: &str,
    tls: &Handshakes,
    limit: Duration,
    report: &mut Report<'_>,
) -> Outcome<()> {
    match report.check(Step::Heartbeat, round_trip::heartbeat(&mut subscriber)).await {
        Ok(text) => report.works(Step::Heartbeat, text)?,
        Err(problem) => return Ok(report.found(Step::Heartbeat, problem)?),
    }
    let topic = round_trip::own_topic();
    match report.check(Step::Topics, round_trip::subscribe(&mut subscriber, &topic, limit)).await {
        Ok(text) => report.works(Step::Topics, text)?,
        Err(problem) => report.found(Step::Topics, problem)?,
    }
    let Some(stream) = tls.connect().await else {
        let seen = "a second connection for the publisher failed";
        return Ok(report.found(Step::RoundTrip, Problem::new(finding::Finding::NoRoundTrip, seen))?);
    };
    let mut publisher = Channel::new(stream, limit);
    let unicast = round_trip::unicast(&mut publisher, &mut subscriber, &topic, version, limit);
    match report.check(Step::RoundTrip, unicast).await {
        Ok(text) => {
            report.works(Step::RoundTrip, text)?;
            if let Some(note) = round_trip::note(version) {
                report.found(Step::RoundTrip, note)?;
            }
        }
        Err(problem) => report.found(Step::RoundTrip, problem)?,
    }
    Ok(())
}
