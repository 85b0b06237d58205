//! TLS ClientHellos, each of a kind that some channel accepts, and the answers to them.
//!
//! The TLS library doesn't offer what RSA and GM channels require, so the messages are built here. A node that accepts
//! nothing in a ClientHello answers with an alert, otherwise with its ServerHello and certificates in clear text, which
//! identifies it. The handshake is not continued.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The kind of offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hello {
    /// Only ECDHE on secp256k1 with ECDSA: the ECDSA channel of 2.x.
    Secp256k1,
    /// Only static RSA: the RSA channel of 2.x.
    StaticRsa,
    /// ECDHE on X25519, P-256 and P-384, RSA or ECDSA: ordinary servers.
    Ordinary,
    /// Suite 0xE011 on SM2 within TLS 1.2: the GM channel of 2.x.
    Gm,
    /// TLCP, version 0x0101: GM chains of 3.x.
    Tlcp,
}

/// The answer to an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The offer was accepted. The certificates are DER, the server's own first.
    Taken { certificates: Vec<Vec<u8>> },
    /// The server speaks TLS, but refused the offer with this alert.
    Refused(u8),
    /// These bytes are not TLS.
    NoTls(Vec<u8>),
    /// The connection was closed.
    Closed,
    /// Nothing arrived in time.
    Silent,
    /// The server began to answer with TLS, but not all of the answer arrived in time.
    Slow,
}

const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_HELLO_DONE: u8 = 14;

const TLS_1_0: u16 = 0x0301;
const TLS_1_2: u16 = 0x0303;
const TLCP: u16 = 0x0101;

/// More bytes than the first flight of any node has: a guard against endless input.
const MOST: usize = 256 * 1024;

impl Hello {
    fn version(self) -> u16 {
        match self {
            Hello::Tlcp => TLCP,
            Hello::Secp256k1 | Hello::StaticRsa | Hello::Ordinary | Hello::Gm => TLS_1_2,
        }
    }

    fn suites(self) -> &'static [u16] {
        match self {
            // ECDHE-ECDSA with AES-GCM, then AES-CBC.
            Hello::Secp256k1 => &[0xc02c, 0xc02b, 0xc024, 0xc023, 0xc00a, 0xc009],
            // RSA with AES-GCM, then AES-CBC.
            Hello::StaticRsa => &[0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f],
            // ECDHE with RSA and ECDSA, AES-GCM and ChaCha20.
            Hello::Ordinary => &[0xc030, 0xc02f, 0xcca8, 0xc02c, 0xc02b, 0xcca9],
            Hello::Gm => &[0xe011],
            // ECC and ECDHE with SM4 in CBC and GCM.
            Hello::Tlcp => &[0xe013, 0xe053, 0xe011, 0xe051],
        }
    }

    fn groups(self) -> &'static [u16] {
        match self {
            Hello::Secp256k1 => &[0x0016],
            Hello::StaticRsa => &[],
            Hello::Ordinary => &[0x001d, 0x0017, 0x0018],
            // The number of X25519, which GM channels read as SM2; TLCP's own number is 0x0029.
            Hello::Gm => &[0x001d],
            Hello::Tlcp => &[0x0029],
        }
    }

    fn signatures(self) -> &'static [u16] {
        match self {
            // ECDSA with SHA-256, SHA-384, SHA-512, SHA-1.
            Hello::Secp256k1 => &[0x0403, 0x0503, 0x0603, 0x0203],
            // RSA, PKCS#1, with the same.
            Hello::StaticRsa => &[0x0401, 0x0501, 0x0601, 0x0201],
            // RSA-PSS too.
            Hello::Ordinary => &[0x0403, 0x0503, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601],
            // SM2 with SM3, in the number of GM channels and that of RFC 8998.
            Hello::Gm | Hello::Tlcp => &[0x0703, 0x0708],
        }
    }

    /// The record to send.
    fn encode(self, random: [u8; 32]) -> Vec<u8> {
        let mut extensions = Vec::new();
        let groups = self.groups();
        if !groups.is_empty() {
            extension(&mut extensions, 10, &counted(&numbers(groups)));
            // Uncompressed points only.
            extension(&mut extensions, 11, &[1, 0]);
        }
        extension(&mut extensions, 13, &counted(&numbers(self.signatures())));
        let mut body = self.version().to_be_bytes().to_vec();
        body.extend(random);
        body.push(0); // no session to resume: nodes close connections that offer one
        body.extend(counted(&numbers(self.suites())));
        body.extend([1, 0]); // no compression
        body.extend(counted(&extensions));
        let mut message = vec![CLIENT_HELLO, 0];
        message.extend((body.len() as u16).to_be_bytes());
        message.extend(body);
        let record_version = if self == Hello::Tlcp { TLCP } else { TLS_1_0 };
        let mut record = vec![HANDSHAKE];
        record.extend(record_version.to_be_bytes());
        record.extend(counted(&message));
        record
    }
}

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// Prepends two bytes of length.
fn counted(content: &[u8]) -> Vec<u8> {
    let mut bytes = (content.len() as u16).to_be_bytes().to_vec();
    bytes.extend(content);
    bytes
}

fn extension(out: &mut Vec<u8>, kind: u16, content: &[u8]) {
    out.extend(kind.to_be_bytes());
    out.extend(counted(content));
}

/// Sends `hello` on a new connection and reads the answer.
pub(super) async fn ask(mut tcp: TcpStream, hello: Hello, limit: Duration) -> Answer {
    let mut random = [0; 32];
    fastrand::fill(&mut random);
    let mut seen = Vec::new();
    let talk = async {
        tcp.write_all(&hello.encode(random)).await?;
        loop {
            if let Some(answer) = read(&seen) {
                return Ok::<_, io::Error>(answer);
            }
            if tcp.read_buf(&mut seen).await? == 0 || seen.len() > MOST {
                return Ok(rest(&seen));
            }
        }
    };
    match tokio::time::timeout(limit, talk).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => rest(&seen),
        Err(_) if seen.is_empty() => Answer::Silent,
        Err(_) => match rest(&seen) {
            Answer::Closed => Answer::Slow,
            other => other,
        },
    }
}

/// Interprets an answer that ends too early.
fn rest(seen: &[u8]) -> Answer {
    match seen {
        [] => Answer::Closed,
        [HANDSHAKE | ALERT, ..] => Answer::Closed,
        other => Answer::NoTls(other.to_vec()),
    }
}

/// Interprets the answer, if `seen` is enough for that.
fn read(seen: &[u8]) -> Option<Answer> {
    if seen.first().is_some_and(|first| !matches!(*first, HANDSHAKE | ALERT)) {
        return Some(Answer::NoTls(seen.to_vec()));
    }
    let mut messages = Vec::new();
    let mut records = seen;
    while let [kind, major, _minor, high, low, after @ ..] = records {
        if !matches!(*kind, HANDSHAKE | ALERT) || !matches!(*major, 1 | 3) {
            return Some(Answer::NoTls(seen.to_vec()));
        }
        let content = after.get(..usize::from(u16::from_be_bytes([*high, *low])))?;
        match (*kind, content) {
            (ALERT, [_, number, ..]) => return Some(Answer::Refused(*number)),
            (ALERT, _) => return Some(Answer::NoTls(seen.to_vec())),
            _ => messages.extend_from_slice(content),
        }
        if let Some(certificates) = first_flight(&messages) {
            return Some(Answer::Taken { certificates });
        }
        records = &after[content.len()..];
    }
    None
}

/// Returns the certificates of a server's first flight, once it is complete.
fn first_flight(mut messages: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut certificates = Vec::new();
    let mut taken = false;
    loop {
        let (&[kind], rest) = messages.split_first_chunk::<1>()?;
        let (body, rest) = counted24(rest)?;
        match kind {
            SERVER_HELLO => taken = true,
            CERTIFICATE => certificates = certificate_list(body),
            SERVER_HELLO_DONE if taken => return Some(certificates),
            _ => {}
        }
        messages = rest;
    }
}

/// Returns all certificates of a Certificate message, up to the first malformed one.
fn certificate_list(body: &[u8]) -> Vec<Vec<u8>> {
    let Some((mut list, _)) = counted24(body) else { return Vec::new() };
    let mut certificates = Vec::new();
    while let Some((certificate, rest)) = counted24(list) {
        certificates.push(certificate.to_vec());
        list = rest;
    }
    certificates
}

/// Splits off the data that follows three bytes of length.
fn counted24(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[high, mid, low], rest) = bytes.split_first_chunk::<3>()?;
    rest.split_at_checked(usize::from(high) << 16 | usize::from(mid) << 8 | usize::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_static_rsa_hello_byte_by_byte() {
        let mut expected = vec![22, 3, 1, 0, 71, 1, 0, 0, 67, 3, 3];
        expected.extend([7; 32]);
        expected.extend([0, 0, 12, 0, 0x9d, 0, 0x9c, 0, 0x3d, 0, 0x3c, 0, 0x35, 0, 0x2f, 1, 0]);
        expected.extend([0, 14, 0, 13, 0, 10, 0, 8, 4, 1, 5, 1, 6, 1, 2, 1]);
        assert_eq!(Hello::StaticRsa.encode([7; 32]), expected);
    }

    #[test]
    fn each_hello_offers_one_kind() {
        let gm = Hello::Gm.encode([0; 32]);
        assert_eq!(gm[43..50], [0, 0, 2, 0xe0, 0x11, 1, 0], "one suite");
        let tlcp = Hello::Tlcp.encode([0; 32]);
        assert_eq!((&tlcp[1..3], &tlcp[9..11]), (&[1, 1][..], &[1, 1][..]), "its own version");
        let ecdsa = Hello::Secp256k1.encode([0; 32]);
        let groups = [0, 10, 0, 4, 0, 2, 0, 0x16];
        assert!(ecdsa.windows(groups.len()).any(|window| window == groups), "one curve");
    }

    /// Builds a server's flight: ServerHello, two certificates, ServerHelloDone, in records of `cut` bytes.
    fn flight(cut: usize) -> Vec<u8> {
        let mut messages = vec![SERVER_HELLO, 0, 0, 2, 3, 3];
        messages.extend([CERTIFICATE, 0, 0, 12, 0, 0, 9, 0, 0, 2, 0xaa, 0xab, 0, 0, 1, 0xbb]);
        messages.extend([12, 0, 0, 1, 9]);
        messages.extend([SERVER_HELLO_DONE, 0, 0, 0]);
        let mut bytes = Vec::new();
        for part in messages.chunks(cut) {
            bytes.extend([HANDSHAKE, 3, 3]);
            bytes.extend(counted(part));
        }
        bytes
    }

    #[test]
    fn certificates_are_found_however_the_flight_is_cut() {
        let expected = Answer::Taken { certificates: vec![vec![0xaa, 0xab], vec![0xbb]] };
        for cut in [1, 2, 3, 7, 100] {
            let bytes = flight(cut);
            assert_eq!(read(&bytes), Some(expected.clone()), "{cut}");
            for end in 0..bytes.len() {
                assert_eq!(read(&bytes[..end]), None, "{cut}, {end}");
            }
        }
    }

    #[test]
    fn other_answers_are_told_apart() {
        assert_eq!(read(&[21, 3, 3, 0, 2, 2, 40]), Some(Answer::Refused(40)));
        assert_eq!(read(b"HTTP/1.1 400"), Some(Answer::NoTls(b"HTTP/1.1 400".to_vec())));
        assert_eq!(read(&[22, 80, 0, 0, 0]), Some(Answer::NoTls(vec![22, 80, 0, 0, 0])));
        assert_eq!(read(&[21, 3, 3, 0, 1, 2]), Some(Answer::NoTls(vec![21, 3, 3, 0, 1, 2])));
        assert_eq!(rest(&[]), Answer::Closed);
        assert_eq!(rest(&[22, 3, 3]), Answer::Closed);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut rng = fastrand::Rng::with_seed(7);
        let whole = flight(5);
        for _ in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..rng.usize(1..4) {
                let at = rng.usize(..bytes.len());
                bytes[at] = rng.u8(..);
            }
            bytes.truncate(rng.usize(..=whole.len()));
            read(&bytes);
        }
    }
}
