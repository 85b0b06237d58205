//! Identities from recorded key files, random bytes by script, and two connections that talk to each other.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rsa::Pkcs1v15Encrypt;
use rsa::pkcs8::DecodePrivateKey;
use zeroize::Zeroizing;

use super::super::client::ClientConfig;
use super::super::connection::Connection;
use super::super::exchange::RsaDecryptor;
use super::super::fault::Fault;
use super::super::identity::EngineIdentity;
use super::super::mode::EngineMode;
use super::super::peer::{ChainJudge, JudgePeer, PeerKeys, PeerRole};
use super::super::random::{Random, SystemRandom};
use super::super::rsa as rsa_key_exchange;
use super::super::server::ServerConfig;
use super::super::sm2;
use super::super::suite::{RSA_AES_256_GCM, SM2_AGREEMENT, SM2_ENCRYPTION, Suite};
use crate::transport::certificate::ParsedCertificate;
use crate::transport::tls::chain::TrustedRoots;

pub(super) const RSA: &[&Suite] = &[&RSA_AES_256_GCM];
pub(super) const AGREEMENT: &[&Suite] = &[&SM2_AGREEMENT];
pub(super) const ENCRYPTION: &[&Suite] = &[&SM2_ENCRYPTION];

/// Every mode with every key exchange.
pub(super) const MODES: [(EngineMode, &[&Suite]); 5] = [
    (EngineMode::StaticRsa, RSA),
    (EngineMode::GmTls12, AGREEMENT),
    (EngineMode::GmTls12, ENCRYPTION),
    (EngineMode::Tlcp, AGREEMENT),
    (EngineMode::Tlcp, ENCRYPTION),
];

/// Reads a file of `tests/vectors/tls`.
pub(super) fn vector_file(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/tls").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(super) fn certificates(name: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(&vector_file(name)).map(Result::unwrap).collect()
}

pub(super) fn key(name: &str) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(&vector_file(name)).unwrap()
}

/// A moment in 2027, when all recorded certificates are valid.
pub(super) fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000))
}

/// One of the two sides, whose files are named after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Node,
    Sdk,
}

impl Owner {
    fn name(self) -> &'static str {
        match self {
            Owner::Node => "node",
            Owner::Sdk => "sdk",
        }
    }
}

/// Returns the recorded identity of `owner`.
pub(super) fn identity(mode: EngineMode, owner: Owner) -> EngineIdentity {
    let name = owner.name();
    let (sign, encryption) = match mode {
        EngineMode::StaticRsa => {
            let files = [format!("keys/rsa/{name}.crt"), format!("keys/rsa/{name}.key")];
            return EngineIdentity::rsa_from_parts(&certificates(&files[0]), key(&files[1]).secret_der());
        }
        EngineMode::GmTls12 => (format!("keys/gm2/{name}/gm{name}"), format!("keys/gm2/{name}/gmen{name}")),
        EngineMode::Tlcp => (format!("keys/gm3/sm_{name}"), format!("keys/gm3/sm_en{name}")),
    };
    EngineIdentity::sm2(
        &certificates(&format!("{sign}.crt")),
        key(&format!("{sign}.key")).secret_der(),
        &certificates(&format!("{encryption}.crt")),
        key(&format!("{encryption}.key")).secret_der(),
    )
    .unwrap()
}

/// Returns a judge that trusts the recorded CA.
pub(super) fn judge(mode: EngineMode, role: PeerRole) -> ChainJudge {
    let file = match mode {
        EngineMode::StaticRsa => "keys/rsa/ca.crt",
        EngineMode::GmTls12 => "keys/gm2/gmca.crt",
        EngineMode::Tlcp => "keys/gm3/sm_ca.crt",
    };
    let roots: Vec<_> = certificates(file).iter().map(|der| ParsedCertificate::parse(der).unwrap()).collect();
    ChainJudge {
        roots: TrustedRoots::new(&roots).unwrap(),
        role,
        is_rsa: mode == EngineMode::StaticRsa,
        issuer: None,
        now,
    }
}

/// The recorded node's RSA key.
pub(super) struct NodeKey;

impl RsaDecryptor for NodeKey {
    fn decrypt(&self, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = rsa::PrivateKey::from_pkcs8_der(key("keys/rsa/node.key").secret_der()).unwrap();
        key.decrypt(Pkcs1v15Encrypt, ciphertext).ok().map(Zeroizing::new)
    }
}

/// Random bytes that are given in advance, each piece for one call.
pub(super) struct Script {
    pieces: Mutex<VecDeque<Vec<u8>>>,
    /// Whether more are drawn from the system afterwards.
    goes_on: bool,
}

impl Script {
    pub(super) fn new(pieces: impl IntoIterator<Item = Vec<u8>>) -> Script {
        Script { pieces: Mutex::new(pieces.into_iter().collect()), goes_on: false }
    }

    pub(super) fn then_system(pieces: impl IntoIterator<Item = Vec<u8>>) -> Script {
        Script { goes_on: true, ..Script::new(pieces) }
    }
}

impl Random for Script {
    fn fill(&self, out: &mut [u8]) -> Result<(), Fault> {
        match self.pieces.lock().unwrap().pop_front() {
            Some(next) => out.copy_from_slice(&next),
            None if self.goes_on => SystemRandom.fill(out)?,
            None => panic!("the script has another piece"),
        }
        Ok(())
    }
}

pub(super) fn client_config(mode: EngineMode) -> ClientConfig {
    ClientConfig {
        parameters: mode.parameters(),
        suites: mode.parameters().suites,
        identity: identity(mode, Owner::Sdk),
        judge: Arc::new(judge(mode, PeerRole::Node)),
        random: Arc::new(SystemRandom),
        exchanged: None,
    }
}

pub(super) fn server_config(mode: EngineMode) -> ServerConfig {
    ServerConfig {
        parameters: mode.parameters(),
        identity: identity(mode, Owner::Node),
        judge: Arc::new(judge(mode, PeerRole::Client)),
        decryptor: (mode == EngineMode::StaticRsa).then(|| Arc::new(NodeKey) as Arc<dyn RsaDecryptor>),
        random: Arc::new(SystemRandom),
        premaster: None,
    }
}

/// Passes all that `from` has to send to `to`. Returns whether there was anything.
pub(super) fn pass(from: &mut Connection, to: &mut Connection) -> bool {
    let sent = std::mem::take(from.output());
    to.input().extend_from_slice(&sent);
    !sent.is_empty()
}

/// Does the handshake of two connections.
pub(super) fn shake(client: &mut Connection, server: &mut Connection) -> Result<(), Fault> {
    while pass(client, server) | pass(server, client) {
        server.advance()?;
        client.advance()?;
    }
    Ok(())
}

/// Returns two connections that are open.
pub(super) fn open(client: ClientConfig, server: ServerConfig) -> (Connection, Connection) {
    let mut client = Connection::client(Arc::new(client)).unwrap();
    let mut server = Connection::server(Arc::new(server));
    shake(&mut client, &mut server).unwrap();
    assert!(client.is_open() && server.is_open());
    (client, server)
}

/// Sends `data` in one record and returns what arrives.
pub(super) fn carry(from: &mut Connection, to: &mut Connection, data: &[u8]) -> Vec<u8> {
    from.send(|out| out.extend_from_slice(data)).unwrap();
    pass(from, to);
    to.advance().unwrap();
    let arrived = to.data().to_vec();
    to.consume(arrived.len());
    arrived
}

/// Splits bytes into records.
pub(super) fn records(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let (record, rest) = bytes.split_at(5 + usize::from(u16::from_be_bytes([bytes[3], bytes[4]])));
        records.push(record.to_vec());
        bytes = rest;
    }
    records
}

/// Returns a record without protection.
pub(super) fn record(mode: EngineMode, kind: u8, content: &[u8]) -> Vec<u8> {
    let [major, minor] = mode.parameters().version;
    let [high, low] = (content.len() as u16).to_be_bytes();
    [&[kind, major, minor, high, low], content].concat()
}

/// Checks that a connection has failed: it sends the alert last, accepts nothing more and carries no data.
pub(super) fn assert_is_dead(connection: &mut Connection, fault: &Fault) {
    assert!(!connection.is_open());
    let sent = records(connection.output());
    assert_eq!(sent.last().is_some_and(|last| last[0] == 21), fault.alert.is_some(), "{fault:?}");
    connection.output().clear();
    connection.input().extend_from_slice(&[22, 3, 3, 0, 1, 0]);
    assert!(connection.advance().is_err() && connection.send(|_| {}).is_err());
    assert!(connection.output().is_empty());
}

/// Encrypts a premaster secret for the recorded node, as a ClientKeyExchange has it.
pub(super) fn encrypt_to_node(mode: EngineMode, premaster: &[u8]) -> Vec<u8> {
    match judge(mode, PeerRole::Node).judge(&identity(mode, Owner::Node).certificates).ok().unwrap() {
        PeerKeys::Rsa(key) => rsa_key_exchange::encrypt(&key, premaster, &SystemRandom).unwrap(),
        PeerKeys::Sm2(keys) => sm2::encrypt(&keys.encryption.unwrap().key, premaster, &SystemRandom).unwrap(),
    }
}
