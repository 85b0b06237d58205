//! Makes text that others wrote safe to show in errors, logs and terminals.
//!
//! Nodes, subscribers and publishers choose bytes that end up in such texts: a reply's data, a topic, the subject of a
//! certificate. Unescaped they could begin new log lines, command a terminal or reverse the order of what is shown.
//! [`foreign`] quotes such bytes inside a text of ours; [`printable`] is for whole texts, [`path`] for paths. [`span`]
//! shows durations, [`digits`] other numbers.

use std::fmt::{self, Write};
use std::path::Path;
use std::time::Duration;

/// The number of bytes of a foreign text that are shown unless [`Foreign::limit`] sets another: a topic of full length.
pub const SHOWN_BYTES: usize = 256;

/// Returns a wrapper that shows bytes of another party as one safe line of bounded length.
///
/// `{}` shows the text alone, `{:?}` puts it in double quotes. Both escape characters that [`is_unprintable`], the
/// backslash (so that an escape can't be imitated), and bytes that are not UTF-8 as `\xNN`. A text that is longer than
/// the limit ends with `... (N bytes)`.
pub fn foreign<T: AsRef<[u8]> + ?Sized>(bytes: &T) -> Foreign<'_> {
    Foreign { bytes: bytes.as_ref(), limit: SHOWN_BYTES }
}

/// Bytes of another party, see [`foreign`]. Formatting allocates nothing.
#[derive(Clone, Copy)]
pub struct Foreign<'a> {
    bytes: &'a [u8],
    limit: usize,
}

impl Foreign<'_> {
    /// Sets the number of bytes that are shown. Default: 256.
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    fn shown(&self) -> &[u8] {
        &self.bytes[..cut(self.bytes, self.limit)]
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, is_escaped: impl Fn(char) -> bool) -> fmt::Result {
        for chunk in self.shown().utf8_chunks() {
            escape(f, chunk.valid(), &is_escaped)?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Foreign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, |c| c == '\\' || is_unprintable(c))?;
        write_mark(f, self.shown().len(), self.bytes.len())
    }
}

impl fmt::Debug for Foreign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        self.write(f, |c| matches!(c, '\\' | '"') || is_unprintable(c))?;
        f.write_char('"')?;
        write_mark(f, self.shown().len(), self.bytes.len())
    }
}

/// Returns a wrapper that shows a whole text, foreign parts included, on one line: each character that
/// [`is_unprintable`] is escaped, everything else stays as it is. Its own output comes out unchanged.
pub fn printable(text: &str) -> Printable<'_> {
    Printable { text, keeps_lines: false, limit: usize::MAX }
}

/// A whole text, see [`printable`]. Formatting allocates nothing.
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a> {
    text: &'a str,
    keeps_lines: bool,
    limit: usize,
}

impl Printable<'_> {
    /// Keeps line feeds and tabs, for texts that are shown on lines of their own.
    #[must_use]
    pub fn with_lines(mut self) -> Self {
        self.keeps_lines = true;
        self
    }

    /// Sets the number of bytes that are shown. Default: all.
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_kept = |c| self.keeps_lines && matches!(c, '\n' | '\t');
        let shown = &self.text[..cut(self.text.as_bytes(), self.limit)];
        escape(f, shown, |c| is_unprintable(c) && !is_kept(c))?;
        write_mark(f, shown.len(), self.text.len())
    }
}

/// The number of bytes of a path that are shown: as many as systems accept.
const SHOWN_PATH_BYTES: usize = 4096;

/// Returns a wrapper that shows a path as one safe line. Other than [`Path::display`], it escapes what could command a
/// terminal, and shows bytes that are not UTF-8.
pub fn path<P: AsRef<Path> + ?Sized>(path: &P) -> Foreign<'_> {
    foreign(path.as_ref().as_os_str().as_encoded_bytes()).limit(SHOWN_PATH_BYTES)
}

/// Returns a wrapper that shows a duration with a fitting unit and at most three digits: `850 us`, `1.23 ms`, `4.5 s`.
pub fn span(time: Duration) -> Span {
    Span(time)
}

/// A duration, see [`span`].
#[derive(Clone, Copy, Debug)]
pub struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        // The limits are those above which the next unit begins after rounding.
        let (value, unit) = match seconds {
            _ if seconds < 999.5e-6 => (seconds * 1e6, "us"),
            _ if seconds < 999.5e-3 => (seconds * 1e3, "ms"),
            _ => (seconds, "s"),
        };
        write!(f, "{} {unit}", digits(value))
    }
}

/// Returns a number from 0 up rounded to three digits, without zeros after them: `1.23`, `45.6`, `789`, `1234`.
pub fn digits(number: f64) -> String {
    let decimals = match number {
        _ if number < 9.995 => 2,
        _ if number < 99.95 => 1,
        _ => 0,
    };
    let shown = format!("{number:.decimals$}");
    if decimals == 0 { shown } else { shown.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

/// Returns whether a character could change how a terminal or a log shows other characters, or is invisible: control
/// characters (Cc, C1 included), format characters (Cf, with all that set the direction of text), line and paragraph
/// separators (Zl, Zp).
///
/// The standard library's own escaping does not fit: which characters it escapes is not specified, and it also escapes
/// quotes and the ideographic space. The category Cf is small and rarely grows, so that a crate for it is not worth a
/// dependency.
pub fn is_unprintable(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || matches!(c,
            // Zl, Zp.
            '\u{2028}' | '\u{2029}'
            // Cf, as of Unicode 17.
            | '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
            | '\u{8e2}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            // The block of tags, whose characters are all invisible.
            | '\u{e0000}'..='\u{e007f}')
}

/// Returns where to end so that at most `limit` bytes are shown, without a part of a character at the end. Bytes that are
/// not UTF-8 are cut anywhere.
fn cut(bytes: &[u8], limit: usize) -> usize {
    if bytes.len() <= limit {
        return bytes.len();
    }
    let is_inside_character = |at: usize| matches!(bytes[at], 0x80..=0xbf);
    (limit.saturating_sub(3)..=limit).rev().find(|at| !is_inside_character(*at)).unwrap_or(limit)
}

fn write_mark(f: &mut fmt::Formatter<'_>, shown: usize, of: usize) -> fmt::Result {
    if shown < of { write!(f, "... ({of} bytes)") } else { Ok(()) }
}

/// Writes `text` with the characters that `is_escaped` chooses as `\n`, `\\` or `\u{1b}`.
fn escape(f: &mut fmt::Formatter<'_>, text: &str, is_escaped: impl Fn(char) -> bool) -> fmt::Result {
    let mut rest = text;
    while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_escaped(*c)) {
        write!(f, "{}{}", &rest[..at], c.escape_default())?;
        rest = &rest[at + c.len_utf8()..];
    }
    f.write_str(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_format_and_separator_characters_are_escaped() {
        let text = "a\nb\r\t\0\x1b[31m\u{85}\u{9b}\u{202e}\u{2066}\u{2028}\u{2029}\u{200b}\u{feff}\u{e0041}z";
        let shown =
            r"a\nb\r\t\u{0}\u{1b}[31m\u{85}\u{9b}\u{202e}\u{2066}\u{2028}\u{2029}\u{200b}\u{feff}\u{e0041}z";
        assert_eq!(foreign(text).to_string(), shown);
        assert_eq!(printable(text).to_string(), shown);
        assert_eq!(printable("a\n\tb\u{202e}").with_lines().to_string(), "a\n\tb\\u{202e}");
    }

    #[test]
    fn legible_text_stays_as_it_is() {
        let text = "Grüße, 区块链\u{3000}链上 e\u{301} \u{939}\u{93f} 'x' \"y\"";
        assert_eq!(foreign(text).to_string(), text);
        assert_eq!(printable(text).to_string(), text);
    }

    #[test]
    fn quoted_text_escapes_quotes_and_backslashes() {
        assert_eq!(format!("{:?}", foreign("a\"b\\n'c'\n")), r#""a\"b\\n'c'\n""#);
        assert_eq!(foreign("a\"b\\n").to_string(), r#"a"b\\n"#);
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_escaped() {
        assert_eq!(foreign(b"a\xff\xe4\xb8b\xc0").to_string(), r"a\xff\xe4\xb8b\xc0");
    }

    #[test]
    fn long_text_is_cut_between_characters_and_marked() {
        let long = "x".repeat(300);
        assert_eq!(foreign(&long).to_string(), format!("{}... (300 bytes)", "x".repeat(256)));
        assert_eq!(format!("{:?}", foreign(&long).limit(2)), "\"xx\"... (300 bytes)");
        assert_eq!(foreign("链链").limit(5).to_string(), "链... (6 bytes)");
        assert_eq!(foreign("链链").limit(6).to_string(), "链链");
        assert_eq!(printable("链链").limit(5).to_string(), "链... (6 bytes)");
        assert_eq!(foreign(&[0x80; 9]).limit(5).to_string(), format!("{}... (9 bytes)", r"\x80".repeat(5)));
    }

    #[test]
    fn paths_are_shown_as_one_line() {
        assert_eq!(path("nodes/127.0.0.1/sdk").to_string(), "nodes/127.0.0.1/sdk");
        assert_eq!(path("a folder/链\n\u{1b}").to_string(), r"a folder/链\n\u{1b}");
    }

    #[test]
    fn durations_have_three_digits_and_a_fitting_unit() {
        for (nanos, shown) in [
            (0, "0 us"),
            (1_500, "1.5 us"),
            (999_400, "999 us"),
            (999_600, "1 ms"),
            (1_234_567, "1.23 ms"),
            (999_600_000, "1 s"),
            (2_999_990_035, "3 s"),
            (4_500_000_000, "4.5 s"),
            (9_999_987_983, "10 s"),
            (12_345_000_000, "12.3 s"),
            (100_000_000_000, "100 s"),
            (86_400_000_000_000, "86400 s"),
        ] {
            assert_eq!(span(Duration::from_nanos(nanos)).to_string(), shown);
        }
    }

    #[test]
    fn printable_output_comes_out_unchanged() {
        let once = printable("a\n\\ \u{202e}").to_string();
        assert_eq!(printable(&once).to_string(), once);
    }

    #[test]
    fn standard_library_escapes_every_unprintable_character() {
        for c in (char::MIN..=char::MAX).filter(|c| is_unprintable(*c)) {
            assert_ne!(c.escape_debug().count(), 1, "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_become_one_printable_line(bytes: Vec<u8>, limit in 0usize..40) {
            for text in [foreign(&bytes).limit(limit).to_string(), format!("{:?}", foreign(&bytes).limit(limit))] {
                prop_assert!(!text.chars().any(is_unprintable), "{text:?}");
                prop_assert!(text.len() <= 8 * limit + 40);
            }
        }
    }
}
