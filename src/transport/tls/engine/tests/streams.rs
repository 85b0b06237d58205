//! The engine over byte streams.

use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};

use super::super::connection::Connection;
use super::super::mode::EngineMode;
use super::super::record::content;
use super::super::stream::{EngineStream, HandshakeError};
use super::fixture::*;

const ALL: [EngineMode; 3] = [EngineMode::StaticRsa, EngineMode::GmTls12, EngineMode::Tlcp];

type Stream = EngineStream<DuplexStream>;

/// Returns both ends of an open connection over a pipe that holds `capacity` bytes.
async fn pair(mode: EngineMode, capacity: usize) -> (Stream, Stream) {
    let (near, far) = duplex(capacity);
    let mut client = EngineStream::new(near, Connection::client(Arc::new(client_config(mode))).unwrap());
    let mut server = EngineStream::new(far, Connection::server(Arc::new(server_config(mode))));
    let (at_client, at_server) = tokio::join!(client.handshake(), server.handshake());
    assert!(at_client.is_ok() && at_server.is_ok());
    (client, server)
}

#[tokio::test]
async fn data_passes_both_ways_through_pipes_of_any_size() {
    for mode in ALL {
        for capacity in [1, 100, 1 << 20] {
            let (client, server) = pair(mode, capacity).await;
            let size = if capacity == 1 { 2_000 } else { 200_000 };
            let data: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let (mut from_client, mut to_server) = tokio::io::split(client);
            let (mut from_server, mut to_client) = tokio::io::split(server);
            let (mut at_client, mut at_server) = (vec![0; size], vec![0; size]);
            tokio::join!(
                async {
                    to_server.write_all(&data).await.unwrap();
                    to_server.flush().await.unwrap();
                },
                async {
                    to_client.write_all(&data).await.unwrap();
                    to_client.flush().await.unwrap();
                },
                async { from_client.read_exact(&mut at_client).await.unwrap() },
                async { from_server.read_exact(&mut at_server).await.unwrap() },
            );
            assert!(at_client == data && at_server == data, "{mode:?} {capacity}");
        }
    }
}

#[tokio::test]
async fn parts_of_one_write_share_a_record() {
    for mode in ALL {
        let (mut client, mut server) = pair(mode, 1 << 20).await;
        assert!(client.is_write_vectored());
        let parts: Vec<Vec<u8>> = (0..200u8).map(|n| vec![n; usize::from(n)]).collect();
        let mut slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let whole = parts.concat();
        let mut written = 0;
        let mut slices = &mut slices[..];
        while written < whole.len() {
            let n = client.write_vectored(slices).await.unwrap();
            written += n;
            IoSlice::advance_slices(&mut slices, n);
        }
        let mut read = vec![0; whole.len()];
        server.read_exact(&mut read).await.unwrap();
        assert!(read == whole);

        let parts = [IoSlice::new(b"a"), IoSlice::new(b""), IoSlice::new(b"bc")];
        assert_eq!(client.write_vectored(&parts).await.unwrap(), 3);
        let mut buffer = [0; 10];
        assert_eq!(server.read(&mut buffer).await.unwrap(), 3, "one record brings all");
    }
}

#[tokio::test]
async fn end_is_orderly_only_with_close_notify() {
    for mode in ALL {
        let (mut client, mut server) = pair(mode, 1 << 16).await;
        server.write_all(b"last").await.unwrap();
        server.shutdown().await.unwrap();
        let mut read = Vec::new();
        client.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"last");
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0, "it stays at its end");

        let (mut client, mut server) = pair(mode, 1 << 16).await;
        server.write_all(b"last").await.unwrap();
        drop(server);
        let mut read = Vec::new();
        let error = client.read_to_end(&mut read).await.unwrap_err();
        assert_eq!((&read[..], error.kind()), (&b"last"[..], ErrorKind::UnexpectedEof));
    }
}

#[tokio::test]
async fn data_before_a_damaged_record_is_read_and_then_the_failure() {
    for mode in ALL {
        let (near, mut far) = duplex(1 << 16);
        let (client, mut server) = open(client_config(mode), server_config(mode));
        let mut client = EngineStream::new(near, client);
        server.send(|out| out.extend_from_slice(b"good")).unwrap();
        let good = server.output().len();
        server.send(|out| out.extend_from_slice(b"bad")).unwrap();
        server.output()[good + 30] ^= 1;
        far.write_all(server.output()).await.unwrap();
        let mut buffer = [0; 100];
        assert_eq!(client.read(&mut buffer).await.unwrap(), 4);
        let error = client.read(&mut buffer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
        assert!(client.read(&mut buffer).await.is_err() && client.write(b"x").await.is_err());
        let sent = far.read(&mut buffer).await.unwrap();
        assert_eq!((buffer[0], usize::from(buffer[4]) + 5), (content::ALERT, sent));
    }
}

#[tokio::test]
async fn handshake_reads_the_alert_of_a_peer_that_has_closed() {
    let (near, mut far) = duplex(1 << 16);
    let mode = EngineMode::StaticRsa;
    let mut client = EngineStream::new(near, Connection::client(Arc::new(client_config(mode))).unwrap());
    far.write_all(&[21, 3, 3, 0, 2, 2, 40]).await.unwrap();
    drop(far);
    let Err(HandshakeError::Fault(fault)) = client.handshake().await else { panic!("the alert is reported") };
    assert!(fault.to_string().contains("40 HandshakeFailure"), "{fault}");

    let (near, far) = duplex(1 << 16);
    let mut client = EngineStream::new(near, Connection::client(Arc::new(client_config(mode))).unwrap());
    drop(far);
    assert!(matches!(client.handshake().await, Err(HandshakeError::Io(_))));
}
