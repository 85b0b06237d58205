//! Handshakes that were recorded with the TLS libraries of real nodes, see `tests/vectors/tls`.

use super::super::client::ClientConfig;
use super::super::codec::kind;
use super::super::mode::EngineMode;
use super::super::schedule::{Premaster, Randoms};
use super::super::suite::{RSA_AES_256_GCM, SM2_AGREEMENT, SM2_ENCRYPTION, Suite};
use super::fixture::{client_config, records, vector_file};

/// The file of a recorded connection: labels, and the bytes behind them.
pub(super) struct Recording(Vec<(String, String)>);

impl Recording {
    pub(super) fn load(name: &str) -> Recording {
        let text = String::from_utf8(vector_file(name)).unwrap();
        let line =
            |line: &str| line.split_once(": ").map(|(label, value)| (label.to_owned(), value.to_owned()));
        Recording(text.lines().filter_map(line).collect())
    }

    /// Returns all values with a label, in order.
    pub(super) fn all(&self, label: &str) -> Vec<Vec<u8>> {
        let values = self.0.iter().filter(|(found, _)| found == label);
        values.map(|(_, value)| unhex(value)).collect()
    }

    /// Returns the one value with a label.
    pub(super) fn one(&self, label: &str) -> Vec<u8> {
        let values = self.all(label);
        assert_eq!(values.len(), 1, "{label}");
        values.into_iter().next().unwrap()
    }

    /// Returns the handshake message of a type.
    pub(super) fn message(&self, sender: &str, kind: u8) -> Vec<u8> {
        let messages = self.all(&format!("{sender} message"));
        messages.into_iter().find(|message| message[0] == kind).unwrap()
    }

    /// Returns the random bytes in a hello message.
    pub(super) fn random(&self, sender: &str, kind: u8) -> [u8; 32] {
        self.message(sender, kind)[6..38].try_into().unwrap()
    }

    /// Returns all application data that the server sent.
    pub(super) fn answers(&self) -> Vec<u8> {
        let answers = self.0.iter().filter(|(label, _)| label == "answer");
        let text = |value: &str| value.trim_matches('"').replace("\\n", "\n");
        answers.map(|(_, value)| text(value)).collect::<String>().into_bytes()
    }
}

pub(super) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// One recorded connection, and what was agreed on in it.
pub(super) struct Recorded {
    pub(super) file: &'static str,
    pub(super) mode: EngineMode,
    pub(super) suite: &'static Suite,
    /// What the client offered.
    offered: &'static [&'static Suite],
}

/// All recordings.
#[rustfmt::skip]
pub(super) const ALL: [Recorded; 5] = [
    Recorded { file: "rsa-2x.txt", mode: EngineMode::StaticRsa, suite: &RSA_AES_256_GCM, offered: &[] },
    Recorded { file: "gm-2x-e011.txt", mode: EngineMode::GmTls12, suite: &SM2_AGREEMENT, offered: &[&SM2_AGREEMENT] },
    Recorded { file: "gm-2x-e013.txt", mode: EngineMode::GmTls12, suite: &SM2_ENCRYPTION, offered: &[&SM2_ENCRYPTION] },
    Recorded { file: "tlcp-3x-e013.txt", mode: EngineMode::Tlcp, suite: &SM2_ENCRYPTION, offered: &[] },
    Recorded { file: "tlcp-tongsuo-e011.txt", mode: EngineMode::Tlcp, suite: &SM2_AGREEMENT, offered: &[&SM2_AGREEMENT] },
];

impl Recorded {
    pub(super) fn load(&self) -> Recording {
        Recording::load(self.file)
    }

    pub(super) fn randoms(&self) -> Randoms {
        let recording = self.load();
        Randoms {
            client: recording.random("client", kind::CLIENT_HELLO),
            server: recording.random("server", kind::SERVER_HELLO),
        }
    }

    pub(super) fn premaster(&self) -> Premaster {
        Premaster::new(self.load().one("premaster").try_into().unwrap())
    }

    pub(super) fn client_config(&self) -> ClientConfig {
        let mut config = client_config(self.mode);
        if !self.offered.is_empty() {
            config.suites = self.offered;
        }
        config
    }

    /// Returns the record with the client's Finished message.
    pub(super) fn finished_record(&self) -> Vec<u8> {
        let output = self.load().one("client output");
        records(&output).pop().unwrap()
    }
}
