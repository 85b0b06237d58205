//! One connection without I/O: received bytes go in, application data and bytes to send come out.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, BytesMut};

use super::super::alert::Alert;
use super::client::{Client, ClientConfig};
use super::codec::{MESSAGE_HEADER, kind};
use super::context::Context;
use super::fault::{Cause, Fault};
use super::record::{Direction, HEADER, MAX_BODY, content};
use super::server::{Server, ServerConfig};

/// The longest handshake message that is accepted: certificates are far shorter.
const MAX_MESSAGE: usize = 128 * 1024;
/// The most alerts of level warning and requests to renegotiate that are passed over.
const MAX_IGNORED: u8 = 4;
const WARNING: u8 = 1;
const FATAL: u8 = 2;

/// What [`Connection::advance`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is application data, see [`Connection::data`].
    Data,
    /// All that was received is processed.
    NeedsInput,
    /// The peer has closed its direction.
    Closed,
}

/// One connection.
pub(super) struct Connection {
    role: Role,
    cx: Context,
    read: Direction,
    /// Bytes that were received, from a record's header on.
    input: BytesMut,
    /// Where in `input` application data lies that was not consumed, and where its record ends.
    data: Range<usize>,
    record_end: usize,
    /// Bytes of handshake messages that are not complete.
    messages: Vec<u8>,
    /// Whether a record has arrived: what comes before may not be TLS at all.
    has_started: bool,
    is_closed_by_peer: bool,
    has_sent_close: bool,
    has_failed: bool,
    ignored: u8,
}

enum Role {
    Client(Client),
    Server(Server),
}

impl Connection {
    /// Returns a client's connection, whose ClientHello is ready to be sent.
    pub(super) fn client(config: Arc<ClientConfig>) -> Result<Connection, Fault> {
        let mut cx = Context::new(config.parameters, config.random.clone());
        let client = Client::start(config, &mut cx)?;
        Ok(Connection::new(Role::Client(client), cx))
    }

    /// Returns a server's connection, which waits for the ClientHello.
    pub(super) fn server(config: Arc<ServerConfig>) -> Connection {
        let cx = Context::new(config.parameters, config.random.clone());
        Connection::new(Role::Server(Server::new(config)), cx)
    }

    /// Returns a server's connection whose hello messages are done.
    #[cfg(any(test, fuzzing))]
    pub(super) fn server_after_hello(
        config: Arc<ServerConfig>,
        cx: Context,
        suite: &'static super::suite::Suite,
    ) -> Connection {
        Connection::new(Role::Server(Server::after_hello(config, suite)), cx)
    }

    /// Returns what the role works on.
    #[cfg(test)]
    pub(super) fn context(&mut self) -> &mut Context {
        &mut self.cx
    }

    fn new(role: Role, cx: Context) -> Connection {
        Connection {
            role,
            read: Direction::new(cx.parameters.version),
            cx,
            input: BytesMut::new(),
            data: 0..0,
            record_end: 0,
            messages: Vec::new(),
            has_started: false,
            is_closed_by_peer: false,
            has_sent_close: false,
            has_failed: false,
            ignored: 0,
        }
    }

    /// Returns whether the handshake is done.
    pub(super) fn is_open(&self) -> bool {
        match &self.role {
            Role::Client(client) => client.is_open(),
            Role::Server(server) => server.is_open(),
        }
    }

    /// Returns whether the peer has shown certificates that are accepted.
    pub(super) fn has_accepted_peer(&self) -> bool {
        match &self.role {
            Role::Client(client) => client.has_accepted_peer(),
            Role::Server(server) => server.has_accepted_peer(),
        }
    }

    /// Returns where to append bytes that were received. One record is the most that is left over by
    /// [`Connection::advance`].
    pub(super) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Returns the bytes to send. The caller removes what it has sent.
    pub(super) fn output(&mut self) -> &mut Vec<u8> {
        &mut self.cx.output
    }

    /// Returns application data that has arrived.
    pub(super) fn data(&self) -> &[u8] {
        &self.input[self.data.clone()]
    }

    /// Removes the first `n` bytes of the application data.
    pub(super) fn consume(&mut self, n: usize) {
        self.data.start += n;
        if self.data.is_empty() && self.record_end > 0 {
            self.input.advance(self.record_end);
            self.record_end = 0;
            self.data = 0..0;
        }
    }

    /// Queues application data as one record, with what `fill` appends: at most 2^14 bytes.
    ///
    /// # Errors
    /// Returns a fault if the connection is not open.
    pub(super) fn send(&mut self, fill: impl FnOnce(&mut Vec<u8>)) -> Result<(), Fault> {
        if !self.is_open() || self.has_sent_close || self.has_failed {
            return Err(Fault::internal("the connection is not open"));
        }
        self.cx.send_data(fill)
    }

    /// Queues the announcement that nothing more will be sent.
    pub(super) fn close(&mut self) {
        if !self.has_sent_close && !self.has_failed {
            self.has_sent_close = true;
            // The only failure is that there are no random bytes; the peer then sees the end of the connection.
            let _ = self.cx.send_alert(WARNING, Alert::CLOSE_NOTIFY);
        }
    }

    /// Processes what was received, until there is application data or nothing more to process.
    ///
    /// # Errors
    /// Returns why the connection has failed. The alert for the peer is in the output.
    pub(super) fn advance(&mut self) -> Result<Progress, Fault> {
        if self.has_failed {
            return Err(Fault { alert: None, cause: Cause::Other("the connection has failed before") });
        }
        let advanced = self.process_records();
        if let Err(fault) = &advanced {
            self.has_failed = true;
            if let Some(alert) = fault.alert {
                let _ = self.cx.send_alert(FATAL, alert);
            }
        }
        advanced
    }

    fn process_records(&mut self) -> Result<Progress, Fault> {
        loop {
            if !self.data.is_empty() {
                return Ok(Progress::Data);
            }
            if self.is_closed_by_peer {
                return Ok(Progress::Closed);
            }
            let Some(&[kind, major, minor, high, low]) = self.input.first_chunk::<HEADER>() else {
                return Ok(Progress::NeedsInput);
            };
            let length = usize::from(u16::from_be_bytes([high, low]));
            self.check_header(kind, [major, minor], length)?;
            let end = HEADER + length;
            if self.input.len() < end {
                return Ok(Progress::NeedsInput);
            }
            let range = self.read.open(kind, &mut self.input[HEADER..end])?;
            let found = HEADER + range.start..HEADER + range.end;
            if found.is_empty() && kind != content::APPLICATION_DATA {
                return Err(Fault::malformed("an empty record arrived"));
            }
            if kind == content::APPLICATION_DATA {
                if !self.is_open() {
                    return Err(Fault::unexpected(
                        "application data arrived before the end of the handshake",
                    ));
                }
                self.data = found;
                self.record_end = end;
                // An empty record is legal.
                self.consume(0);
                continue;
            }
            let record = self.input.split_to(end);
            match kind {
                content::CHANGE_CIPHER_SPEC => self.change_cipher_spec(&record[found])?,
                content::ALERT => self.alert(&record[found])?,
                _ => self.handshake(&record[found])?,
            }
        }
    }

    /// Checks the header of a record before its body is waited for.
    fn check_header(&mut self, kind: u8, version: [u8; 2], length: usize) -> Result<(), Fault> {
        let is_known = (content::CHANGE_CIPHER_SPEC..=content::APPLICATION_DATA).contains(&kind);
        let may_be_tls = is_known && matches!(version, [3, 0..=4] | [1, 1]);
        if !self.has_started && !may_be_tls {
            return Err(Fault { alert: Some(Alert::DECODE_ERROR), cause: Cause::NotTls });
        }
        self.has_started = true;
        if !is_known {
            return Err(Fault::unexpected("a record of an unknown type arrived"));
        }
        let is_right = version == self.cx.parameters.version
            || match &self.role {
                // A node that speaks another version states so in records of that version.
                Role::Client(client) => client.is_first() && kind == content::ALERT,
                // The first record of TLS clients may have any version.
                Role::Server(server) => server.is_first(),
            };
        if !is_right {
            let what = format!("records of version {:04x}", u16::from_be_bytes(version));
            return Err(Fault::incompatible(Alert::PROTOCOL_VERSION, what));
        }
        if length > MAX_BODY {
            return Err(Fault::new(Alert::RECORD_OVERFLOW, "a record is longer than TLS allows"));
        }
        Ok(())
    }

    fn change_cipher_spec(&mut self, content: &[u8]) -> Result<(), Fault> {
        if content != [1] {
            return Err(Fault::malformed("ChangeCipherSpec has another content"));
        }
        if !self.messages.is_empty() {
            return Err(Fault::unexpected("ChangeCipherSpec arrived inside a message"));
        }
        let protection = match &mut self.role {
            Role::Client(client) => client.change_cipher_spec()?,
            Role::Server(server) => server.change_cipher_spec()?,
        };
        self.read.protect(protection);
        Ok(())
    }

    fn alert(&mut self, content: &[u8]) -> Result<(), Fault> {
        let &[level, number] = content else {
            return Err(Fault::malformed("an alert has another length"));
        };
        let alert = Alert(number);
        if alert == Alert::CLOSE_NOTIFY {
            self.is_closed_by_peer = true;
            return Ok(());
        }
        match level {
            WARNING => self.ignore(),
            FATAL => Err(Fault { alert: None, cause: Cause::Alert(alert) }),
            _ => Err(Fault::illegal("an alert has an unknown level")),
        }
    }

    /// Passes over something that has no effect, a few times.
    fn ignore(&mut self) -> Result<(), Fault> {
        self.ignored += 1;
        if self.ignored > MAX_IGNORED {
            return Err(Fault::unexpected("the peer sends too many messages without effect"));
        }
        Ok(())
    }

    fn handshake(&mut self, content: &[u8]) -> Result<(), Fault> {
        if self.is_open() {
            return self.renegotiation(content);
        }
        self.messages.extend_from_slice(content);
        while let Some(message) = self.next_message()? {
            if self.is_open() {
                return Err(Fault::unexpected("a handshake message arrived after the last"));
            }
            match &mut self.role {
                // It asks for a handshake, which is going on.
                Role::Client(_) if message[0] == kind::HELLO_REQUEST => {
                    if message.len() != MESSAGE_HEADER {
                        return Err(Fault::malformed("a HelloRequest has a content"));
                    }
                    self.ignore()?;
                }
                Role::Client(client) => client.message(&mut self.cx, &message)?,
                Role::Server(server) => server.message(&mut self.cx, &message)?,
            }
        }
        if self.is_open() && !self.messages.is_empty() {
            return Err(Fault::unexpected("a handshake message arrived after the last"));
        }
        Ok(())
    }

    /// Returns the next message that is complete.
    fn next_message(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let Some(&[_, a, b, c]) = self.messages.first_chunk::<MESSAGE_HEADER>() else { return Ok(None) };
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        if length > MAX_MESSAGE {
            return Err(Fault::illegal("a handshake message is too long"));
        }
        let end = MESSAGE_HEADER + length;
        if self.messages.len() < end {
            return Ok(None);
        }
        let rest = self.messages.split_off(end);
        Ok(Some(std::mem::replace(&mut self.messages, rest)))
    }

    /// Refuses to renegotiate: a client answers a request with a warning, a server ends the connection.
    fn renegotiation(&mut self, content: &[u8]) -> Result<(), Fault> {
        match self.role {
            Role::Client(_) if content == [kind::HELLO_REQUEST, 0, 0, 0] => {
                self.ignore()?;
                self.cx.send_alert(WARNING, Alert::NO_RENEGOTIATION)
            }
            Role::Client(_) => Err(Fault::unexpected("a handshake message arrived after the handshake")),
            Role::Server(_) => Err(Fault::new(Alert::NO_RENEGOTIATION, "the client renegotiates")),
        }
    }
}
