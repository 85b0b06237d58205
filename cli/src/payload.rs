//! Payloads: read from the command line, standard input or a file; shown as text or hex.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use amop::ErrorKind;
use amop::protocol::channel::frame::MAX_SENT_FRAME_LEN;
use amop::text::{self, printable};
use bytes::Bytes;
use rustix::fs::{FileType, fstat};
use serde::{Serialize, Serializer};
use tokio::sync::oneshot;

use crate::exit::{Failure, Outcome};

/// The number of bytes that are shown of a payload that isn't text; `--full`, `--raw` and `--json` show all.
const MOST_HEX: usize = 256;

/// Reads the payload that an argument names: text, `-` for standard input, or `@FILE`; without an argument, standard input
/// unless it is a terminal or empty.
///
/// Reads files and standard input on a separate thread, because they may block.
pub(crate) async fn read(argument: Option<OsString>) -> Outcome<Bytes> {
    match argument {
        Some(text) if text != "-" && !text.as_bytes().starts_with(b"@") => Ok(text.into_vec().into()),
        argument => {
            let (answer, read) = oneshot::channel();
            amop::threads::start("amop-input", move || {
                // No receiver is left after Ctrl-C.
                let _ = answer.send(read_now(argument.as_deref()));
            })?;
            let ended = |error| Failure::io("can't read the message", io::Error::other(error));
            read.await.map_err(ended)?
        }
    }
}

fn read_now(argument: Option<&OsStr>) -> Outcome<Bytes> {
    match argument.map(OsStr::as_bytes) {
        Some(b"-") => from_standard_input(Source::Named),
        Some(b"@") => Err(Failure::Usage(
            "@ needs the name of a file, as in @picture.png; to send the text @, pass it on \
                                standard input: -"
                .to_owned(),
        )),
        Some([b'@', file @ ..]) => from_file(Path::new(OsStr::from_bytes(file))),
        Some(text) => Ok(Bytes::copy_from_slice(text)),
        None if std::io::stdin().is_terminal() => Err(no_message("")),
        None => from_standard_input(Source::Default),
    }
}

/// How standard input came to be the source of a message.
#[derive(PartialEq, Eq)]
enum Source {
    /// By `-`.
    Named,
    /// There is no argument.
    Default,
}

/// Reads standard input. If it is empty, this is only a message if `-` names it and it can be one: services and scheduled
/// jobs often run with a closed standard input or with `/dev/null`.
fn from_standard_input(source: Source) -> Outcome<Bytes> {
    let is_stream = holds_data(&std::io::stdin());
    let data = all_of(std::io::stdin().lock(), "standard input")?;
    match (data.is_empty(), source) {
        (true, Source::Default) => Err(no_message("standard input is empty; ")),
        (true, Source::Named) if !is_stream => {
            Err(no_message("standard input is closed, a terminal or a device without data; "))
        }
        _ => Ok(data),
    }
}

fn no_message(why: &str) -> Failure {
    Failure::Usage(format!(
        "no message to send: {why}pass DATA, - for standard input, or @FILE ('' sends an empty message)"
    ))
}

/// Returns whether standard input is a pipe, a socket or a file, and not a device or closed. A program that is started
/// with a closed standard input has `/dev/null` in its place.
fn holds_data(input: &io::Stdin) -> bool {
    let kind = fstat(input).map(|stat| FileType::from_raw_mode(stat.st_mode));
    kind.is_ok_and(|kind| kind != FileType::CharacterDevice)
}

fn from_file(path: &Path) -> Outcome<Bytes> {
    let file = std::fs::File::open(path).map_err(|error| {
        Failure::Usage(format!(
            "can't read {}: {error} (to send text that begins with @, pass it on standard input: -)",
            text::path(path)
        ))
    })?;
    all_of(file, &text::path(path).to_string())
}

/// Reads at most one byte more than fits a message.
fn all_of(source: impl Read, name: &str) -> Outcome<Bytes> {
    let mut data = Vec::new();
    let read = source.take(MAX_SENT_FRAME_LEN as u64 + 1).read_to_end(&mut data);
    read.map_err(|error| Failure::Usage(format!("can't read {name}: {error}")))?;
    if data.len() > MAX_SENT_FRAME_LEN {
        // The text of the library would give the number of bytes at which reading stopped.
        return Err(Failure::Amop(amop::Error::undelivered(
            ErrorKind::TooLarge,
            format!("{name} is larger than a message can be, {MAX_SENT_FRAME_LEN} bytes: split it"),
        )));
    }
    Ok(data.into())
}

/// A payload to show.
#[derive(Clone, Debug)]
pub(crate) struct Shown(Bytes);

impl Shown {
    pub(crate) fn new(data: &Bytes) -> Shown {
        Shown(data.clone())
    }

    /// Returns the bytes unchanged.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns, for people, the text if it is UTF-8, else hex with a note. Control and format characters other than line feeds and
    /// tabs are escaped, so that no payload commands the terminal or reorders what it shows.
    /// At most `limit` bytes are shown, followed by the length of all.
    pub(crate) fn text(&self, limit: usize) -> String {
        match std::str::from_utf8(&self.0) {
            Ok(text) => printable(text).with_lines().limit(limit).to_string(),
            Err(_) if limit == usize::MAX => hex_with_note(&self.0, limit),
            Err(_) => hex_with_note(&self.0, MOST_HEX),
        }
    }

    /// Returns the text as the rest of a line. Several lines begin below, indented, so that no payload passes for output of
    /// the command.
    pub(crate) fn inline(&self, limit: usize) -> String {
        if self.0.is_empty() {
            return "(empty)".to_owned();
        }
        let text = self.text(limit);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        if text.contains('\n') {
            text.split('\n').fold(String::new(), |shown, line| shown + "\n    " + line)
        } else {
            text.to_owned()
        }
    }
}

fn hex(data: &[u8]) -> String {
    data.iter().fold(String::with_capacity(data.len() * 2), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn hex_with_note(data: &[u8], most: usize) -> String {
    match data.get(..most) {
        Some(start) if data.len() > most => {
            format!("{}... (hex, the first {most} of {} bytes)", hex(start), data.len())
        }
        _ => format!("{} (hex, {})", hex(data), byte_count(data.len())),
    }
}

/// Returns a number of bytes for texts.
pub(crate) fn byte_count(bytes: usize) -> String {
    if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") }
}

/// `{"bytes":4,"encoding":"hex","data":"deadbeef"}`; the encoding is `utf-8` for UTF-8.
impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Payload<'a> {
            bytes: usize,
            encoding: &'static str,
            data: &'a str,
        }
        let bytes = self.0.len();
        match std::str::from_utf8(&self.0) {
            Ok(data) => Payload { bytes, encoding: "utf-8", data }.serialize(serializer),
            Err(_) => Payload { bytes, encoding: "hex", data: &hex(&self.0) }.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(data: &'static [u8]) -> Shown {
        Shown(Bytes::from_static(data))
    }

    #[test]
    fn text_is_shown_as_text_and_cannot_command_a_terminal() {
        assert_eq!(shown("grüße".as_bytes()).inline(1000), "grüße");
        assert_eq!(shown(b"\x1b[2Jgone\r\x07").inline(1000), "\\u{1b}[2Jgone\\r\\u{7}");
        assert_eq!(shown("\u{202e}\u{9b}2J\u{2028}".as_bytes()).text(1000), r"\u{202e}\u{9b}2J\u{2028}");
        assert_eq!(shown(b"").inline(1000), "(empty)");
    }

    #[test]
    fn several_lines_are_indented_below() {
        assert_eq!(shown(b"one\n").inline(1000), "one");
        assert_eq!(shown(b"{\n  1\n}\n").inline(1000), "\n    {\n      1\n    }");
    }

    #[test]
    fn bytes_are_shown_as_hex_with_a_note() {
        assert_eq!(shown(b"\xff\xad").inline(1000), "ffad (hex, 2 bytes)");
        let long = shown(&[0xff; 1000]).inline(1000);
        assert!(long.starts_with("ffff") && long.ends_with("ff... (hex, the first 256 of 1000 bytes)"));
        assert!(shown(&[0xff; 1000]).inline(usize::MAX).ends_with("ff (hex, 1000 bytes)"));
    }

    #[test]
    fn long_text_is_cut_and_its_length_is_given() {
        assert_eq!(shown(&[0; 1000]).inline(2), r"\u{0}\u{0}... (1000 bytes)");
        assert_eq!(shown(&[0; 3]).inline(3), r"\u{0}\u{0}\u{0}");
    }

    #[test]
    fn json_names_the_encoding() {
        let json = |data| serde_json::to_string(&shown(data)).unwrap();
        assert_eq!(json(b"a\n"), r#"{"bytes":2,"encoding":"utf-8","data":"a\n"}"#);
        assert_eq!(json(b"\xff\x00"), r#"{"bytes":2,"encoding":"hex","data":"ff00"}"#);
    }
}
