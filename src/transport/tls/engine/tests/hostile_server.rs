//! Servers that misbehave: what they send is changed on its way to the client.

use std::sync::Arc;

use super::super::client::ClientConfig;
use super::super::codec::kind;
use super::super::connection::Connection;
use super::super::fault::{Cause, Fault};
use super::super::mode::EngineMode;
use super::super::record::content;
use super::super::server::ServerConfig;
use super::super::suite::{SM2_AGREEMENT, Suite};
use super::fixture::*;

/// A client that has sent its ClientHello, and the messages with which a server answers it.
fn flight(client: ClientConfig, server: ServerConfig) -> (Connection, Vec<Vec<u8>>) {
    let mut client = Connection::client(Arc::new(client)).unwrap();
    let mut server = Connection::server(Arc::new(server));
    pass(&mut client, &mut server);
    server.advance().unwrap();
    let sent = records(server.output());
    (client, sent.into_iter().map(|record| record[5..].to_vec()).collect())
}

fn flight_of(mode: EngineMode, suites: &'static [&'static Suite]) -> (Connection, Vec<Vec<u8>>) {
    let mut config = client_config(mode);
    config.suites = suites;
    flight(config, server_config(mode))
}

fn position(messages: &[Vec<u8>], kind: u8) -> usize {
    messages.iter().position(|message| message[0] == kind).unwrap()
}

/// Gives the client messages, each in a record of its own.
fn deliver(client: &mut Connection, mode: EngineMode, messages: &[Vec<u8>]) -> Result<(), Fault> {
    for message in messages {
        client.input().extend_from_slice(&record(mode, content::HANDSHAKE, message));
        client.advance()?;
    }
    Ok(())
}

/// Gives the client messages, the last of which must be refused. Checks that it sends the alert and nothing else.
fn refused(mut client: Connection, mode: EngineMode, messages: &[Vec<u8>]) -> Fault {
    let fault = deliver(&mut client, mode, messages).unwrap_err();
    assert_is_dead(&mut client, &fault);
    fault
}

fn edited(mode: EngineMode, suites: &'static [&'static Suite], edit: impl Fn(&mut Vec<Vec<u8>>)) -> Fault {
    let (client, mut messages) = flight_of(mode, suites);
    edit(&mut messages);
    refused(client, mode, &messages)
}

fn alert(fault: &Fault) -> u8 {
    fault.alert.unwrap().0
}

#[test]
fn server_hello_with_a_choice_that_was_not_offered_is_refused() {
    for (mode, suites) in MODES {
        let hello = |edit: &dyn Fn(&mut Vec<u8>)| {
            let fault = edited(mode, suites, |messages| {
                edit(&mut messages[0]);
                let length = messages[0].len() - 4;
                messages[0][2..4].copy_from_slice(&(length as u16).to_be_bytes());
            });
            alert(&fault)
        };
        // Type, length, version, random, session id, suite, compression.
        assert_eq!(hello(&|hello| hello[5] ^= 1), 70, "version");
        assert_eq!(hello(&|hello| hello[40] ^= 0x40), 47, "suite");
        assert_eq!(hello(&|hello| hello[41] = 1), 47, "compression");
        for extension in
            [&[0, 0, 0, 0][..], &[0, 35, 0, 0], &[0, 16, 0, 0], &[0xff, 1, 0, 1, 0, 0xff, 1, 0, 1, 0]]
        {
            let with_extension = |hello: &mut Vec<u8>| {
                hello.truncate(42);
                hello.extend_from_slice(&(extension.len() as u16).to_be_bytes());
                hello.extend_from_slice(extension);
            };
            assert_eq!(hello(&with_extension), 110, "{extension:?}");
        }
        assert_eq!(hello(&|hello| hello.truncate(41)), 50, "truncated");
        assert_eq!(hello(&|hello| hello.extend_from_slice(&[1])), 50, "longer");
        let long_session = |hello: &mut Vec<u8>| {
            hello.splice(38..39, [33].into_iter().chain([0; 33]));
        };
        assert_eq!(hello(&long_session), 50, "session id");
    }
    let fault = edited(EngineMode::StaticRsa, RSA, |messages| {
        messages[0].truncate(42);
        messages[0].extend_from_slice(&[0, 6, 0xff, 1, 0, 2, 1, 7]);
        messages[0][2..4].copy_from_slice(&46u16.to_be_bytes());
    });
    assert_eq!(alert(&fault), 40, "renegotiation");
}

#[test]
fn messages_missing_twice_or_out_of_order_are_refused() {
    for (mode, suites) in MODES {
        let count = flight_of(mode, suites).1.len();
        for at in 0..count {
            let (mut client, mut messages) = flight_of(mode, suites);
            let removed = messages.remove(at);
            let is_request = removed[0] == kind::CERTIFICATE_REQUEST;
            if is_request && suites[0].exchange != SM2_AGREEMENT.exchange {
                // It is legal to ask for no certificate. The key agreement is impossible without one.
                deliver(&mut client, mode, &messages).unwrap();
                let sent = records(client.output());
                // What follows is encrypted, so that its first byte may be any.
                let legible = sent.iter().take_while(|sent| sent[0] == content::HANDSHAKE);
                let kinds: Vec<_> = legible.map(|sent| sent[5]).collect();
                assert_eq!(kinds, [kind::CLIENT_KEY_EXCHANGE], "{mode:?}");
            } else if at + 1 < count {
                let fault = refused(client, mode, &messages);
                assert_eq!(alert(&fault), if is_request { 40 } else { 10 }, "{mode:?} without {at}");
            }

            let (client, mut messages) = flight_of(mode, suites);
            messages.insert(at, messages[at].clone());
            let twice = refused(client, mode, &messages);
            assert_eq!(alert(&twice), 10, "{mode:?} {at} twice");

            if at + 1 < count {
                let (client, mut messages) = flight_of(mode, suites);
                messages.swap(at, at + 1);
                let is_asked_for_nothing = is_request && suites[0].exchange == SM2_AGREEMENT.exchange;
                let expected = if is_asked_for_nothing { 40 } else { 10 };
                assert_eq!(alert(&refused(client, mode, &messages)), expected, "{mode:?} {at} swapped");
            }
        }
    }
}

#[test]
fn messages_with_bytes_missing_or_added_are_refused() {
    for (mode, suites) in MODES {
        let count = flight_of(mode, suites).1.len();
        for at in 0..count {
            for change in [-1isize, 1] {
                let (client, mut messages) = flight_of(mode, suites);
                let message = &mut messages[at];
                let length = (message.len() - 4).wrapping_add_signed(change);
                if length > message.len() {
                    continue;
                }
                message.resize(4 + length, 0);
                message[1..4].copy_from_slice(&(length as u32).to_be_bytes()[1..]);
                refused(client, mode, &messages[..=at]);
            }
        }
    }
}

#[test]
fn key_exchange_that_the_node_did_not_sign_is_refused() {
    for (mode, suites) in MODES.into_iter().skip(1) {
        // The random bytes are another server's.
        let other_random = edited(mode, suites, |messages| messages[0][20] ^= 1);
        assert!(matches!(other_random.cause, Cause::NoProof), "{mode:?}");
        // The signature is damaged.
        let damaged = edited(mode, suites, |messages| {
            let at = position(messages, kind::SERVER_KEY_EXCHANGE);
            *messages[at].last_mut().unwrap() ^= 1;
        });
        assert!(matches!(damaged.cause, Cause::NoProof));
        // Another key has signed.
        let mut server = server_config(mode);
        server.identity.keys = identity(mode, Owner::Sdk).keys;
        let mut client = client_config(mode);
        client.suites = suites;
        let (client, messages) = flight(client, server);
        let other_key = refused(client, mode, &messages);
        assert!(matches!(other_key.cause, Cause::NoProof));
        assert_eq!(alert(&other_key), 51);
    }
}

#[test]
fn points_that_are_not_on_the_curve_are_refused() {
    for mode in [EngineMode::GmTls12, EngineMode::Tlcp] {
        let point = |edit: &dyn Fn(&mut Vec<u8>)| {
            let fault = edited(mode, AGREEMENT, |messages| {
                let at = position(messages, kind::SERVER_KEY_EXCHANGE);
                edit(&mut messages[at]);
                let length = messages[at].len() - 4;
                messages[at][2..4].copy_from_slice(&(length as u16).to_be_bytes());
            });
            alert(&fault)
        };
        // Type, length, curve type, curve, length, point.
        assert_eq!(point(&|message| message[70] ^= 1), 47, "off the curve");
        assert_eq!(point(&|message| message[8] = 2), 47, "another form");
        assert_eq!(point(&|message| message[4] = 1), 47, "explicit curve");
        let compressed = |message: &mut Vec<u8>| {
            let sign = 2 + (message[72] & 1);
            message.drain(41..73);
            message[7] = 33;
            message[8] = sign;
        };
        assert_eq!(point(&compressed), 47, "compressed");
        let infinity = |message: &mut Vec<u8>| {
            message.drain(9..73);
            message[7] = 1;
            message[8] = 0;
        };
        assert_eq!(point(&infinity), 47, "infinity");
        // A number of the curve is not checked, but it is signed.
        let curve = edited(mode, AGREEMENT, |messages| {
            let at = position(messages, kind::SERVER_KEY_EXCHANGE);
            messages[at][6] ^= 1;
        });
        assert!(matches!(curve.cause, Cause::NoProof));
    }
}

/// Does a handshake up to the server's last two records, which are returned.
fn before_the_end(
    mode: EngineMode,
    suites: &'static [&'static Suite],
) -> (Connection, Connection, Vec<Vec<u8>>) {
    let mut config = client_config(mode);
    config.suites = suites;
    let mut client = Connection::client(Arc::new(config)).unwrap();
    let mut server = Connection::server(Arc::new(server_config(mode)));
    for _ in 0..2 {
        pass(&mut client, &mut server);
        server.advance().unwrap();
        if !server.is_open() {
            pass(&mut server, &mut client);
            client.advance().unwrap();
        }
    }
    let last = records(&std::mem::take(server.output()));
    assert_eq!(
        last.iter().map(|record| record[0]).collect::<Vec<_>>(),
        [content::CHANGE_CIPHER_SPEC, content::HANDSHAKE]
    );
    (client, server, last)
}

fn refuses(client: &mut Connection, bytes: &[u8]) -> Fault {
    client.input().extend_from_slice(bytes);
    let fault = client.advance().unwrap_err();
    assert_is_dead(client, &fault);
    fault
}

#[test]
fn last_records_of_the_server_are_checked() {
    for (mode, suites) in MODES {
        let version = mode.parameters().version;
        let (mut client, _, _) = before_the_end(mode, suites);
        let finished = [&[kind::FINISHED, 0, 0, 12][..], &[0; 12]].concat();
        let unprotected = record(mode, content::HANDSHAKE, &finished);
        assert_eq!(alert(&refuses(&mut client, &unprotected)), 10, "Finished without ChangeCipherSpec");

        let (mut client, _, last) = before_the_end(mode, suites);
        assert_eq!(
            alert(&refuses(&mut client, &[&last[0][..], &last[0]].concat())),
            20,
            "ChangeCipherSpec twice"
        );

        for damaged in [[2], [0]] {
            let (mut client, _, _) = before_the_end(mode, suites);
            let bytes = record(mode, content::CHANGE_CIPHER_SPEC, &damaged);
            assert_eq!(alert(&refuses(&mut client, &bytes)), 50, "{damaged:?}");
        }

        let (mut client, _, last) = before_the_end(mode, suites);
        for at in (5..last[1].len()).step_by(37) {
            let (mut client, _, mut last) = before_the_end(mode, suites);
            last[1][at] ^= 1;
            assert_eq!(alert(&refuses(&mut client, &last.concat())), 20, "Finished was changed at {at}");
        }
        client.input().extend_from_slice(&last.concat());
        client.advance().unwrap();
        assert!(client.is_open());

        // The server has counted other messages than the client.
        let (mut client, _, last) = before_the_end(mode, suites);
        client.context().record(b"one more");
        assert_eq!(alert(&refuses(&mut client, &last.concat())), 51);

        // Part of a message comes before ChangeCipherSpec.
        let (mut client, _, last) = before_the_end(mode, suites);
        let part = record(mode, content::HANDSHAKE, &[kind::FINISHED, 0, 0]);
        assert_eq!(alert(&refuses(&mut client, &[&part[..], &last[0]].concat())), 10);

        // Application data comes before Finished.
        let (mut client, mut server, last) = before_the_end(mode, suites);
        server.send(|out| out.push(1)).unwrap();
        let early = std::mem::take(server.output());
        assert_eq!(alert(&refuses(&mut client, &[&last[0][..], &early].concat())), 20);
        let (mut client, _, _) = before_the_end(mode, suites);
        let early = [content::APPLICATION_DATA, version[0], version[1], 0, 1, 7];
        assert_eq!(alert(&refuses(&mut client, &early)), 10, "in the clear");
    }
}

#[test]
fn change_cipher_spec_before_the_key_exchange_is_refused() {
    for (mode, suites) in MODES {
        for count in 0..flight_of(mode, suites).1.len() {
            let (mut client, messages) = flight_of(mode, suites);
            client.output().clear();
            deliver(&mut client, mode, &messages[..count]).unwrap();
            let fault = refuses(&mut client, &record(mode, content::CHANGE_CIPHER_SPEC, &[1]));
            assert_eq!(alert(&fault), 10, "{mode:?} after {count}");
        }
    }
}
