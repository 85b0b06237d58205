//! What both roles share during a handshake: the messages so far, and those to send.

use std::sync::Arc;

use pki_types::CertificateDer;
use subtle::ConstantTimeEq;

use super::super::alert::Alert;
use super::codec::{Reader, kind, vector};
use super::fault::Fault;
use super::mode::Parameters;
use super::random::Random;
use super::record::{Direction, MAX_PLAIN, Protection, content};
use super::schedule::{Randoms, Secrets, Side};

/// The most certificates that are accepted in one message: the longest chains have four, and each costs work.
const MAX_CERTIFICATES: usize = 16;

/// The state of a connection that the roles work on.
pub(super) struct Context {
    pub(super) parameters: &'static Parameters,
    pub(super) random: Arc<dyn Random>,
    pub(super) randoms: Randoms,
    /// Records that are ready to be sent.
    pub(super) output: Vec<u8>,
    /// All handshake messages so far. Bounded, because each message is and their sequence is fixed.
    transcript: Vec<u8>,
    write: Direction,
}

impl Context {
    pub(super) fn new(parameters: &'static Parameters, random: Arc<dyn Random>) -> Context {
        Context {
            parameters,
            random,
            randoms: Randoms::default(),
            output: Vec::new(),
            transcript: Vec::new(),
            write: Direction::new(parameters.version),
        }
    }

    /// Returns the handshake messages so far.
    pub(super) fn transcript(&self) -> &[u8] {
        &self.transcript
    }

    /// Adds a message that was received.
    pub(super) fn record(&mut self, message: &[u8]) {
        self.transcript.extend_from_slice(message);
    }

    /// Forgets the messages once the handshake is done.
    pub(super) fn end_handshake(&mut self) {
        self.transcript = Vec::new();
    }

    /// Sends a handshake message with the content that `body` appends.
    pub(super) fn send(&mut self, kind: u8, body: impl FnOnce(&mut Vec<u8>)) -> Result<(), Fault> {
        let start = self.transcript.len();
        self.transcript.push(kind);
        vector::<3>(&mut self.transcript, body);
        let message = &self.transcript[start..];
        for part in message.chunks(MAX_PLAIN) {
            self.write.seal(content::HANDSHAKE, &mut self.output, &*self.random, |out| {
                out.extend_from_slice(part);
            })?;
        }
        Ok(())
    }

    /// Sends the certificates of this side.
    pub(super) fn send_certificates(&mut self, certificates: &[CertificateDer<'_>]) -> Result<(), Fault> {
        self.send(kind::CERTIFICATE, |out| {
            vector::<3>(out, |out| {
                for certificate in certificates {
                    vector::<3>(out, |out| out.extend_from_slice(certificate));
                }
            });
        })
    }

    /// Sends ChangeCipherSpec, and under the new protection the Finished message of `side`.
    pub(super) fn finish(
        &mut self,
        side: Side,
        secrets: &Secrets,
        protection: Protection,
    ) -> Result<(), Fault> {
        self.write.seal(content::CHANGE_CIPHER_SPEC, &mut self.output, &*self.random, |out| out.push(1))?;
        self.write.protect(protection);
        let data = secrets.finished(side, &self.transcript);
        self.send(kind::FINISHED, |out| out.extend_from_slice(&data))
    }

    /// Checks the content of the peer's Finished message; `side` is the peer.
    pub(super) fn check_finished(
        &self,
        side: Side,
        secrets: &Secrets,
        body: Reader<'_>,
    ) -> Result<(), Fault> {
        let expected = secrets.finished(side, &self.transcript);
        if bool::from(body.rest().ct_eq(&expected)) {
            Ok(())
        } else {
            Err(Fault::new(Alert::DECRYPT_ERROR, "the Finished message of the peer is wrong"))
        }
    }

    /// Sends what follows, which is an alert, in records of this version: a peer that speaks another one would take them
    /// for something else than TLS.
    pub(super) fn refuse_in_version(&mut self, version: [u8; 2]) {
        self.write.set_version(version);
    }

    pub(super) fn send_alert(&mut self, level: u8, alert: Alert) -> Result<(), Fault> {
        self.write.seal(content::ALERT, &mut self.output, &*self.random, |out| {
            out.extend_from_slice(&[level, alert.0]);
        })
    }

    /// Sends a record of any type.
    #[cfg(test)]
    pub(super) fn send_record(&mut self, kind: u8, content: &[u8]) {
        let fill = |out: &mut Vec<u8>| out.extend_from_slice(content);
        self.write.seal(kind, &mut self.output, &*self.random, fill).unwrap();
    }

    /// Sends application data, at most [`MAX_PLAIN`] bytes.
    pub(super) fn send_data(&mut self, fill: impl FnOnce(&mut Vec<u8>)) -> Result<(), Fault> {
        self.write.seal(content::APPLICATION_DATA, &mut self.output, &*self.random, fill)
    }
}

/// Reads the content of a Certificate message.
pub(super) fn read_certificates<'a>(mut body: Reader<'a>) -> Result<Vec<CertificateDer<'a>>, Fault> {
    let mut list = body.vector24()?;
    body.end()?;
    let mut certificates = Vec::new();
    while !list.is_empty() {
        if certificates.len() == MAX_CERTIFICATES {
            return Err(Fault::new(Alert::BAD_CERTIFICATE, "the peer showed too many certificates"));
        }
        certificates.push(CertificateDer::from(list.vector24()?.rest()));
    }
    Ok(certificates)
}

/// Reads a list of numbers.
pub(super) fn read_numbers(mut list: Reader<'_>) -> Result<Vec<u16>, Fault> {
    let mut numbers = Vec::new();
    while !list.is_empty() {
        numbers.push(list.u16()?);
    }
    Ok(numbers)
}
