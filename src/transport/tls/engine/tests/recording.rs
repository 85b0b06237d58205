//! Handshakes that were recorded with the TLS libraries of real nodes, see `tests/vectors/tls`.

use super::fixture::vector_file;

/// One recorded connection: labels, and the bytes behind them.
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
