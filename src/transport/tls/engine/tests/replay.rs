//! Recorded handshakes, done again with the same random bytes.

use std::sync::Arc;

use super::super::codec::kind;
use super::super::connection::{Connection, Progress};
use super::super::context::Context;
use super::super::exchange::Exchanged;
use super::super::mode::EngineMode;
use super::super::random::SystemRandom;
use super::super::schedule::{Secrets, Side};
use super::super::suite::{RSA_AES_256_GCM, SM2_AGREEMENT, SM2_ENCRYPTION};
use super::fixture::*;
use super::recording::{ALL, Recorded, Recording};

/// Feeds records until one has an effect other than being stored.
fn feed(connection: &mut Connection, record: &[u8]) -> Progress {
    connection.input().extend_from_slice(record);
    connection.advance().unwrap_or_else(|fault| panic!("{fault}"))
}

#[test]
fn recorded_secrets_are_derived() {
    for recorded in &ALL {
        let (recording, randoms) = (recorded.load(), recorded.randoms());
        let secrets = Secrets::derive(recorded.suite, &recorded.premaster(), &randoms, None);
        assert_eq!(secrets.master()[..], recording.one("master"), "{}", recorded.file);
        let block = recording.one("key block");
        assert_eq!(secrets.key_block(&randoms, block.len())[..], block, "{}", recorded.file);

        // The order of the messages on the wire, each side's Finished last.
        let client = recording.all("client message");
        let server = recording.all("server message");
        let (server_finished, server_flight) = server.split_last().unwrap();
        let (client_finished, client_flight) = client[1..].split_last().unwrap();
        let mut transcript = [client[0].clone(), server_flight.concat(), client_flight.concat()].concat();
        assert_eq!(secrets.finished(Side::Client, &transcript), client_finished[4..]);
        transcript.extend_from_slice(client_finished);
        assert_eq!(secrets.finished(Side::Server, &transcript), server_finished[4..]);
    }
}

/// The random bytes that the client drew, with `padding` those of RSA's padding.
fn drawn(recorded: &Recorded, padding: Vec<u8>) -> Vec<Vec<u8>> {
    let recording = recorded.load();
    let mut drawn = vec![recorded.randoms().client.to_vec()];
    match recorded.suite {
        suite if *suite == RSA_AES_256_GCM => drawn.extend([recorded.premaster()[2..].to_vec(), padding]),
        suite if *suite == SM2_AGREEMENT => drawn.push(recording.one("client ephemeral scalar")),
        _ => {}
    }
    if recorded.mode != EngineMode::StaticRsa {
        // The initialisation vector of the record with the Finished message.
        drawn.push(recorded.finished_record()[5..21].to_vec());
    }
    drawn
}

/// Returns the padding in the recorded ClientKeyExchange.
fn recorded_padding(recording: &Recording) -> Vec<u8> {
    use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
    use crypto_bigint::{BoxedUint, Odd};
    use rsa::pkcs8::DecodePrivateKey;
    use rsa::traits::{PrivateKeyParts, PublicKeyParts};

    let node = rsa::PrivateKey::from_pkcs8_der(key("keys/rsa/node.key").secret_der()).unwrap();
    let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, 2048).unwrap();
    let modulus = Odd::new(number(&node.n().as_ref().to_be_bytes())).unwrap();
    let encrypted = number(&recording.message("client", kind::CLIENT_KEY_EXCHANGE)[6..]);
    let base = BoxedMontyForm::new(encrypted, &BoxedMontyParams::new(modulus));
    let padded = base.pow(&number(&node.d().to_be_bytes())).retrieve().to_be_bytes();
    assert_eq!((padded[..2].to_vec(), padded[256 - 49]), (vec![0, 2], 0));
    padded[2..256 - 49].to_vec()
}

#[test]
fn client_repeats_recorded_handshakes_byte_for_byte() {
    for recorded in &ALL {
        let recording = recorded.load();
        let mut config = recorded.client_config();
        let padding =
            if recorded.mode == EngineMode::StaticRsa { recorded_padding(&recording) } else { Vec::new() };
        config.random = Arc::new(Script::new(drawn(recorded, padding)));
        if *recorded.suite == SM2_ENCRYPTION {
            // The random number of the recorded encryption can't be found out.
            let message = recording.message("client", kind::CLIENT_KEY_EXCHANGE)[4..].to_vec();
            config.exchanged = Some(Exchanged { message, premaster: recorded.premaster() });
        }
        let mut client = Connection::client(Arc::new(config)).unwrap();
        let hello = recording.message("client", kind::CLIENT_HELLO);
        assert_eq!(std::mem::take(client.output())[5..], hello, "{}", recorded.file);

        let mut sent = Vec::new();
        let mut data = Vec::new();
        for record in recording.all("server record") {
            let mut progress = feed(&mut client, &record);
            sent.append(client.output());
            while progress == Progress::Data {
                data.extend_from_slice(client.data());
                client.consume(client.data().len());
                progress = client.advance().unwrap();
            }
        }
        assert_eq!(sent, recording.one("client output"), "{}", recorded.file);
        assert!(client.is_open() && client.has_accepted_peer());
        assert_eq!(data, recording.answers(), "{}", recorded.file);
    }
}

#[test]
fn encrypted_premaster_is_the_one_that_the_node_decrypts() {
    for recorded in ALL.iter().filter(|recorded| recorded.suite.exchange != SM2_AGREEMENT.exchange) {
        let recording = recorded.load();
        let mut config = recorded.client_config();
        let drawn = [recorded.randoms().client.to_vec(), recorded.premaster()[2..].to_vec()];
        config.random = Arc::new(Script::then_system(drawn));
        let mut client = Connection::client(Arc::new(config)).unwrap();
        client.output().clear();
        for record in recording.all("server record") {
            client.input().extend_from_slice(&record);
            client.advance().unwrap();
            if !client.output().is_empty() {
                break;
            }
        }
        let sent = records(client.output());
        let exchange = sent.iter().find(|record| record[5] == kind::CLIENT_KEY_EXCHANGE).unwrap();
        let encrypted = &exchange[5 + 4 + 2..];
        let premaster = match recorded.mode {
            EngineMode::StaticRsa => super::super::exchange::RsaDecryptor::decrypt(&NodeKey, encrypted),
            mode => identity(mode, Owner::Node).decrypt_for_test(encrypted),
        };
        assert_eq!(premaster.unwrap()[..], recorded.premaster()[..], "{}", recorded.file);
    }
}

#[test]
fn server_reaches_the_recorded_secrets_and_finished_message() {
    for recorded in &ALL {
        let recording = recorded.load();
        let mut config = server_config(recorded.mode);
        if *recorded.suite == SM2_AGREEMENT {
            // The node's half of the agreement is not known.
            config.premaster = Some(recorded.premaster());
        }
        let mut cx = Context::new(config.parameters, Arc::new(SystemRandom));
        cx.randoms = recorded.randoms();
        cx.record(&recording.message("client", kind::CLIENT_HELLO));
        let server = recording.all("server message");
        cx.record(&server[..server.len() - 1].concat());
        let mut server = Connection::server_after_hello(Arc::new(config), cx, recorded.suite);
        feed(&mut server, &recording.one("client output"));
        assert!(server.is_open() && server.has_accepted_peer(), "{}", recorded.file);
    }
}
