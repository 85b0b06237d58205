//! The content of the client's first message. Real nodes drop every connection that offers a ticket or a session id.

use amop::transport::Endpoint;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::fixture::*;
use crate::openssl::Folder;

const EXTENSION_SERVER_NAME: u16 = 0;
const EXTENSION_GROUPS: u16 = 10;
const EXTENSION_ALPN: u16 = 16;
const EXTENSION_TICKET: u16 = 35;
const EXTENSION_VERSIONS: u16 = 43;

/// The fields of a ClientHello that these tests check.
struct Hello {
    version: u16,
    session_id: Vec<u8>,
    extensions: Vec<(u16, Vec<u8>)>,
}

impl Hello {
    /// Parses the first record of a connection.
    fn parse(record: &[u8]) -> Hello {
        let mut rest = &record[5..];
        assert_eq!((record[0], take(&mut rest, 4)[0]), (0x16, 0x01), "no ClientHello");
        let version = number(take(&mut rest, 2));
        take(&mut rest, 32);
        let len = take(&mut rest, 1)[0].into();
        let session_id = take(&mut rest, len).to_vec();
        let len = number(take(&mut rest, 2)).into();
        take(&mut rest, len);
        let len = take(&mut rest, 1)[0].into();
        take(&mut rest, len);
        let mut extensions = Vec::new();
        take(&mut rest, 2);
        while !rest.is_empty() {
            let kind = number(take(&mut rest, 2));
            let len = number(take(&mut rest, 2)).into();
            extensions.push((kind, take(&mut rest, len).to_vec()));
        }
        Hello { version, session_id, extensions }
    }

    fn extension(&self, kind: u16) -> Option<&[u8]> {
        self.extensions.iter().find(|(k, _)| *k == kind).map(|(_, content)| content.as_slice())
    }
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at(len);
    *rest = left;
    taken
}

fn number(bytes: &[u8]) -> u16 {
    u16::from_be_bytes(bytes.try_into().unwrap())
}

/// Forwards connections to `node` and sends the first record of each to the channel.
async fn tap(node: &Endpoint) -> (Endpoint, mpsc::UnboundedReceiver<Vec<u8>>) {
    let (endpoint, listener) = listen().await;
    let (hellos, taken) = mpsc::unbounded_channel();
    let node = node.to_string();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut record = vec![0; 5];
            client.read_exact(&mut record).await.unwrap();
            record.resize(5 + usize::from(number(&record[3..5])), 0);
            client.read_exact(&mut record[5..]).await.unwrap();
            let mut node = TcpStream::connect(&node).await.unwrap();
            node.write_all(&record).await.unwrap();
            if hellos.send(record).is_err() {
                return;
            }
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut node).await });
        }
    });
    (endpoint, taken)
}

#[tokio::test]
async fn no_connection_offers_resumption() {
    let network = Network::mint();
    let folder = Folder::with("node", &network.node);
    // The server issues tickets and session ids, as real nodes do.
    let server = folder.serve("node", "-curves secp256k1").await;
    let (endpoint, mut hellos) = tap(&server.endpoint).await;
    let client = loaded(&network.sdk.source());
    for _ in 0..4 {
        let mut stream = connect(&endpoint, &client).await.unwrap();
        assert_answer(&mut stream, b"abc\n", b"cba\n").await;
        let hello = Hello::parse(&hellos.recv().await.unwrap());
        assert!(hello.session_id.is_empty(), "{:02x?}", hello.session_id);
        assert_eq!(hello.extension(EXTENSION_TICKET), None);
        assert_eq!(hello.extension(EXTENSION_SERVER_NAME), None);
        assert_eq!(hello.extension(EXTENSION_ALPN), None);
    }
}

#[tokio::test]
async fn hello_offers_tls_1_2_and_secp256k1_first() {
    let network = Network::mint();
    let node = EchoNode::start(&network.node).await;
    let (endpoint, mut hellos) = tap(&node.endpoint).await;
    assert_echo(&mut connect(&endpoint, &connector(&network.sdk)).await.unwrap()).await;
    let hello = Hello::parse(&hellos.recv().await.unwrap());
    assert_eq!(hello.version, 0x0303);
    // Length 8; secp256k1, X25519, P-256, P-384.
    assert_eq!(hello.extension(EXTENSION_GROUPS), Some(&[0, 8, 0, 0x16, 0, 0x1d, 0, 0x17, 0, 0x18][..]));
    // The extension is absent or lists only TLS 1.2.
    assert!(matches!(hello.extension(EXTENSION_VERSIONS), None | Some([2, 3, 3])));
}
