//! A parser for the parts of a TLS ClientHello that matter here: supported versions and sessions to resume.

/// The maximum length of a ClientHello that is inspected, longer than those of all known clients.
pub(crate) const MAX_LEN: usize = 16 * 1024;

const HANDSHAKE_RECORD: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SESSION_TICKET: u16 = 35;
const SUPPORTED_VERSIONS: u16 = 43;
const TLS_1_2: u16 = 0x0303;
const TLCP: u16 = 0x0101;

/// The result of parsing the first bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    /// A ClientHello in one record, the way all clients send it.
    Hello {
        speaks: Speaks,
        /// Empty if the client offers none.
        session_id: &'a [u8],
        /// Empty if the client offers none.
        ticket: &'a [u8],
    },
    /// Not a ClientHello.
    NoHello,
    /// The first part of a record.
    Incomplete,
}

/// The TLS versions that a client supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// TLS 1.2, and possibly others.
    Tls12,
    /// TLS 1.1 or older only.
    Older,
    /// TLS 1.3 or newer only.
    Newer,
    /// TLCP, whatever else.
    Tlcp,
}

/// Parses the first bytes of a connection.
pub(crate) fn parse(bytes: &[u8]) -> Parsed<'_> {
    let Some((header, rest)) = bytes.split_at_checked(5) else { return Parsed::Incomplete };
    if header[0] != HANDSHAKE_RECORD {
        return Parsed::NoHello;
    }
    let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
    let Some(record) = rest.get(..length) else { return Parsed::Incomplete };
    hello(record).unwrap_or(Parsed::NoHello)
}

fn hello(record: &[u8]) -> Option<Parsed<'_>> {
    // Message type, length (3 bytes), version, random.
    let (head, rest) = record.split_at_checked(4 + 2 + 32)?;
    if head[0] != CLIENT_HELLO {
        return None;
    }
    let (session_id, rest) = counted8(rest)?;
    let (_suites, rest) = counted16(rest)?;
    let (_compression, rest) = counted8(rest)?;
    let newest = u16::from_be_bytes([head[4], head[5]]);
    let mut speaks = match newest {
        TLCP => Speaks::Tlcp,
        ..TLS_1_2 => Speaks::Older,
        _ => Speaks::Tls12,
    };
    let mut ticket = &[][..];
    if !rest.is_empty() {
        let (mut extensions, _) = counted16(rest)?;
        while !extensions.is_empty() {
            let (kind, rest) = extensions.split_at_checked(2)?;
            let (content, rest) = counted16(rest)?;
            match u16::from_be_bytes([kind[0], kind[1]]) {
                SESSION_TICKET => ticket = content,
                // A client of TLCP may list versions of TLS here.
                SUPPORTED_VERSIONS if speaks != Speaks::Tlcp => {
                    let (versions, _) = counted8(content)?;
                    if !versions.chunks_exact(2).any(|version| version == TLS_1_2.to_be_bytes()) {
                        speaks = Speaks::Newer;
                    }
                }
                _ => {}
            }
            extensions = rest;
        }
    }
    Some(Parsed::Hello { speaks, session_id, ticket })
}

fn counted8(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(length))
}

fn counted16(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(2)?;
    rest.split_at_checked(usize::from(u16::from_be_bytes([length[0], length[1]])))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a ClientHello in one record.
    fn client_hello(session_id: &[u8], extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.push(session_id.len() as u8);
        body.extend(session_id);
        body.extend([0, 2, 0xc0, 0x2c, 1, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let mut record = vec![22, 3, 1];
        record.extend((body.len() as u16 + 4).to_be_bytes());
        record.extend([1, 0, 0, body.len() as u8]);
        record.extend(body);
        record
    }

    #[test]
    fn parse_finds_session_id_and_ticket() {
        let bytes = client_hello(b"id", &[0, 10, 0, 2, 0, 22, 0, 35, 0, 3, b't', b'i', b'c']);
        let speaks = Speaks::Tls12;
        assert_eq!(parse(&bytes), Parsed::Hello { speaks, session_id: b"id", ticket: b"tic" });
        let bytes = client_hello(b"", &[0, 35, 0, 0]);
        assert_eq!(parse(&bytes), Parsed::Hello { speaks, session_id: b"", ticket: b"" });
        for cut in 0..bytes.len() {
            assert_eq!(parse(&bytes[..cut]), Parsed::Incomplete);
        }
    }

    #[test]
    fn parse_finds_supported_versions() {
        let speaks = |bytes: &[u8]| match parse(bytes) {
            Parsed::Hello { speaks, .. } => speaks,
            other => panic!("{other:?}"),
        };
        assert_eq!(speaks(&client_hello(b"", &[0, 43, 0, 5, 4, 3, 4, 3, 3])), Speaks::Tls12);
        assert_eq!(speaks(&client_hello(b"", &[0, 43, 0, 3, 2, 3, 4])), Speaks::Newer);
        let mut old = client_hello(b"", &[]);
        old[10] = 2;
        assert_eq!(speaks(&old), Speaks::Older);
        let mut tlcp = client_hello(b"", &[0, 43, 0, 3, 2, 3, 4]);
        tlcp[9..11].copy_from_slice(&[1, 1]);
        assert_eq!(speaks(&tlcp), Speaks::Tlcp);
    }

    #[test]
    fn parse_rejects_other_messages() {
        assert_eq!(parse(b"GET / HTTP/1.1"), Parsed::NoHello);
        assert_eq!(parse(&[22, 3, 1, 0, 1, 9]), Parsed::NoHello);
        let mut lying = client_hello(b"", &[0, 35, 0, 9, 1]);
        assert_eq!(parse(&lying), Parsed::NoHello);
        lying[0] = 23;
        assert_eq!(parse(&lying), Parsed::NoHello);
    }
}
