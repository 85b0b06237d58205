//! Peers that misuse what the protocol allows, before, during and after the handshake.

use std::sync::Arc;

use super::super::codec::{kind, vector};
use super::super::connection::{Connection, Progress};
use super::super::fault::{Cause, Fault};
use super::super::mode::EngineMode;
use super::super::record::{HEADER, MAX_BODY, content};
use super::fixture::*;

/// Messages of TLS 1.3, which this engine does not speak, and of tickets, which nodes and clients do not issue.
const NEW_SESSION_TICKET: u8 = 4;
const KEY_UPDATE: u8 = 24;

const ALL: [EngineMode; 3] = [EngineMode::StaticRsa, EngineMode::GmTls12, EngineMode::Tlcp];

fn new_client(mode: EngineMode) -> Connection {
    let mut client = Connection::client(Arc::new(client_config(mode))).unwrap();
    client.output().clear();
    client
}

fn new_server(mode: EngineMode) -> Connection {
    Connection::server(Arc::new(server_config(mode)))
}

/// Returns both sides of an open connection, each as the one that is attacked and the one that attacks.
fn open_pairs(mode: EngineMode) -> [(Connection, Connection); 2] {
    let (client, server) = open(client_config(mode), server_config(mode));
    let (other_client, other_server) = open(client_config(mode), server_config(mode));
    [(client, server), (other_server, other_client)]
}

fn alert(fault: &Fault) -> u8 {
    fault.alert.unwrap().0
}

/// Passes what the attacker has sent to the other side, which must fail. Returns the number of its alert.
fn refused(attacked: &mut Connection, attacker: &mut Connection) -> u8 {
    pass(attacker, attacked);
    let fault = attacked.advance().unwrap_err();
    assert!(attacked.advance().is_err() && attacked.send(|_| {}).is_err(), "it stays failed");
    alert(&fault)
}

#[test]
fn any_number_of_empty_data_records_is_skipped_without_keeping_them() {
    for mode in ALL {
        for (mut attacked, mut attacker) in open_pairs(mode) {
            for _ in 0..20 {
                for _ in 0..500 {
                    attacker.send(|_| {}).unwrap();
                }
                pass(&mut attacker, &mut attacked);
                assert_eq!(attacked.advance().unwrap(), Progress::NeedsInput);
                assert!(attacked.input().is_empty() && attacked.output().is_empty());
            }
            assert_eq!(carry(&mut attacker, &mut attacked, b"data"), b"data", "{mode:?}");
        }
    }
}

#[test]
fn empty_records_of_other_types_are_refused() {
    for mode in ALL {
        for kind in [content::CHANGE_CIPHER_SPEC, content::ALERT, content::HANDSHAKE] {
            for mut fresh in [new_client(mode), new_server(mode)] {
                fresh.input().extend_from_slice(&record(mode, kind, &[]));
                assert_eq!(alert(&fresh.advance().unwrap_err()), 50, "{mode:?} {kind}");
            }
            for (mut attacked, mut attacker) in open_pairs(mode) {
                attacker.context().send_record(kind, &[]);
                assert_eq!(refused(&mut attacked, &mut attacker), 50, "{mode:?} {kind}");
            }
        }
    }
}

#[test]
fn empty_data_records_before_the_end_of_the_handshake_are_refused() {
    for mode in ALL {
        for mut fresh in [new_client(mode), new_server(mode)] {
            fresh.input().extend_from_slice(&record(mode, content::APPLICATION_DATA, &[]));
            assert_eq!(alert(&fresh.advance().unwrap_err()), 10, "{mode:?}");
        }
    }
}

#[test]
fn records_that_are_out_of_place_end_an_open_connection() {
    for mode in ALL {
        let cases: [(u8, &[u8], u8); 9] = [
            (content::CHANGE_CIPHER_SPEC, &[1], 10),
            (content::CHANGE_CIPHER_SPEC, &[1, 1], 50),
            (content::ALERT, &[2], 50),
            (content::ALERT, &[1, 90, 1, 90], 50),
            (content::ALERT, &[0, 40], 47),
            (content::ALERT, &[255, 40], 47),
            (content::HANDSHAKE, &[KEY_UPDATE, 0, 0, 1, 1], 10),
            (content::HANDSHAKE, &[NEW_SESSION_TICKET, 0, 0, 6, 0, 0, 0, 0, 0, 0], 10),
            (content::HANDSHAKE, &[kind::FINISHED, 0, 0], 10),
        ];
        for (kind, bytes, expected) in cases {
            let [(mut client, mut server), (mut other_server, mut other_client)] = open_pairs(mode);
            server.context().send_record(kind, bytes);
            assert_eq!(refused(&mut client, &mut server), expected, "{mode:?} {bytes:?}");
            other_client.context().send_record(kind, bytes);
            // A server takes every handshake message for a renegotiation.
            let expected = if kind == content::HANDSHAKE { 100 } else { expected };
            assert_eq!(refused(&mut other_server, &mut other_client), expected, "{mode:?} {bytes:?}");
        }
    }
}

#[test]
fn fatal_alert_ends_an_open_connection_and_is_not_answered() {
    for mode in ALL {
        for (mut attacked, mut attacker) in open_pairs(mode) {
            attacker.context().send_record(content::ALERT, &[2, 80]);
            pass(&mut attacker, &mut attacked);
            let fault = attacked.advance().unwrap_err();
            assert!(matches!(fault.cause, Cause::Alert(alert) if alert.0 == 80));
            assert!(fault.alert.is_none() && attacked.output().is_empty());
        }
    }
}

#[test]
fn warnings_and_requests_to_renegotiate_share_one_limit() {
    for mode in ALL {
        let (mut client, mut server) = open(client_config(mode), server_config(mode));
        for kind in [content::ALERT, content::HANDSHAKE, content::ALERT, content::HANDSHAKE] {
            let bytes: &[u8] =
                if kind == content::ALERT { &[1, 90] } else { &[kind::HELLO_REQUEST, 0, 0, 0] };
            server.context().send_record(kind, bytes);
            pass(&mut server, &mut client);
            assert_eq!(client.advance().unwrap(), Progress::NeedsInput);
        }
        server.context().send_record(content::ALERT, &[1, 90]);
        assert_eq!(refused(&mut client, &mut server), 10, "{mode:?}");
        // Data in between counts as nothing else does.
        let (mut client, mut server) = open(client_config(mode), server_config(mode));
        for _ in 0..4 {
            server.context().send_record(content::ALERT, &[1, 90]);
            assert_eq!(carry(&mut server, &mut client, b"data"), b"data");
        }
        server.context().send_record(content::ALERT, &[1, 90]);
        assert_eq!(refused(&mut client, &mut server), 10, "{mode:?}");
    }
}

#[test]
fn close_notify_during_the_handshake_is_an_end_without_an_opening() {
    for mode in ALL {
        let (mut client, mut server) = (new_client(mode), new_server(mode));
        for side in [&mut client, &mut server] {
            side.input().extend_from_slice(&record(mode, content::ALERT, &[1, 0]));
            assert_eq!(side.advance().unwrap(), Progress::Closed);
            assert!(!side.is_open() && side.send(|_| {}).is_err());
            // Nothing after it has an effect.
            side.input().extend_from_slice(&record(mode, content::ALERT, &[2, 40]));
            assert_eq!(side.advance().unwrap(), Progress::Closed);
        }
    }
}

/// A message of the longest kind, in records of one byte: what is kept is bounded by the limit of a message.
#[test]
fn longest_message_in_the_shortest_fragments_is_bounded() {
    const LONGEST: usize = 128 * 1024;
    for mode in ALL {
        for mut fresh in [new_client(mode), new_server(mode)] {
            // Its type is not expected, which shows once it is complete.
            let header = [kind::FINISHED, 2, 0, 0];
            for byte in header.into_iter().chain(std::iter::repeat_n(0, LONGEST - 1)) {
                fresh.input().extend_from_slice(&record(mode, content::HANDSHAKE, &[byte]));
                assert_eq!(fresh.advance().unwrap(), Progress::NeedsInput);
                assert!(fresh.input().is_empty() && fresh.output().is_empty());
            }
            fresh.input().extend_from_slice(&record(mode, content::HANDSHAKE, &[0]));
            assert_eq!(alert(&fresh.advance().unwrap_err()), 10, "{mode:?}");
        }
    }
}

/// Returns a ServerHello for the first suite, and a Certificate message with these certificates.
fn hello_and_certificates(mode: EngineMode, certificates: &[&[u8]]) -> Vec<u8> {
    let mut messages = vec![kind::SERVER_HELLO];
    vector::<3>(&mut messages, |out| {
        out.extend_from_slice(&mode.parameters().version);
        out.extend_from_slice(&[7; 32]);
        out.push(0);
        out.extend_from_slice(&mode.parameters().suites[0].id.to_be_bytes());
        out.push(0);
    });
    messages.push(kind::CERTIFICATE);
    vector::<3>(&mut messages, |out| {
        vector::<3>(out, |out| {
            for certificate in certificates {
                vector::<3>(out, |out| out.extend_from_slice(certificate));
            }
        });
    });
    messages
}

#[test]
fn lists_of_certificates_are_bounded_and_nonsense_in_them_is_refused() {
    for mode in ALL {
        let answer = |certificates: &[&[u8]]| {
            let mut client = new_client(mode);
            for part in hello_and_certificates(mode, certificates).chunks(1 << 14) {
                client.input().extend_from_slice(&record(mode, content::HANDSHAKE, part));
            }
            let fault = client.advance().unwrap_err();
            assert_is_dead(&mut client, &fault);
            fault
        };
        let leaf = identity(mode, Owner::Node).certificates[0].clone();
        let many = vec![&leaf[..]; 17];
        let fault = answer(&many);
        assert_eq!((alert(&fault), fault.to_string().contains("too many certificates")), (42, true));
        // As many as are allowed, each as long as fits.
        let long = vec![0x30; 8000];
        let longest = vec![&long[..]; 16];
        let nonsense: [&[&[u8]]; 6] = [&[], &[&[]], &[&[], &[]], &[&[0x30, 0x80]], &[&long], &longest];
        for nonsense in nonsense {
            assert!(matches!(answer(nonsense).cause, Cause::Refused(_) | Cause::Other(_)), "{mode:?}");
        }
    }
}

#[test]
fn record_longer_than_any_cipher_needs_is_refused_by_its_header() {
    for mode in ALL {
        let [major, minor] = mode.parameters().version;
        for (mut attacked, _) in open_pairs(mode) {
            let [high, low] = ((MAX_BODY + 1) as u16).to_be_bytes();
            attacked.input().extend_from_slice(&[content::APPLICATION_DATA, major, minor, high, low]);
            assert_eq!(alert(&attacked.advance().unwrap_err()), 22);
        }
        for (mut attacked, _) in open_pairs(mode) {
            let [high, low] = (MAX_BODY as u16).to_be_bytes();
            attacked.input().extend_from_slice(&[content::APPLICATION_DATA, major, minor, high, low]);
            assert_eq!(attacked.advance().unwrap(), Progress::NeedsInput);
            attacked.input().resize(HEADER + MAX_BODY, 0);
            assert_eq!(alert(&attacked.advance().unwrap_err()), 20, "{mode:?}");
        }
    }
}

/// Records in the clear, after the ciphers are in use.
#[test]
fn unprotected_records_are_refused_once_the_connection_is_open() {
    for mode in ALL {
        let cases: [(u8, &[u8]); 4] = [
            (content::APPLICATION_DATA, b"in the clear"),
            (content::ALERT, &[1, 0]),
            (content::HANDSHAKE, &[kind::HELLO_REQUEST, 0, 0, 0]),
            (content::CHANGE_CIPHER_SPEC, &[1]),
        ];
        for (kind, bytes) in cases {
            for (mut attacked, _) in open_pairs(mode) {
                attacked.input().extend_from_slice(&record(mode, kind, bytes));
                assert_eq!(alert(&attacked.advance().unwrap_err()), 20, "{mode:?} {kind}");
            }
        }
    }
}
