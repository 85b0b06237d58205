//! Recorded handshakes with bytes changed, removed and added: nothing panics, and nothing opens.
//!
//! `AMOP_TLS_MUTATIONS` sets how many of each recording are tried, `scripts/test-deep-rust.sh` many.

use std::sync::Arc;

use pki_types::CertificateDer;

use super::super::codec::kind;
use super::super::connection::{Connection, Progress};
use super::super::context::Context;
use super::super::exchange::Exchanged;
use super::super::mode::EngineMode;
use super::super::peer::{JudgePeer, PeerKeys, PeerRole};
use super::super::record::content;
use super::fixture::*;
use super::recording::{ALL, unhex};
use crate::transport::tls::chain::Refusal;

/// How many changed handshakes of each recording are tried in each role.
fn rounds() -> u64 {
    std::env::var("AMOP_TLS_MUTATIONS").map_or(300, |number| number.parse().expect("a number"))
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// A small generator, so that a failure can be repeated.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// Changes `bytes` in one to four places, or cuts them off.
fn mutate(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len());
        match numbers.below(5) {
            0 => bytes[at] = numbers.below(256) as u8,
            1 => bytes[at] ^= 1 << numbers.below(8),
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, numbers.below(256) as u8),
            _ => {
                let (from, length) = (numbers.below(bytes.len()), numbers.below(40));
                let copied = bytes[from..].iter().copied().take(length).collect::<Vec<_>>();
                bytes.splice(at..at, copied);
            }
        }
        if bytes.is_empty() {
            return;
        }
    }
    if numbers.below(16) == 0 {
        bytes.truncate(numbers.below(bytes.len()));
    }
}

/// Accepts any certificates as the recorded ones: checking chains takes most of the time, and is tested elsewhere.
struct AcceptAll(PeerKeys);

impl JudgePeer for AcceptAll {
    fn judge(&self, _: &[CertificateDer<'_>]) -> Result<PeerKeys, Refusal> {
        Ok(self.0.clone())
    }
}

impl AcceptAll {
    fn new(mode: EngineMode, role: PeerRole) -> Arc<AcceptAll> {
        let owner = if role == PeerRole::Node { Owner::Node } else { Owner::Sdk };
        let keys = judge(mode, role).judge(&identity(mode, owner).certificates);
        Arc::new(AcceptAll(keys.ok().unwrap()))
    }
}

/// Feeds bytes in pieces. Returns whether the connection has opened.
fn opens(connection: &mut Connection, bytes: &[u8], numbers: &mut Numbers) -> bool {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at((1 + numbers.below(900)).min(rest.len()));
        rest = after;
        connection.input().extend_from_slice(piece);
        match connection.advance() {
            Ok(Progress::NeedsInput) => {}
            Ok(Progress::Closed) | Err(_) => break,
            Ok(Progress::Data) => panic!("data arrived"),
        }
        connection.output().clear();
    }
    connection.is_open()
}

#[test]
fn client_never_opens_on_a_changed_handshake() {
    for recorded in &ALL {
        let recording = recorded.load();
        let mut config = recorded.client_config();
        config.judge = AcceptAll::new(recorded.mode, PeerRole::Node);
        let message = recording.message("client", kind::CLIENT_KEY_EXCHANGE)[4..].to_vec();
        config.exchanged = Some(Exchanged { message, premaster: recorded.premaster() });
        let records = recording.all("server record");
        // The record after ChangeCipherSpec is the last of the handshake.
        let end = records.iter().position(|record| record[0] == content::CHANGE_CIPHER_SPEC).unwrap() + 2;
        let original = records[..end].concat();
        let mut numbers = Numbers(SEED);
        for round in 0..rounds() {
            let mut bytes = original.clone();
            if round > 0 {
                mutate(&mut bytes, &mut numbers);
            }
            config.random = Arc::new(Script::then_system([recorded.randoms().client.to_vec()]));
            let mut client = Connection::client(Arc::new(config.clone())).unwrap();
            client.output().clear();
            let has_opened = opens(&mut client, &bytes, &mut numbers);
            assert_eq!(has_opened, bytes.starts_with(&original), "{} round {round}", recorded.file);
        }
    }
}

#[test]
fn server_never_opens_on_a_changed_handshake() {
    for recorded in &ALL {
        let recording = recorded.load();
        let mut config = server_config(recorded.mode);
        config.judge = AcceptAll::new(recorded.mode, PeerRole::Client);
        config.premaster = Some(recorded.premaster());
        let config = Arc::new(config);
        let server = recording.all("server message");
        let before =
            [recording.message("client", kind::CLIENT_HELLO), server[..server.len() - 1].concat()].concat();
        let randoms = recorded.randoms();
        let original = recording.one("client output");
        let mut numbers = Numbers(SEED);
        for round in 0..rounds() {
            let mut bytes = original.clone();
            if round > 0 {
                mutate(&mut bytes, &mut numbers);
            }
            let mut cx = Context::new(config.parameters, config.random.clone());
            cx.randoms = randoms;
            cx.record(&before);
            let mut server = Connection::server_after_hello(config.clone(), cx, recorded.suite);
            let has_opened = opens(&mut server, &bytes, &mut numbers);
            assert_eq!(has_opened, bytes.starts_with(&original), "{} round {round}", recorded.file);
        }
    }
}

#[test]
fn changed_first_message_of_an_official_sdk_breaks_nothing() {
    let text = String::from_utf8(vector_file("official-hellos.txt")).unwrap();
    for (label, mode) in [
        ("gm2 hello: ", EngineMode::GmTls12),
        ("rsa hello: ", EngineMode::StaticRsa),
        ("tlcp hello: ", EngineMode::Tlcp),
    ] {
        let hello = unhex(text.lines().find_map(|line| line.strip_prefix(label)).unwrap());
        let original = record(mode, content::HANDSHAKE, &hello);
        let config = Arc::new(server_config(mode));
        let mut numbers = Numbers(SEED);
        for _ in 0..rounds() {
            let mut bytes = original.clone();
            mutate(&mut bytes, &mut numbers);
            let mut server = Connection::server(config.clone());
            assert!(!opens(&mut server, &bytes, &mut numbers));
        }
    }
}
