//! The path of a connection until it is a session: the node's [`OnConnect`] setting, then the TLS handshake with the
//! node's certificate, all within the first-byte limit.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use amop::Result;
use amop::transport::{
    Credentials, EngineAcceptor, EngineMode, KeyExchange, RsaDecryptor, Socket, TakenClients,
    engine_identity, server_config,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::chain::{Algorithm, ChainKind};
use crate::counters::NodeCounters;
use crate::faults::OnConnect;
use crate::handshake_stream::{HandshakeStream, TlsOfNode};
use crate::inbound::ChannelInbound;
use crate::options::{Generation, Options};
use crate::resumption::Issued;
use crate::rsa_key::RsaKey;
use crate::session::serve;
use crate::session_guard::{SessionContext, SessionGuard};
use crate::websocket::WebSocketInbound;
use crate::wire::{Opaque, Wire};

/// Bytes that are not the beginning of a TLS record.
const GARBAGE: &[u8] = b"\xff\x00garbage\xff\x00garbage\xff\x00garbage\xff\x00garbage";

/// What protects the connections of a node.
#[derive(Clone)]
pub(crate) enum Security {
    /// TLS with ECDHE, by rustls.
    Ecdhe {
        acceptor: TlsAcceptor,
        tls: TlsOfNode,
        /// The TLS sessions that the node has issued and refuses to resume, or `None` if it issues none.
        issued: Option<Arc<Issued>>,
    },
    /// Static RSA, GM or TLCP, by the library's engine.
    Engine {
        acceptor: EngineAcceptor,
        tls: TlsOfNode,
        /// Whether clients are refused that offer a TLS session. The node issues none.
        issued: Option<Arc<Issued>>,
    },
    /// No protection, so that the frames can be inspected.
    Plain,
}

impl Security {
    /// Returns the TLS configuration of a node of this kind of chain with these credentials: a client certificate is
    /// required. The kind of keys decides the key exchange, as at real nodes: on 2.x chains ECDHE on secp256k1, static RSA,
    /// or both of GM; on 3.x chains ECDHE on other curves, or TLCP.
    pub(crate) fn tls(credentials: &Credentials, kind: ChainKind, options: &Options) -> Result<Security> {
        // Only nodes of 2.x compare issuers. All clients of a 3.x chain have the same one.
        let same_issuer = options.own_agency_only && kind.generation == Generation::V2;
        let issued = options.refuse_resumption.then(|| Arc::new(Issued::default()));
        let (mode, decryptor, tls) = match (kind.generation, kind.algorithm) {
            (Generation::V3, Algorithm::Sm2) => (EngineMode::Tlcp, None, TlsOfNode::Tlcp),
            (Generation::V3, _) => {
                let groups = [KeyExchange::X25519, KeyExchange::P256, KeyExchange::P384];
                return Security::ecdhe(credentials, &groups, same_issuer, issued, TlsOfNode::OfV3);
            }
            (Generation::V2, Algorithm::Secp256k1 | Algorithm::P256) => {
                let groups = [KeyExchange::Secp256k1];
                return Security::ecdhe(credentials, &groups, same_issuer, issued, TlsOfNode::OfV2);
            }
            (Generation::V2, Algorithm::Rsa) => {
                let key: Arc<dyn RsaDecryptor> = Arc::new(RsaKey::of(credentials)?);
                (EngineMode::StaticRsa, Some(key), TlsOfNode::OfV2)
            }
            (Generation::V2, Algorithm::Sm2) => (EngineMode::GmTls12, None, TlsOfNode::OfV2),
        };
        let identity = engine_identity(credentials)?;
        let acceptor = EngineAcceptor::new(mode, identity, credentials.ca(), same_issuer, decryptor)?;
        Ok(Security::Engine { acceptor, tls, issued })
    }

    fn ecdhe(
        credentials: &Credentials,
        groups: &[KeyExchange],
        same_issuer: bool,
        issued: Option<Arc<Issued>>,
        tls: TlsOfNode,
    ) -> Result<Security> {
        let accepted = match same_issuer {
            true => TakenClients::OfTheNodesAgency,
            false => TakenClients::OfTheChain,
        };
        let mut config = server_config(credentials, groups, accepted)?;
        if let Some(issued) = &issued {
            config.session_storage = issued.clone();
            config.ticketer = issued.clone();
        }
        Ok(Security::Ecdhe { acceptor: TlsAcceptor::from(Arc::new(config)), tls, issued })
    }
}

impl std::fmt::Debug for Security {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Security::Ecdhe { .. } => "Ecdhe",
            Security::Engine { .. } => "Engine",
            Security::Plain => "Plain",
        })
    }
}

/// What a node does with new connections. It can be changed while the node runs.
#[derive(Debug)]
pub(crate) struct ConnectionHandler {
    first_byte: Duration,
    nagle: bool,
    choice: Mutex<(OnConnect, Security)>,
    frozen: watch::Sender<bool>,
}

impl ConnectionHandler {
    pub(crate) fn new(security: Security, options: &Options) -> ConnectionHandler {
        ConnectionHandler {
            first_byte: options.first_byte_limit,
            nagle: options.nagle,
            choice: Mutex::new((OnConnect::Serve, security)),
            frozen: watch::Sender::new(false),
        }
    }

    fn choice(&self) -> MutexGuard<'_, (OnConnect, Security)> {
        self.choice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_on_connect(&self, on_connect: OnConnect) {
        self.choice().0 = on_connect;
    }

    pub(crate) fn set_security(&self, security: Security) {
        self.choice().1 = security;
    }

    /// Sets whether new connections wait, because the node is frozen.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }

    /// Sets the options of a new connection.
    fn prepare(&self, tcp: &TcpStream) {
        // Frames are collected before they are written, so that Nagle's algorithm only adds the delay of real nodes. If
        // this fails, the socket is dead and the next read fails too.
        let _ = tcp.set_nodelay(!self.nagle);
    }

    /// Serves a connection until it ends.
    pub(crate) async fn handle(&self, tcp: TcpStream, context: SessionContext) {
        self.prepare(&tcp);
        if self.frozen.subscribe().wait_for(|frozen| !frozen).await.is_err() {
            return;
        }
        let (on_connect, security) = self.choice().clone();
        match on_connect {
            OnConnect::Serve => self.secure(tcp, security, context).await,
            OnConnect::Close => {}
            OnConnect::Reset => Socket::from(tcp).reset_on_close(),
            OnConnect::Stall => discard_input(tcp).await,
            OnConnect::Garbage => {
                let mut tcp = tcp;
                // An error means that the client has disconnected, which needs no handling here.
                let _ = tcp.write_all(GARBAGE).await;
            }
        }
    }

    async fn secure(&self, tcp: TcpStream, security: Security, context: SessionContext) {
        match security {
            Security::Engine { acceptor, tls, issued } => {
                let handshake = async {
                    let mut stream =
                        HandshakeStream::inspect(Socket::from(tcp), tls, issued.as_deref()).await?;
                    // The engine's alerts are those of real nodes already.
                    stream.set_handshake_done();
                    let reset = stream.reset();
                    let stream = acceptor.accept(stream).await.map_err(io::Error::other)?;
                    Ok(Opaque::new(stream, reset))
                };
                self.run_session(handshake, context).await;
            }
            Security::Ecdhe { acceptor, tls, issued } => {
                let handshake = async {
                    let stream = HandshakeStream::inspect(Socket::from(tcp), tls, issued.as_deref()).await?;
                    let reset = stream.reset();
                    let mut stream = acceptor.accept(stream).await?;
                    stream.get_mut().0.set_handshake_done();
                    Ok(Opaque::new(stream, reset))
                };
                self.run_session(handshake, context).await;
            }
            Security::Plain => {
                let first_byte = async {
                    tcp.readable().await?;
                    Ok(Socket::from(tcp))
                };
                self.run_session(first_byte, context).await;
            }
        }
    }

    /// Serves a session on the stream that a handshake returns within the first-byte limit.
    async fn run_session<S: Wire>(
        &self,
        handshake: impl Future<Output = io::Result<S>>,
        context: SessionContext,
    ) {
        match timeout(self.first_byte, handshake).await {
            Ok(Ok(stream)) => {
                if let Some(guard) = SessionGuard::join(context) {
                    serve_session(stream, guard).await;
                }
            }
            Ok(Err(error)) => refused(&context, &error),
            Err(elapsed) => refused(&context, &elapsed),
        }
    }
}

/// Serves a session in the protocol of its node.
pub(crate) async fn serve_session(stream: impl Wire, guard: SessionGuard) {
    let limits = guard.context.limits;
    match guard.context.generation {
        Generation::V2 => serve(stream, ChannelInbound::new(limits), guard).await,
        Generation::V3 => serve(stream, WebSocketInbound::new(limits), guard).await,
    }
}

/// Reads until the client disconnects.
async fn discard_input(mut tcp: TcpStream) {
    let mut bytes = vec![0; 4096];
    while tcp.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
}

fn refused(context: &SessionContext, why: &dyn std::fmt::Display) {
    tracing::debug!(node = context.node, "a connection ended before it was a session: {why}");
    NodeCounters::add(&context.counters.refused, 1);
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn nagle_is_off_unless_real_nodes_are_imitated() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        for nagle in [false, true] {
            let options = Options { nagle, ..Options::default() };
            ConnectionHandler::new(Security::Plain, &options).prepare(&tcp);
            assert_eq!(tcp.nodelay().unwrap(), !nagle);
        }
    }
}
