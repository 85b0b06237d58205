//! The server's handshake, for the embedded node.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::alert::Alert;
use super::codec::{MAX_SESSION_ID, MESSAGE_HEADER, Reader, extension, kind, vector};
use super::context::{Context, read_certificates, read_numbers};
use super::exchange::{self, RsaDecryptor, ServerExchange};
use super::fault::Fault;
use super::identity::EngineIdentity;
use super::mode::{Parameters, TLS_1_2};
use super::peer::{JudgePeer, PeerKeys};
use super::random::Random;
use super::record::Protection;
use super::schedule::{Protections, Secrets, Side};
use super::signing::check_certificate_verify;
use super::suite::{Exchange, Suite};

/// The signalling suite of RFC 5746.
const RENEGOTIATION_SCSV: u16 = 0x00ff;

/// What a server's handshakes share.
#[derive(Clone)]
pub(super) struct ServerConfig {
    pub(super) parameters: &'static Parameters,
    pub(super) identity: EngineIdentity,
    pub(super) judge: Arc<dyn JudgePeer>,
    pub(super) decryptor: Option<Arc<dyn RsaDecryptor>>,
    pub(super) random: Arc<dyn Random>,
    /// Takes the place of the key exchange.
    #[cfg(any(test, fuzzing))]
    pub(super) premaster: Option<super::schedule::Premaster>,
}

/// A server's handshake.
pub(super) struct Server {
    config: Arc<ServerConfig>,
    state: State,
    has_accepted_peer: bool,
}

/// The message that is expected next, and what the ones before it brought.
enum State {
    ClientHello,
    Certificate(Agreed),
    ClientKeyExchange(Agreed, PeerKeys),
    CertificateVerify(Secrets, PeerKeys),
    ChangeCipherSpec(Secrets, Protections),
    Finished(Secrets, Protection),
    Open,
    Failed,
}

/// What follows from the ClientHello.
struct Agreed {
    suite: &'static Suite,
    /// The version in the ClientHello.
    version: [u8; 2],
    /// This side's half of a key agreement.
    #[cfg(feature = "sm")]
    ephemeral: Option<::sm2::SecretKey>,
}

/// What a ClientHello offers.
struct Hello {
    version: [u8; 2],
    suites: Vec<u16>,
    /// Whether it supports protected renegotiation, which the ServerHello confirms.
    signals_renegotiation: bool,
    offers_point_formats: bool,
}

impl Server {
    /// Returns a handshake that waits for the ClientHello.
    pub(super) fn new(config: Arc<ServerConfig>) -> Server {
        Server { config, state: State::ClientHello, has_accepted_peer: false }
    }

    /// Returns a handshake whose hello messages are done.
    #[cfg(any(test, fuzzing))]
    pub(super) fn after_hello(config: Arc<ServerConfig>, suite: &'static Suite) -> Server {
        let version = config.parameters.version;
        let agreed = Agreed {
            suite,
            version,
            #[cfg(feature = "sm")]
            ephemeral: None,
        };
        Server { config, state: State::Certificate(agreed), has_accepted_peer: false }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Returns whether nothing has arrived from the client.
    pub(super) fn is_first(&self) -> bool {
        matches!(self.state, State::ClientHello)
    }

    pub(super) fn has_accepted_peer(&self) -> bool {
        self.has_accepted_peer
    }

    /// Handles a whole handshake message.
    pub(super) fn message(&mut self, cx: &mut Context, message: &[u8]) -> Result<(), Fault> {
        let body = Reader::new(&message[MESSAGE_HEADER..]);
        self.state = match (std::mem::replace(&mut self.state, State::Failed), message[0]) {
            (State::ClientHello, kind::CLIENT_HELLO) => {
                cx.record(message);
                self.state = State::Certificate(self.client_hello(cx, body)?);
                return Ok(());
            }
            (State::Certificate(agreed), kind::CERTIFICATE) => {
                let certificates = read_certificates(body)?;
                if certificates.is_empty() {
                    // As nodes answer.
                    return Err(Fault::new(Alert::HANDSHAKE_FAILURE, "the client showed no certificate"));
                }
                let keys = self.config.judge.judge(&certificates).map_err(Fault::refused)?;
                self.has_accepted_peer = true;
                State::ClientKeyExchange(agreed, keys)
            }
            (State::ClientKeyExchange(agreed, keys), kind::CLIENT_KEY_EXCHANGE) => {
                cx.record(message);
                let secrets = self.client_key_exchange(cx, &agreed, &keys, body)?;
                self.state = State::CertificateVerify(secrets, keys);
                return Ok(());
            }
            (State::CertificateVerify(secrets, keys), kind::CERTIFICATE_VERIFY) => {
                check_certificate_verify(&keys, self.config.parameters, body, cx.transcript())?;
                let protections = secrets.protections(&cx.randoms);
                State::ChangeCipherSpec(secrets, protections)
            }
            (State::Finished(secrets, protection), kind::FINISHED) => {
                cx.check_finished(Side::Client, &secrets, body)?;
                cx.record(message);
                cx.finish(Side::Server, &secrets, protection)?;
                cx.end_handshake();
                self.state = State::Open;
                return Ok(());
            }
            _ => return Err(Fault::unexpected("a handshake message arrived out of order")),
        };
        cx.record(message);
        Ok(())
    }

    /// Handles ChangeCipherSpec: returns how what follows is protected.
    pub(super) fn change_cipher_spec(&mut self) -> Result<Protection, Fault> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::ChangeCipherSpec(secrets, Protections { from_client, from_server }) => {
                self.state = State::Finished(secrets, from_server);
                Ok(from_client)
            }
            _ => Err(Fault::unexpected("ChangeCipherSpec arrived out of order")),
        }
    }

    /// Answers a ClientHello with all that the server sends.
    fn client_hello(&self, cx: &mut Context, body: Reader<'_>) -> Result<Agreed, Fault> {
        let parameters = self.config.parameters;
        let hello = Hello::read(cx, body)?;
        if let Some(alert) = refused_version(parameters, hello.version) {
            let what = format!("the client speaks version {:04x}", u16::from_be_bytes(hello.version));
            if hello.version[0] == TLS_1_2[0] {
                cx.refuse_in_version(TLS_1_2);
            }
            return Err(Fault::incompatible(alert, what));
        }
        let Some(suite) = parameters.suites.iter().find(|suite| hello.suites.contains(&suite.id)) else {
            return Err(Fault::incompatible(Alert::HANDSHAKE_FAILURE, "no cipher suite in common"));
        };
        cx.random.fill(&mut cx.randoms.server)?;
        let random = cx.randoms.server;
        cx.send(kind::SERVER_HELLO, |out| {
            out.extend_from_slice(&parameters.version);
            out.extend_from_slice(&random);
            // No session that could be resumed.
            out.push(0);
            out.extend_from_slice(&suite.id.to_be_bytes());
            out.push(0);
            let mut extensions = Vec::new();
            if hello.signals_renegotiation {
                extensions.extend_from_slice(&extension::RENEGOTIATION_INFO.to_be_bytes());
                extensions.extend_from_slice(&[0, 1, 0]);
            }
            let has_points = parameters.server_extensions.contains(&extension::POINT_FORMATS);
            if hello.offers_point_formats && has_points {
                extensions.extend_from_slice(&extension::POINT_FORMATS.to_be_bytes());
                extensions.extend_from_slice(&[0, 2, 1, 0]);
            }
            if !extensions.is_empty() {
                vector::<2>(out, |out| out.extend_from_slice(&extensions));
            }
        })?;
        cx.send_certificates(&self.config.identity.certificates)?;
        let agreed = Agreed {
            suite,
            version: hello.version,
            #[cfg(feature = "sm")]
            ephemeral: self.send_key_exchange(cx, suite)?,
        };
        cx.send(kind::CERTIFICATE_REQUEST, |out| {
            vector::<1>(out, |out| out.extend_from_slice(parameters.certificate_types));
            if !parameters.schemes.is_empty() {
                vector::<2>(out, |out| {
                    for scheme in parameters.schemes {
                        out.extend_from_slice(&scheme.to_be_bytes());
                    }
                });
            }
            // No names of CAs, as nodes send none.
            vector::<2>(out, |_| {});
        })?;
        cx.send(kind::SERVER_HELLO_DONE, |_| {})?;
        Ok(agreed)
    }

    /// Sends ServerKeyExchange, if the suite has one. Returns this side's half of a key agreement.
    #[cfg(feature = "sm")]
    fn send_key_exchange(
        &self,
        cx: &mut Context,
        suite: &'static Suite,
    ) -> Result<Option<::sm2::SecretKey>, Fault> {
        if suite.exchange == Exchange::Rsa {
            return Ok(None);
        }
        let identity = &self.config.identity;
        let encryption =
            identity.certificates.last().ok_or(Fault::internal("the server has no certificate"))?;
        let (body, ephemeral) = exchange::server_key_exchange(cx, suite, &identity.keys, encryption)?;
        cx.send(kind::SERVER_KEY_EXCHANGE, |out| out.extend_from_slice(&body))?;
        Ok(ephemeral)
    }

    fn client_key_exchange(
        &self,
        cx: &Context,
        agreed: &Agreed,
        keys: &PeerKeys,
        body: Reader<'_>,
    ) -> Result<Secrets, Fault> {
        let exchange = ServerExchange {
            suite: agreed.suite,
            own: &self.config.identity.keys,
            decryptor: self.config.decryptor.as_ref(),
            peer: keys,
            #[cfg(feature = "sm")]
            own_ephemeral: agreed.ephemeral.as_ref(),
            parameters: self.config.parameters,
            version: agreed.version,
            random: &*self.config.random,
        };
        let premaster = || exchange::read_client_key_exchange(&exchange, body);
        #[cfg(any(test, fuzzing))]
        let premaster = || self.config.premaster.clone().map_or_else(premaster, Ok);
        let premaster = premaster()?;
        // Nodes know no extended master secret.
        Ok(Secrets::derive(agreed.suite, &premaster, &cx.randoms, None))
    }
}

/// Returns the alert for a version that this mode doesn't speak.
fn refused_version(parameters: &Parameters, version: [u8; 2]) -> Option<Alert> {
    if version == parameters.version {
        None
    } else if parameters.version != TLS_1_2 {
        // A node with TLCP speaks TLS too, but has no suite for it.
        Some(Alert::HANDSHAKE_FAILURE)
    } else if version[0] == TLS_1_2[0] && version > TLS_1_2 {
        // A client of a later version takes TLS 1.2.
        None
    } else {
        Some(Alert::PROTOCOL_VERSION)
    }
}

impl Hello {
    fn read(cx: &mut Context, mut body: Reader<'_>) -> Result<Hello, Fault> {
        let version = body.array()?;
        cx.randoms.client = body.array()?;
        if body.vector8()?.rest().len() > MAX_SESSION_ID {
            return Err(Fault::malformed("the client's session id is too long"));
        }
        let suites = read_numbers(body.vector16()?)?;
        if !body.vector8()?.rest().contains(&0) {
            return Err(Fault::illegal("the client offers compression only"));
        }
        let mut hello = Hello {
            version,
            signals_renegotiation: suites.contains(&RENEGOTIATION_SCSV),
            suites,
            offers_point_formats: false,
        };
        if !body.is_empty() {
            let mut extensions = body.vector16()?;
            let mut seen = HashSet::new();
            while !extensions.is_empty() {
                let (number, content) = (extensions.u16()?, extensions.vector16()?);
                if !seen.insert(number) {
                    return Err(Fault::malformed("the client sends an extension twice"));
                }
                match number {
                    extension::RENEGOTIATION_INFO if content.rest() != [0] => {
                        return Err(Fault::new(Alert::HANDSHAKE_FAILURE, "the client renegotiates"));
                    }
                    extension::RENEGOTIATION_INFO => hello.signals_renegotiation = true,
                    extension::POINT_FORMATS => hello.offers_point_formats = true,
                    _ => {}
                }
            }
        }
        body.end()?;
        Ok(hello)
    }
}
