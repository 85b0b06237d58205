//! JSON that is safe to show on a terminal: characters that could command it are escaped, which changes no value.

use std::io;

use amop::text::is_unprintable;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

/// Writes `value` as one line.
pub(crate) fn write(out: impl io::Write, value: &impl Serialize) -> io::Result<()> {
    Ok(value.serialize(&mut Serializer::with_formatter(out, Escaping(CompactFormatter)))?)
}

/// The compact format, with unprintable characters of strings as `\uXXXX`. Those of ASCII are always escaped.
struct Escaping(CompactFormatter);

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_unprintable(*c)) {
            self.0.write_string_fragment(writer, &rest[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        self.0.write_string_fragment(writer, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unprintable_characters_are_escaped_and_values_stay() {
        let value = "ä\n\x1b\u{9b}\u{202e}\u{e0041}\u{2028}\"";
        let mut json = Vec::new();
        write(&mut json, &[value]).unwrap();
        let json = String::from_utf8(json).unwrap();
        assert_eq!(json, r#"["ä\n\u001b\u009b\u202e\udb40\udc41\u2028\""]"#);
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [value]);
    }
}
