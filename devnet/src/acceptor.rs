//! The node's side of TLS of every kind of channel, for servers that are no embedded nodes: those whose connections a
//! test plays, and those of the benchmark.

use std::sync::Arc;

use amop::Result;
use amop::transport::{
    BoxedStream, Credentials, EngineAcceptor, EngineMode, KeyClass, KeyExchange, NodeAcceptor, RsaDecryptor,
    Socket, engine_identity,
};
use tokio::net::TcpStream;

use crate::rsa_key::RsaKey;

/// Accepts clients of one chain as its nodes do.
#[derive(Clone, Debug)]
pub enum ChannelAcceptor {
    /// ECDHE, by rustls.
    Ecdhe(NodeAcceptor),
    /// Static RSA, GM or TLCP, by the engine.
    Engine(EngineAcceptor),
}

impl ChannelAcceptor {
    /// Returns an acceptor for the channel of 2.x nodes with this kind of keys: ECDHE on secp256k1, static RSA, or GM
    /// over TLS 1.2.
    ///
    /// # Errors
    /// As [`NodeAcceptor::new`] and [`EngineAcceptor::new`].
    pub fn new(credentials: &Credentials) -> Result<ChannelAcceptor> {
        match credentials.key_class() {
            KeyClass::Ec => {
                Ok(ChannelAcceptor::Ecdhe(NodeAcceptor::new(credentials, &[KeyExchange::Secp256k1])?))
            }
            KeyClass::Rsa => {
                let key: Arc<dyn RsaDecryptor> = Arc::new(RsaKey::of(credentials)?);
                ChannelAcceptor::engine(EngineMode::StaticRsa, credentials, Some(key))
            }
            KeyClass::Gm => ChannelAcceptor::engine(EngineMode::GmTls12, credentials, None),
        }
    }

    /// Returns an acceptor that speaks TLCP, as 3.x nodes of SM chains do.
    ///
    /// # Errors
    /// As [`EngineAcceptor::new`].
    pub fn tlcp(credentials: &Credentials) -> Result<ChannelAcceptor> {
        ChannelAcceptor::engine(EngineMode::Tlcp, credentials, None)
    }

    fn engine(
        mode: EngineMode,
        credentials: &Credentials,
        decryptor: Option<Arc<dyn RsaDecryptor>>,
    ) -> Result<ChannelAcceptor> {
        let identity = engine_identity(credentials)?;
        let acceptor = EngineAcceptor::new(mode, identity, credentials.ca(), true, decryptor)?;
        Ok(ChannelAcceptor::Engine(acceptor))
    }

    /// Does the node's handshake over `tcp`.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Tls`](amop::ErrorKind::Tls) with the reason; the client has received the matching alert.
    pub async fn accept(&self, tcp: TcpStream) -> Result<BoxedStream> {
        match self {
            ChannelAcceptor::Ecdhe(acceptor) => acceptor.accept(tcp).await,
            ChannelAcceptor::Engine(acceptor) => {
                // As in `dial`: the layers above gather what they write.
                let _ = tcp.set_nodelay(true);
                acceptor.accept(Socket::from(tcp)).await
            }
        }
    }
}
