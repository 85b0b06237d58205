//! Clients that misbehave, and the first messages of official SDKs, at the engine's server.

use std::sync::Arc;

use super::super::client::ClientConfig;
use super::super::codec::{Reader, kind, vector};
use super::super::connection::Connection;
use super::super::exchange::Exchanged;
use super::super::fault::{Cause, Fault};
use super::super::mode::EngineMode;
use super::super::record::content;
use super::super::schedule::Premaster;
use super::super::suite::{SM2_AGREEMENT, Suite};
use super::fixture::*;
use super::recording::unhex;

fn alert(fault: &Fault) -> u8 {
    fault.alert.unwrap().0
}

fn client(mode: EngineMode, suites: &'static [&'static Suite]) -> ClientConfig {
    let mut config = client_config(mode);
    config.suites = suites;
    config
}

/// Does a handshake that the server must refuse.
fn refused(config: ClientConfig, mode: EngineMode) -> Fault {
    let mut client = Connection::client(Arc::new(config)).unwrap();
    let mut server = Connection::server(Arc::new(server_config(mode)));
    while pass(&mut client, &mut server) {
        if let Err(fault) = server.advance() {
            assert_is_dead(&mut server, &fault);
            return fault;
        }
        pass(&mut server, &mut client);
        client.advance().unwrap();
    }
    panic!("the handshake was not refused");
}

/// Returns a server that waits for the client's answer, and the records of that answer.
fn answered(mode: EngineMode, suites: &'static [&'static Suite]) -> (Connection, Vec<Vec<u8>>) {
    let mut client = Connection::client(Arc::new(client(mode, suites))).unwrap();
    let mut server = Connection::server(Arc::new(server_config(mode)));
    pass(&mut client, &mut server);
    server.advance().unwrap();
    pass(&mut server, &mut client);
    client.advance().unwrap();
    (server, records(&std::mem::take(client.output())))
}

fn refuses(server: &mut Connection, bytes: &[u8]) -> Fault {
    server.input().extend_from_slice(bytes);
    let fault = server.advance().unwrap_err();
    assert_is_dead(server, &fault);
    fault
}

/// Returns the version and the suite in the ServerHello that answers a ClientHello.
fn choice(mode: EngineMode, record_version: [u8; 2], hello: &[u8]) -> Result<(u16, u16), u8> {
    let mut server = Connection::server(Arc::new(server_config(mode)));
    let mut bytes = record(mode, content::HANDSHAKE, hello);
    bytes[1..3].copy_from_slice(&record_version);
    server.input().extend_from_slice(&bytes);
    server.advance().map_err(|fault| alert(&fault))?;
    let sent = records(server.output());
    let mut reader = Reader::new(&sent[0][9..]);
    let version = reader.u16().unwrap();
    reader.take(32).unwrap();
    reader.vector8().unwrap();
    Ok((version, reader.u16().unwrap()))
}

/// Returns a ClientHello.
fn hello(version: [u8; 2], suites: &[u16], compression: &[u8], extensions: &[u8]) -> Vec<u8> {
    let mut message = vec![kind::CLIENT_HELLO];
    vector::<3>(&mut message, |out| {
        out.extend_from_slice(&version);
        out.extend_from_slice(&[7; 32]);
        out.push(0);
        vector::<2>(out, |out| suites.iter().for_each(|suite| out.extend_from_slice(&suite.to_be_bytes())));
        vector::<1>(out, |out| out.extend_from_slice(compression));
        if !extensions.is_empty() {
            vector::<2>(out, |out| out.extend_from_slice(extensions));
        }
    });
    message
}

#[test]
fn first_messages_of_official_sdks_are_answered() {
    let text = String::from_utf8(vector_file("official-hellos.txt")).unwrap();
    let official = |label: &str| unhex(text.lines().find_map(|line| line.strip_prefix(label)).unwrap());
    let (gm, rsa, tlcp) = (official("gm2 hello: "), official("rsa hello: "), official("tlcp hello: "));
    assert_eq!(choice(EngineMode::GmTls12, [3, 1], &gm), Ok((0x0303, 0xe011)));
    assert_eq!(choice(EngineMode::StaticRsa, [3, 1], &rsa), Ok((0x0303, 0x009d)));
    assert_eq!(choice(EngineMode::Tlcp, [1, 1], &tlcp), Ok((0x0101, 0xe013)));
}

#[test]
fn hello_of_another_kind_is_refused_as_nodes_refuse_it() {
    let tls = |suites: &[u16]| hello([3, 3], suites, &[0], &[]);
    let tlcp = hello([1, 1], &[0xe013, 0xe011], &[0], &[]);
    for mode in [EngineMode::StaticRsa, EngineMode::GmTls12] {
        assert_eq!(choice(mode, [1, 1], &tlcp), Err(70), "{mode:?}");
        assert_eq!(choice(mode, [3, 1], &hello([3, 2], &[0x009d, 0xe011], &[0], &[])), Err(70));
        assert!(choice(mode, [3, 1], &hello([3, 4], &[0x009d, 0xe011], &[0], &[])).is_ok());
    }
    assert_eq!(choice(EngineMode::StaticRsa, [3, 3], &tls(&[0xc02f, 0xe011])), Err(40));
    assert_eq!(choice(EngineMode::GmTls12, [3, 3], &tls(&[0xc02f, 0x009d])), Err(40));
    assert_eq!(choice(EngineMode::Tlcp, [3, 3], &tls(&[0xc02f, 0x009d, 0xe013])), Err(40));
    for (mode, _) in MODES {
        let version = mode.parameters().version;
        let all = [0x009d, 0xe011, 0xe013];
        assert_eq!(choice(mode, version, &hello(version, &[], &[0], &[])), Err(40), "no suites");
        assert_eq!(choice(mode, version, &hello(version, &all, &[1], &[])), Err(47), "compression");
        let renegotiation = [0xff, 1, 0, 3, 2, 1, 2];
        assert_eq!(choice(mode, version, &hello(version, &all, &[0], &renegotiation)), Err(40));
        let twice = [0xff, 1, 0, 1, 0, 0xff, 1, 0, 1, 0];
        assert_eq!(choice(mode, version, &hello(version, &all, &[0], &twice)), Err(50), "twice");
        let mut long_session = hello(version, &all, &[0], &[]);
        long_session.splice(38..39, [33].into_iter().chain([0; 33]));
        let length = (long_session.len() as u16 - 4).to_be_bytes();
        long_session[2..4].copy_from_slice(&length);
        assert_eq!(choice(mode, version, &long_session), Err(50), "session id");
        let damaged = [0xff, 1, 0, 9, 0];
        assert_eq!(choice(mode, version, &hello(version, &all, &[0], &damaged)), Err(50));
    }
}

/// A client of TLS would take an alert in a record of TLCP for something else than TLS.
#[test]
fn alert_for_a_client_of_tls_is_a_record_of_tls() {
    for (mode, _) in MODES {
        let mut server = Connection::server(Arc::new(server_config(mode)));
        server.input().extend_from_slice(&record(
            mode,
            content::HANDSHAKE,
            &hello([3, 3], &[0xc02f], &[0], &[]),
        ));
        let fault = server.advance().unwrap_err();
        assert_eq!(alert(&fault), 40);
        assert_eq!(server.output()[..], [content::ALERT, 3, 3, 0, 2, 2, 40], "{mode:?}");
    }
}

#[test]
fn client_without_certificate_or_of_another_chain_is_refused() {
    for (mode, suites) in MODES {
        let mut config = client(mode, suites);
        config.identity.certificates = Arc::new(Vec::new());
        assert_eq!(alert(&refused(config, mode)), 40, "{mode:?}");
    }
    let other = |mode: EngineMode, suites, of| {
        let mut config = client(mode, suites);
        config.identity = identity(of, Owner::Sdk);
        alert(&refused(config, mode))
    };
    assert_eq!(other(EngineMode::GmTls12, AGREEMENT, EngineMode::Tlcp), 48);
    assert_eq!(other(EngineMode::Tlcp, ENCRYPTION, EngineMode::GmTls12), 48);
    // A leaf without its agency.
    let mut config = client(EngineMode::GmTls12, AGREEMENT);
    let all = config.identity.certificates.clone();
    config.identity.certificates = Arc::new(vec![all[0].clone(), all[all.len() - 1].clone()]);
    assert_eq!(alert(&refused(config, EngineMode::GmTls12)), 48);
}

#[test]
fn client_without_encryption_certificate_is_refused_only_where_it_is_needed() {
    for mode in [EngineMode::GmTls12, EngineMode::Tlcp] {
        let without = |suites| {
            let mut config = client(mode, suites);
            let mut certificates = Vec::clone(&config.identity.certificates);
            certificates.pop();
            config.identity.certificates = Arc::new(certificates);
            config
        };
        assert_eq!(alert(&refused(without(AGREEMENT), mode)), 40, "{mode:?}");
        open(without(ENCRYPTION), server_config(mode));
    }
}

#[test]
fn signature_of_another_key_or_over_other_messages_is_refused() {
    for (mode, suites) in MODES {
        let mut config = client(mode, suites);
        config.identity.keys = identity(mode, Owner::Node).keys;
        let fault = refused(config, mode);
        // A key agreement with another key fails no earlier.
        assert!(matches!(fault.cause, Cause::NoProof), "{mode:?} {fault}");
        assert_eq!(alert(&fault), 51);

        let (mut server, sent) = answered(mode, suites);
        server.context().record(b"one more");
        assert_eq!(alert(&refuses(&mut server, &sent.concat())), 51);
    }
}

#[test]
fn finished_message_that_does_not_match_is_refused() {
    for (mode, suites) in MODES {
        let (mut server, sent) = answered(mode, suites);
        let (last, before) = sent.split_last().unwrap();
        server.input().extend_from_slice(&before.concat());
        server.advance().unwrap();
        server.context().record(b"one more");
        assert_eq!(alert(&refuses(&mut server, last)), 51, "{mode:?}");
    }
}

/// A premaster secret that is wrong shows only when the Finished message can't be decrypted, whatever is wrong with it.
#[test]
fn wrong_premaster_secret_shows_at_the_finished_message() {
    for (mode, suites) in MODES.into_iter().filter(|(_, suites)| suites[0].exchange != SM2_AGREEMENT.exchange)
    {
        let version = mode.parameters().version;
        let exchanged = |encrypted: Vec<u8>, premaster: [u8; 48]| {
            let mut message = Vec::new();
            vector::<2>(&mut message, |out| out.extend_from_slice(&encrypted));
            Some(Exchanged { message, premaster: Premaster::new(premaster) })
        };
        let mut right = [9; 48];
        right[..2].copy_from_slice(&version);
        let mut config = client(mode, suites);
        config.exchanged = exchanged(encrypt_to_node(mode, &right), right);
        open(config, server_config(mode));

        let mut other_version = right;
        other_version[1] ^= 1;
        for (encrypted, premaster) in [
            (encrypt_to_node(mode, &other_version), other_version),
            (encrypt_to_node(mode, &right[..47]), right),
            (encrypt_to_node(mode, &[&right[..], &[9]].concat()), right),
            (vec![1; 256], right),
            (Vec::new(), right),
        ] {
            let mut config = client(mode, suites);
            config.exchanged = exchanged(encrypted, premaster);
            let fault = refused(config, mode);
            assert_eq!(format!("{fault:?}"), format!("{:?}", Fault::bad_record()), "{mode:?}");
        }
    }
}

#[test]
fn messages_missing_twice_or_out_of_order_are_refused() {
    for (mode, suites) in MODES {
        let count = answered(mode, suites).1.len();
        for at in 0..count - 1 {
            let (mut server, mut sent) = answered(mode, suites);
            sent.remove(at);
            refuses(&mut server, &sent.concat());
            let (mut server, mut sent) = answered(mode, suites);
            sent.insert(at, sent[at].clone());
            refuses(&mut server, &sent.concat());
            let (mut server, mut sent) = answered(mode, suites);
            sent.swap(at, at + 1);
            refuses(&mut server, &sent.concat());
        }
        // A second ClientHello.
        let (mut server, _) = answered(mode, suites);
        let version = mode.parameters().version;
        let again = record(mode, content::HANDSHAKE, &hello(version, &[suites[0].id], &[0], &[]));
        assert_eq!(alert(&refuses(&mut server, &again)), 10);
    }
}

#[test]
fn points_that_are_not_on_the_curve_are_refused() {
    for mode in [EngineMode::GmTls12, EngineMode::Tlcp] {
        // Record header, type, length, curve type, curve, length, point.
        for (at, change) in [(5 + 70, 1), (5 + 8, 2), (5 + 4, 1)] {
            let (mut server, mut sent) = answered(mode, AGREEMENT);
            sent[1][at] ^= change;
            assert_eq!(alert(&refuses(&mut server, &sent.concat())), 47, "{mode:?} {at}");
        }
    }
}

#[test]
fn renegotiation_ends_the_connection() {
    for (mode, suites) in MODES {
        let (mut client, mut server) = open(client(mode, suites), server_config(mode));
        client.context().send(kind::CLIENT_HELLO, |_| {}).unwrap();
        pass(&mut client, &mut server);
        let fault = server.advance().unwrap_err();
        assert_eq!(alert(&fault), 100);
    }
}
