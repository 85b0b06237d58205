//! What `fuzz/` calls: both roles with any bytes from the peer, and records.
//!
//! Certificates are not judged, and random bytes are fixed, so that recorded messages lead far into the handshake.

use std::sync::{Arc, LazyLock, Mutex};

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, PrivateKeyDer};

use super::super::chain::Refusal;
use super::cbc::Cbc;
use super::client::ClientConfig;
use super::connection::{Connection, Progress};
use super::context::Context;
use super::exchange::RsaDecryptor;
use super::fault::Fault;
use super::gcm::Gcm;
use super::identity::EngineIdentity;
use super::mode::EngineMode;
use super::peer::{Encryption, JudgePeer, PeerKeys, Sm2Keys};
use super::random::Random;
use super::record::{Direction, HEADER, MAX_PLAIN, Protection, content};
use super::schedule::{Premaster, Randoms};
use super::server::ServerConfig;
use super::sm2;
use super::suite::{RSA_AES_256_GCM, SM2_AGREEMENT, SM2_ENCRYPTION, Suite};
use crate::transport::certificate::ParsedCertificate;

/// A recorded connection, see `tests/vectors/tls`.
struct Recording {
    mode: EngineMode,
    suite: &'static Suite,
    text: &'static str,
    node: PeerKeys,
    sdk: PeerKeys,
    node_identity: EngineIdentity,
    sdk_identity: EngineIdentity,
}

/// The content of a file of `tests/vectors/tls`.
macro_rules! vector {
    ($($part:literal),*) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/tls/", $($part),*))
    };
}

/// The certificates and keys of one side.
macro_rules! owner {
    ($sign:literal, $encryption:literal) => {
        sm2_owner(
            [vector!("keys/", $sign, ".crt"), vector!("keys/", $sign, ".key")],
            [vector!("keys/", $encryption, ".crt"), vector!("keys/", $encryption, ".key")],
        )
    };
    ($rsa:literal) => {
        rsa_owner([vector!("keys/", $rsa, ".crt"), vector!("keys/", $rsa, ".key")])
    };
}

type Owner = (EngineIdentity, PeerKeys);

fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap).collect()
}

fn key(pem: &str) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn bits(certificate: &CertificateDer<'_>) -> Vec<u8> {
    ParsedCertificate::parse(certificate).unwrap().key.bits
}

fn rsa_owner([certificate, key_pem]: [&str; 2]) -> Owner {
    let chain = certificates(certificate);
    let keys = PeerKeys::Rsa(bits(&chain[0]));
    (EngineIdentity::rsa_from_parts(&chain, key(key_pem).secret_der()), keys)
}

fn sm2_owner(sign: [&str; 2], encryption: [&str; 2]) -> Owner {
    let chains = [certificates(sign[0]), certificates(encryption[0])];
    let point = |chain: &[CertificateDer<'_>]| sm2::point(&bits(&chain[0])).unwrap();
    let shown = Encryption { key: point(&chains[1]), certificate: chains[1][0].clone() };
    let keys = PeerKeys::Sm2(Box::new(Sm2Keys { sign: point(&chains[0]), encryption: Some(shown) }));
    let (sign_key, encryption_key) = (key(sign[1]), key(encryption[1]));
    let identity =
        EngineIdentity::sm2(&chains[0], sign_key.secret_der(), &chains[1], encryption_key.secret_der());
    (identity.unwrap(), keys)
}

/// The recordings, in the order that the corpus of `scripts/fuzz.sh` numbers them.
static RECORDINGS: LazyLock<[Recording; 5]> = LazyLock::new(|| {
    let rsa = || (owner!("rsa/node"), owner!("rsa/sdk"));
    let gm2 = || (owner!("gm2/node/gmnode", "gm2/node/gmennode"), owner!("gm2/sdk/gmsdk", "gm2/sdk/gmensdk"));
    let gm3 = || (owner!("gm3/sm_node", "gm3/sm_ennode"), owner!("gm3/sm_sdk", "gm3/sm_ensdk"));
    let recording = |mode, suite, text, ((node_identity, node), (sdk_identity, sdk)): (Owner, Owner)| {
        Recording { mode, suite, text, node_identity, node, sdk_identity, sdk }
    };
    [
        recording(EngineMode::StaticRsa, &RSA_AES_256_GCM, vector!("rsa-2x.txt"), rsa()),
        recording(EngineMode::GmTls12, &SM2_AGREEMENT, vector!("gm-2x-e011.txt"), gm2()),
        recording(EngineMode::GmTls12, &SM2_ENCRYPTION, vector!("gm-2x-e013.txt"), gm2()),
        recording(EngineMode::Tlcp, &SM2_ENCRYPTION, vector!("tlcp-3x-e013.txt"), gm3()),
        recording(EngineMode::Tlcp, &SM2_AGREEMENT, vector!("tlcp-tongsuo-e011.txt"), gm3()),
    ]
});

impl Recording {
    /// Returns all values with a label.
    fn all(&self, label: &str) -> Vec<Vec<u8>> {
        let values = self.text.lines().filter_map(|line| line.strip_prefix(label)?.strip_prefix(": "));
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        values.map(|value| value.as_bytes().chunks(2).map(byte).collect()).collect()
    }

    /// Returns the random bytes in the first message of a side.
    fn random(&self, label: &str) -> [u8; 32] {
        self.all(label)[0][6..38].try_into().unwrap()
    }

    fn premaster(&self) -> Premaster {
        Premaster::new(self.all("premaster")[0][..].try_into().unwrap())
    }
}

/// Accepts everything, as a peer with fixed keys.
struct AcceptAll(PeerKeys);

impl JudgePeer for AcceptAll {
    fn judge(&self, _: &[CertificateDer<'_>]) -> Result<PeerKeys, Refusal> {
        Ok(self.0.clone())
    }
}

/// The random bytes of a recorded hello message, then always the same byte.
struct Fixed(Mutex<Option<[u8; 32]>>);

impl Random for Fixed {
    fn fill(&self, out: &mut [u8]) -> Result<(), Fault> {
        out.fill(0x5a);
        if let Some(first) = self.0.lock().unwrap().take() {
            out[..32].copy_from_slice(&first);
        }
        Ok(())
    }
}

/// The embedded node's decryptor, for ciphertexts that are never right.
struct NoKey;

impl RsaDecryptor for NoKey {
    fn decrypt(&self, _: &[u8]) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        None
    }
}

/// Feeds bytes in pieces until the connection fails or is closed.
fn feed(mut connection: Connection, piece: u8, bytes: &[u8]) {
    connection.output().clear();
    for piece in bytes.chunks(usize::from(piece).max(1) * 8) {
        connection.input().extend_from_slice(piece);
        loop {
            match connection.advance() {
                Ok(Progress::NeedsInput) => break,
                Ok(Progress::Data) => connection.consume(connection.data().len()),
                Ok(Progress::Closed) => return,
                Err(fault) => {
                    assert!(!connection.is_open() || connection.send(|_| {}).is_err());
                    assert!(connection.output().is_empty() || fault.alert.is_some());
                    return;
                }
            }
        }
        // What is sent is bounded by what was received.
        assert!(connection.output().len() < 32 * 1024);
        connection.output().clear();
    }
}

/// A client that receives any bytes. The first byte selects a recording, the second the size of the pieces.
pub fn client(input: &[u8]) {
    let &[choice, piece, ref bytes @ ..] = input else { return };
    let recording = &RECORDINGS[usize::from(choice) % RECORDINGS.len()];
    let parameters = recording.mode.parameters();
    let config = ClientConfig {
        parameters,
        suites: parameters.suites,
        identity: recording.sdk_identity.clone(),
        judge: Arc::new(AcceptAll(recording.node.clone())),
        random: Arc::new(Fixed(Mutex::new(Some(recording.random("client message"))))),
        exchanged: None,
    };
    feed(Connection::client(Arc::new(config)).unwrap(), piece, bytes);
}

/// A server that receives any bytes: from the ClientHello on, or after a recorded one. The first byte selects a
/// recording, the second the size of the pieces.
pub fn server(input: &[u8]) {
    let &[choice, piece, ref bytes @ ..] = input else { return };
    let recording = &RECORDINGS[usize::from(choice) % RECORDINGS.len()];
    let is_after_hello = usize::from(choice) % (2 * RECORDINGS.len()) < RECORDINGS.len();
    let parameters = recording.mode.parameters();
    let config = Arc::new(ServerConfig {
        parameters,
        identity: recording.node_identity.clone(),
        judge: Arc::new(AcceptAll(recording.sdk.clone())),
        decryptor: Some(Arc::new(NoKey)),
        random: Arc::new(Fixed(Mutex::new(None))),
        premaster: is_after_hello.then(|| recording.premaster()),
    });
    if !is_after_hello {
        return feed(Connection::server(config), piece, bytes);
    }
    let mut cx = Context::new(parameters, config.random.clone());
    cx.randoms =
        Randoms { client: recording.random("client message"), server: recording.random("server message") };
    cx.record(&recording.all("client message")[0]);
    let messages = recording.all("server message");
    cx.record(&messages[..messages.len() - 1].concat());
    feed(Connection::server_after_hello(config, cx, recording.suite), piece, bytes);
}

/// Records: any bytes are refused or opened without a panic, and what is sealed is opened unless a bit changes. The
/// first byte selects the cipher, the second and third the bit.
pub fn records(input: &[u8]) {
    let &[choice, high, low, ref bytes @ ..] = input else { return };
    let direction = || {
        let mut direction = Direction::new([3, 3]);
        direction.protect(match choice % 3 {
            0 => Protection::Gcm(Box::new(Gcm::new(&[7; 16], &[9; 4]))),
            1 => Protection::Gcm(Box::new(Gcm::new(&[7; 32], &[9; 4]))),
            _ => Protection::Cbc(Box::new(Cbc::new(&[7; 16], &[9; 32]))),
        });
        direction
    };
    let _ = direction().open(content::APPLICATION_DATA, &mut bytes.to_vec());

    let plain = &bytes[..bytes.len().min(MAX_PLAIN)];
    let random = Fixed(Mutex::new(None));
    let mut record = Vec::new();
    let fill = |out: &mut Vec<u8>| out.extend_from_slice(plain);
    direction().seal(content::APPLICATION_DATA, &mut record, &random, fill).unwrap();
    let mut body = record.split_off(HEADER);
    let mut changed = body.clone();
    let bit = usize::from(u16::from_be_bytes([high, low])) % (8 * changed.len());
    changed[bit / 8] ^= 1 << (bit % 8);
    assert!(direction().open(content::APPLICATION_DATA, &mut changed).is_err());
    let opened = direction().open(content::APPLICATION_DATA, &mut body).unwrap();
    assert_eq!(&body[opened], plain);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scripts/fuzz.sh` starts from the same inputs.
    #[test]
    fn recorded_handshakes_pass_through_the_fuzzed_functions() {
        for (number, recording) in (0u8..).zip(&*RECORDINGS) {
            for piece in [1, 255] {
                let start = [number, piece];
                let from_server = recording.all("server record").concat();
                client(&[&start[..], &from_server].concat());
                let from_client = recording.all("client output").concat();
                server(&[&start[..], &from_client].concat());
                let hello = &recording.all("client message")[0];
                let length = (hello.len() as u16).to_be_bytes();
                let record = [&[content::HANDSHAKE, hello[4], hello[5]], &length[..], hello].concat();
                server(&[&[number + 5, piece][..], &record].concat());
                records(&[&[number, 0, piece][..], &from_server].concat());
            }
        }
    }
}
