//! Records as they come: cut anywhere, together, damaged in their headers, alerts among them.

use std::sync::Arc;

use super::super::codec::kind;
use super::super::connection::{Connection, Progress};
use super::super::fault::{Cause, Fault};
use super::super::mode::EngineMode;
use super::super::record::{HEADER, MAX_BODY, content};
use super::fixture::*;

const ALL: [EngineMode; 3] = [EngineMode::StaticRsa, EngineMode::GmTls12, EngineMode::Tlcp];

fn new_client(mode: EngineMode) -> Connection {
    let mut client = Connection::client(Arc::new(client_config(mode))).unwrap();
    client.output().clear();
    client
}

fn refuses(connection: &mut Connection, bytes: &[u8]) -> Fault {
    connection.input().extend_from_slice(bytes);
    let fault = connection.advance().unwrap_err();
    assert_is_dead(connection, &fault);
    fault
}

fn alert(fault: &Fault) -> u8 {
    fault.alert.unwrap().0
}

#[test]
fn handshake_and_data_survive_any_cut() {
    for mode in ALL {
        for size in [1, 2, 7, 1000, usize::MAX] {
            let mut client = Connection::client(Arc::new(client_config(mode))).unwrap();
            let mut server = Connection::server(Arc::new(server_config(mode)));
            let mut received = Vec::new();
            loop {
                let to_server = std::mem::take(client.output());
                for piece in to_server.chunks(size.min(to_server.len().max(1))) {
                    server.input().extend_from_slice(piece);
                    server.advance().unwrap();
                }
                if server.is_open() && received.is_empty() && server.output().len() < 200 {
                    server.send(|out| out.extend_from_slice(b"first")).unwrap();
                    server.send(|_| {}).unwrap();
                    server.send(|out| out.extend_from_slice(b"second")).unwrap();
                }
                let to_client = std::mem::take(server.output());
                if to_client.is_empty() && to_server.is_empty() {
                    break;
                }
                for piece in to_client.chunks(size.min(to_client.len().max(1))) {
                    client.input().extend_from_slice(piece);
                    while client.advance().unwrap() == Progress::Data {
                        let data = client.data().to_vec();
                        received.extend_from_slice(&data);
                        client.consume(data.len());
                    }
                }
            }
            assert_eq!(received, b"firstsecond", "{mode:?} {size}");
        }
    }
}

#[test]
fn handshake_that_is_cut_off_anywhere_never_opens() {
    for mode in ALL {
        let mut client = Connection::client(Arc::new(client_config(mode))).unwrap();
        let mut server = Connection::server(Arc::new(server_config(mode)));
        pass(&mut client, &mut server);
        server.advance().unwrap();
        let flight = server.output().clone();
        for length in 0..flight.len() {
            client.input().extend_from_slice(&flight[length..length + 1]);
            assert_eq!(client.advance().unwrap(), Progress::NeedsInput);
            assert!(!client.is_open() && client.send(|_| {}).is_err());
            assert_eq!(
                client.output().is_empty(),
                length + 1 < flight.len(),
                "it answers the last byte only"
            );
        }
    }
}

#[test]
fn service_that_is_not_tls_is_told_apart() {
    for mode in ALL {
        for text in [&b"HTTP/1.1 400 Bad Request\r\n"[..], b"SSH-2.0-x\r\n", &[0; 20], &[22, 9, 9, 0, 1, 0]] {
            assert!(matches!(refuses(&mut new_client(mode), text).cause, Cause::NotTls), "{text:?}");
        }
    }
}

#[test]
fn headers_are_checked_before_the_body_arrives() {
    for mode in ALL {
        let [major, minor] = mode.parameters().version;
        let too_long = ((MAX_BODY + 1) as u16).to_be_bytes();
        let header = [content::HANDSHAKE, major, minor, too_long[0], too_long[1]];
        assert_eq!(alert(&refuses(&mut new_client(mode), &header)), 22, "{mode:?}");
        let other_version = [content::HANDSHAKE, 3, 2, 0, 4];
        let fault = refuses(&mut new_client(mode), &other_version);
        assert!(matches!(fault.cause, Cause::Incompatible(_)), "{mode:?}");
        assert_eq!(alert(&fault), 70);
        // A message's own length is checked too.
        let too_long = record(mode, content::HANDSHAKE, &[kind::SERVER_HELLO, 2, 0, 1]);
        assert_eq!(alert(&refuses(&mut new_client(mode), &too_long)), 47);
        let empty = record(mode, content::HANDSHAKE, &[]);
        assert_eq!(alert(&refuses(&mut new_client(mode), &empty)), 50);
        let unknown = [record(mode, content::ALERT, &[1, 90]), vec![24, major, minor, 0, 0]].concat();
        assert_eq!(alert(&refuses(&mut new_client(mode), &unknown)), 10);
    }
}

#[test]
fn alert_of_any_version_is_accepted_before_the_server_hello_only() {
    for mode in ALL {
        for version in [[3, 0], [3, 1], [3, 3], [1, 1]] {
            let bytes = [content::ALERT, version[0], version[1], 0, 2, 2, 70];
            let fault = refuses(&mut new_client(mode), &bytes);
            assert!(matches!(fault.cause, Cause::Alert(alert) if alert.0 == 70), "{mode:?} {version:?}");
            assert!(fault.alert.is_none(), "an alert is not answered");
        }
        let mut client = Connection::client(Arc::new(client_config(mode))).unwrap();
        let mut server = Connection::server(Arc::new(server_config(mode)));
        pass(&mut client, &mut server);
        server.advance().unwrap();
        let hello = records(server.output())[0].clone();
        let foreign = [content::ALERT, 3, 0, 0, 2, 2, 70];
        assert_eq!(alert(&refuses(&mut client, &[&hello[..], &foreign].concat())), 70);
    }
}

#[test]
fn alerts_have_two_bytes_and_a_known_level() {
    for mode in ALL {
        for damaged in [&[2][..], &[2, 40, 0], &[3, 40], &[0, 40]] {
            let bytes = record(mode, content::ALERT, damaged);
            assert!([47, 50].contains(&alert(&refuses(&mut new_client(mode), &bytes))), "{damaged:?}");
        }
    }
}

#[test]
fn warnings_are_passed_over_a_few_times() {
    for mode in ALL {
        let warning = record(mode, content::ALERT, &[1, 90]);
        let mut client = new_client(mode);
        client.input().extend_from_slice(&warning.repeat(4));
        assert_eq!(client.advance().unwrap(), Progress::NeedsInput);
        assert_eq!(alert(&refuses(&mut client, &warning)), 10);
    }
}

#[test]
fn close_notify_ends_reading_and_nothing_after_it_is_read() {
    for mode in ALL {
        let (mut client, mut server) = open(client_config(mode), server_config(mode));
        server.send(|out| out.extend_from_slice(b"last")).unwrap();
        server.close();
        server.close();
        assert!(server.send(|_| {}).is_err());
        pass(&mut server, &mut client);
        assert_eq!(client.advance().unwrap(), Progress::Data);
        client.consume(4);
        assert_eq!(client.advance().unwrap(), Progress::Closed);
        client.input().extend_from_slice(b"garbage");
        assert_eq!(client.advance().unwrap(), Progress::Closed);
        // The other direction is still open.
        assert_eq!(carry(&mut client, &mut server, b"on its way"), b"on its way");
    }
}

#[test]
fn request_to_renegotiate_is_declined_a_few_times() {
    for mode in ALL {
        let (mut client, mut server) = open(client_config(mode), server_config(mode));
        for _ in 0..4 {
            server.context().send(kind::HELLO_REQUEST, |_| {}).unwrap();
            pass(&mut server, &mut client);
            assert_eq!(client.advance().unwrap(), Progress::NeedsInput);
            let sent = records(client.output());
            assert_eq!((sent.len(), sent[0][0]), (1, content::ALERT));
            pass(&mut client, &mut server);
            assert_eq!(server.advance().unwrap(), Progress::NeedsInput);
            assert_eq!(carry(&mut server, &mut client, b"goes on"), b"goes on");
        }
        server.context().send(kind::HELLO_REQUEST, |_| {}).unwrap();
        pass(&mut server, &mut client);
        assert_eq!(alert(&client.advance().unwrap_err()), 10);
    }
}

#[test]
fn handshake_message_after_the_handshake_is_refused() {
    for mode in ALL {
        let (mut client, mut server) = open(client_config(mode), server_config(mode));
        server.context().send(kind::SERVER_HELLO_DONE, |_| {}).unwrap();
        pass(&mut server, &mut client);
        assert_eq!(alert(&client.advance().unwrap_err()), 10);
    }
}

#[test]
fn changed_record_ends_an_open_connection() {
    for mode in ALL {
        let (mut client, mut server) = open(client_config(mode), server_config(mode));
        server.send(|out| out.extend_from_slice(b"data")).unwrap();
        let mut sent = std::mem::take(server.output());
        sent[HEADER + 20] ^= 1;
        client.input().extend_from_slice(&sent);
        assert_eq!(alert(&client.advance().unwrap_err()), 20);
        assert!(client.advance().is_err() && client.data().is_empty());
        assert!(client.send(|_| {}).is_err());
    }
}
