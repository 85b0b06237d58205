//! The client's handshake.

use std::sync::Arc;

use super::super::alert::Alert;
use super::codec::{MAX_SESSION_ID, MESSAGE_HEADER, Reader, extension, kind, vector};
use super::context::{Context, read_certificates, read_numbers};
use super::exchange;
use super::fault::Fault;
use super::identity::EngineIdentity;
use super::mode::Parameters;
use super::peer::{JudgePeer, PeerKeys};
use super::random::Random;
use super::record::Protection;
use super::schedule::{Secrets, Side};
use super::signing::certificate_verify;
use super::suite::{Exchange, Suite};

/// The signalling suite of RFC 5746: renegotiation is not used unprotected.
const RENEGOTIATION_SCSV: u16 = 0x00ff;

/// What a client's handshakes share.
#[derive(Clone)]
pub(super) struct ClientConfig {
    pub(super) parameters: &'static Parameters,
    /// The suites to offer: those of the parameters, or some of them.
    pub(super) suites: &'static [&'static Suite],
    pub(super) identity: EngineIdentity,
    pub(super) judge: Arc<dyn JudgePeer>,
    pub(super) random: Arc<dyn Random>,
    /// Takes the place of the key exchange.
    #[cfg(any(test, fuzzing))]
    pub(super) exchanged: Option<exchange::Exchanged>,
}

/// A client's handshake.
pub(super) struct Client {
    config: Arc<ClientConfig>,
    state: State,
    has_accepted_peer: bool,
}

/// The message that is expected next, and what the ones before it brought.
enum State {
    ServerHello,
    Certificate(Agreed),
    ServerKeyExchange(Agreed, PeerKeys),
    CertificateRequest(Box<Server>),
    ServerHelloDone(Box<Server>, Request),
    ChangeCipherSpec(Secrets, Protection),
    Finished(Secrets),
    Open,
    Failed,
}

/// What the ServerHello chose.
#[derive(Clone, Copy)]
struct Agreed {
    suite: &'static Suite,
    extended_master: bool,
}

/// What the server has shown.
struct Server {
    agreed: Agreed,
    keys: PeerKeys,
    /// The server's half of a key agreement.
    #[cfg(feature = "sm")]
    ephemeral: Option<::sm2::PublicKey>,
}

/// The server's request for this client's certificate: the signature schemes that it offers.
struct Request {
    schemes: Vec<u16>,
}

impl Client {
    /// Starts a handshake: the ClientHello is sent.
    pub(super) fn start(config: Arc<ClientConfig>, cx: &mut Context) -> Result<Client, Fault> {
        cx.random.fill(&mut cx.randoms.client)?;
        let random = cx.randoms.client;
        let parameters = config.parameters;
        cx.send(kind::CLIENT_HELLO, |out| {
            out.extend_from_slice(&parameters.version);
            out.extend_from_slice(&random);
            // No session: nodes drop clients that resume one.
            out.push(0);
            vector::<2>(out, |out| {
                let suites = config.suites.iter().map(|suite| suite.id);
                let signal = parameters.signals_renegotiation.then_some(RENEGOTIATION_SCSV);
                for id in suites.chain(signal) {
                    out.extend_from_slice(&id.to_be_bytes());
                }
            });
            // No compression.
            out.extend_from_slice(&[1, 0]);
            if !parameters.client_extensions.is_empty() {
                vector::<2>(out, |out| out.extend_from_slice(parameters.client_extensions));
            }
        })?;
        Ok(Client { config, state: State::ServerHello, has_accepted_peer: false })
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Returns whether nothing has arrived from the server.
    pub(super) fn is_first(&self) -> bool {
        matches!(self.state, State::ServerHello)
    }

    pub(super) fn has_accepted_peer(&self) -> bool {
        self.has_accepted_peer
    }

    /// Handles a whole handshake message.
    pub(super) fn message(&mut self, cx: &mut Context, message: &[u8]) -> Result<(), Fault> {
        let body = Reader::new(&message[MESSAGE_HEADER..]);
        self.state = match (std::mem::replace(&mut self.state, State::Failed), message[0]) {
            (State::ServerHello, kind::SERVER_HELLO) => State::Certificate(self.server_hello(cx, body)?),
            (State::Certificate(agreed), kind::CERTIFICATE) => self.certificate(agreed, body)?,
            #[cfg(feature = "sm")]
            (State::ServerKeyExchange(agreed, keys), kind::SERVER_KEY_EXCHANGE) => {
                let ephemeral = exchange::check_server_key_exchange(cx, agreed.suite, &keys, body)?;
                State::CertificateRequest(Box::new(Server { agreed, keys, ephemeral }))
            }
            (State::CertificateRequest(server), kind::CERTIFICATE_REQUEST) => {
                State::ServerHelloDone(server, self.certificate_request(body)?)
            }
            (State::CertificateRequest(server), kind::SERVER_HELLO_DONE) => {
                body.end()?;
                cx.record(message);
                return self.answer(cx, &server, None);
            }
            (State::ServerHelloDone(server, request), kind::SERVER_HELLO_DONE) => {
                body.end()?;
                cx.record(message);
                return self.answer(cx, &server, Some(&request));
            }
            (State::Finished(secrets), kind::FINISHED) => {
                cx.check_finished(Side::Server, &secrets, body)?;
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
            State::ChangeCipherSpec(secrets, protection) => {
                self.state = State::Finished(secrets);
                Ok(protection)
            }
            _ => Err(Fault::unexpected("ChangeCipherSpec arrived out of order")),
        }
    }

    fn server_hello(&self, cx: &mut Context, mut body: Reader<'_>) -> Result<Agreed, Fault> {
        let version = body.array::<2>()?;
        if version != self.config.parameters.version {
            let what = format!("version {:04x} of TLS", u16::from_be_bytes(version));
            return Err(Fault::incompatible(Alert::PROTOCOL_VERSION, what));
        }
        cx.randoms.server = body.array()?;
        if body.vector8()?.rest().len() > MAX_SESSION_ID {
            return Err(Fault::malformed("the server's session id is too long"));
        }
        let id = body.u16()?;
        let Some(suite) = self.config.suites.iter().find(|suite| suite.id == id) else {
            return Err(Fault::illegal("the server chose a cipher suite that was not offered"));
        };
        if body.u8()? != 0 {
            return Err(Fault::illegal("the server chose compression, which was not offered"));
        }
        let mut agreed = Agreed { suite, extended_master: false };
        if body.is_empty() {
            return Ok(agreed);
        }
        let mut extensions = body.vector16()?;
        body.end()?;
        let mut seen = Vec::new();
        while !extensions.is_empty() {
            let (number, content) = (extensions.u16()?, extensions.vector16()?);
            if !self.config.parameters.server_extensions.contains(&number) || seen.contains(&number) {
                let why = "the server answers an extension that was not sent";
                return Err(Fault::new(Alert::UNSUPPORTED_EXTENSION, why));
            }
            match number {
                extension::RENEGOTIATION_INFO if content.rest() != [0] => {
                    return Err(Fault::new(Alert::HANDSHAKE_FAILURE, "the server renegotiates"));
                }
                extension::EXTENDED_MASTER_SECRET => {
                    content.end()?;
                    agreed.extended_master = true;
                }
                _ => {}
            }
            seen.push(number);
        }
        Ok(agreed)
    }

    fn certificate(&mut self, agreed: Agreed, body: Reader<'_>) -> Result<State, Fault> {
        let certificates = read_certificates(body)?;
        let keys = self.config.judge.judge(&certificates).map_err(Fault::refused)?;
        self.has_accepted_peer = true;
        Ok(match agreed.suite.exchange {
            Exchange::Rsa => State::CertificateRequest(Box::new(Server {
                agreed,
                keys,
                #[cfg(feature = "sm")]
                ephemeral: None,
            })),
            #[cfg(feature = "sm")]
            Exchange::Sm2Encryption | Exchange::Sm2Agreement => State::ServerKeyExchange(agreed, keys),
        })
    }

    fn certificate_request(&self, mut body: Reader<'_>) -> Result<Request, Fault> {
        body.vector8()?;
        let has_schemes = !self.config.parameters.schemes.is_empty();
        let schemes = if has_schemes { read_numbers(body.vector16()?)? } else { Vec::new() };
        // The names of CAs: this client has one certificate, whatever they are.
        body.vector16()?;
        body.end()?;
        Ok(Request { schemes })
    }

    /// Answers ServerHelloDone with all that the client sends.
    fn answer(&mut self, cx: &mut Context, server: &Server, request: Option<&Request>) -> Result<(), Fault> {
        let config = self.config.clone();
        let Agreed { suite, extended_master } = server.agreed;
        if request.is_some() {
            cx.send_certificates(&config.identity.certificates)?;
        }
        let exchanged = || {
            exchange::client_key_exchange(&exchange::ClientExchange {
                suite,
                own: &config.identity.keys,
                is_own_shown: request.is_some(),
                peer: &server.keys,
                #[cfg(feature = "sm")]
                peer_ephemeral: server.ephemeral.as_ref(),
                parameters: config.parameters,
                random: &*config.random,
            })
        };
        #[cfg(any(test, fuzzing))]
        let exchanged = || config.exchanged.clone().map_or_else(exchanged, Ok);
        let exchanged = exchanged()?;
        cx.send(kind::CLIENT_KEY_EXCHANGE, |out| out.extend_from_slice(&exchanged.message))?;
        let session = extended_master.then_some(cx.transcript());
        let secrets = Secrets::derive(suite, &exchanged.premaster, &cx.randoms, session);
        if let Some(request) = request {
            let (keys, schemes) = (&config.identity.keys, &request.schemes);
            let signed = certificate_verify(keys, config.parameters, schemes, cx.transcript())?;
            cx.send(kind::CERTIFICATE_VERIFY, |out| out.extend_from_slice(&signed))?;
        }
        let protections = secrets.protections(&cx.randoms);
        cx.finish(Side::Client, &secrets, protections.from_client)?;
        self.state = State::ChangeCipherSpec(secrets, protections.from_server);
        Ok(())
    }
}
