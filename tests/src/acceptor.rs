//! The node's side of TLS of every kind of channel, for servers whose connections a test plays.

use std::sync::Arc;

use amop::Result;
use amop::transport::{
    BoxedStream, Credentials, EngineAcceptor, EngineMode, KeyClass, KeyExchange, NodeAcceptor, RsaDecryptor,
    Socket, engine_identity,
};
use rsa::pkcs8::DecodePrivateKey;
use tokio::net::TcpStream;
use zeroize::Zeroizing;

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
    pub fn new(credentials: &Credentials) -> Result<ChannelAcceptor> {
        match credentials.key_class() {
            KeyClass::Ec => {
                Ok(ChannelAcceptor::Ecdhe(NodeAcceptor::new(credentials, &[KeyExchange::Secp256k1])?))
            }
            KeyClass::Rsa => ChannelAcceptor::engine(EngineMode::StaticRsa, credentials),
            KeyClass::Gm => ChannelAcceptor::engine(EngineMode::GmTls12, credentials),
        }
    }

    /// Returns an acceptor that speaks TLCP, as 3.x nodes of SM chains do.
    pub fn tlcp(credentials: &Credentials) -> Result<ChannelAcceptor> {
        ChannelAcceptor::engine(EngineMode::Tlcp, credentials)
    }

    fn engine(mode: EngineMode, credentials: &Credentials) -> Result<ChannelAcceptor> {
        let key = rsa::PrivateKey::from_pkcs8_der(credentials.key_der()).ok();
        let decryptor = key.map(|key| Arc::new(NodeKey(key)) as Arc<dyn RsaDecryptor>);
        let identity = engine_identity(credentials)?;
        let acceptor = EngineAcceptor::new(mode, identity, credentials.ca(), true, decryptor)?;
        Ok(ChannelAcceptor::Engine(acceptor))
    }

    /// Does the node's handshake over `tcp`.
    pub async fn accept(&self, tcp: TcpStream) -> Result<BoxedStream> {
        match self {
            ChannelAcceptor::Ecdhe(acceptor) => acceptor.accept(tcp).await,
            ChannelAcceptor::Engine(acceptor) => acceptor.accept(Socket::from(tcp)).await,
        }
    }
}

/// A node's RSA key.
struct NodeKey(rsa::PrivateKey);

impl RsaDecryptor for NodeKey {
    fn decrypt(&self, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.0.decrypt(rsa::Pkcs1v15Encrypt, ciphertext).ok().map(Zeroizing::new)
    }
}
