//! The sections of a PEM file, with labels that the general reader doesn't know.

use pki_types::pem::{PemObject, SectionKind};
use zeroize::Zeroizing;

/// A section of PEM.
pub(super) struct Section {
    pub(super) label: String,
    /// Whether it is encrypted by headers inside of it, as OpenSSL did before PKCS#8.
    pub(super) has_old_encryption: bool,
    /// What it encodes; `None` if that is damaged.
    pub(super) der: Option<Zeroizing<Vec<u8>>>,
}

/// Returns whether there is PEM in a text.
pub(super) fn is_pem(text: &str) -> bool {
    text.contains("-----BEGIN ")
}

/// Returns the sections of a text. One that does not end is the last, and damaged.
pub(super) fn sections(text: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut lines =
        text.lines().map(|line| line.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}'));
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        let end = format!("-----END {label}-----");
        // As large as the original, so that no copy of a key is left behind when the memory grows.
        let mut body = Zeroizing::new(String::with_capacity(text.len() + 128));
        body.push_str("-----BEGIN PRIVATE KEY-----\n");
        let mut has_old_encryption = false;
        let mut has_end = false;
        for line in lines.by_ref() {
            has_end = line == end;
            if has_end {
                break;
            }
            has_old_encryption |= line.starts_with("Proc-Type:");
            body.push_str(line);
            body.push('\n');
        }
        body.push_str("-----END PRIVATE KEY-----\n");
        // The label was replaced, because the reader skips those that it doesn't know.
        let parsed = <(SectionKind, Vec<u8>)>::from_pem_slice(body.as_bytes());
        let der = parsed.ok().filter(|_| has_end).map(|(_, der)| Zeroizing::new(der));
        sections.push(Section { label: label.to_owned(), has_old_encryption, der });
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_have_their_labels_and_bytes_however_lines_end() {
        let text = "\u{feff}notes\r\n-----BEGIN EC PARAMETERS-----\r\n  YQ==\r\n-----END EC PARAMETERS-----\r\n\
                    -----BEGIN X-----\nProc-Type: 4,ENCRYPTED\n\nYg==\n-----END X-----\n-----BEGIN Y-----\nYw==\n";
        let found: Vec<_> = sections(text)
            .into_iter()
            .map(|section| (section.label, section.has_old_encryption, section.der.map(|der| der.to_vec())))
            .collect();
        assert_eq!(found[0], ("EC PARAMETERS".to_owned(), false, Some(b"a".to_vec())));
        assert_eq!((&*found[1].0, found[1].1), ("X", true));
        assert_eq!(found[2], ("Y".to_owned(), false, None), "it does not end");
        assert_eq!(found.len(), 3);
    }
}
