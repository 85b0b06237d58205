//! Output to standard output and standard error, for people or as JSON.
//!
//! For people, results go to standard output and everything about them to standard error. With `--json` everything goes to
//! standard output, as one JSON object per line.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use amop::text::printable;
use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::exit::{Exit, Failure, SUBSCRIBER_CODES};
use crate::json;
use crate::payload::Shown;
use crate::screen::Screen;

/// The style of secondary text: times, notes.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// The style of success.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// The style of warnings.
pub(crate) const ODD: Style = AnsiColor::Yellow.on_default();
/// The style of failures.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// The style of names and headings.
pub(crate) const STRONG: Style = Style::new().bold();

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// Text, coloured on a terminal.
    #[default]
    People,
    /// One JSON object per line.
    Json,
}

/// Something to write, in both forms. The JSON form has its name under `event`.
pub(crate) trait Record: Serialize {
    /// Writes it for people, by [`Output::result`], [`Output::notice`] or [`Output::raw`].
    fn show(&self, output: &mut Output) -> io::Result<()>;
}

/// Writes records; buffered until [`Output::flush`].
pub(crate) struct Output {
    format: Format,
    out: io::BufWriter<io::Stdout>,
    out_colour: bool,
    err_colour: bool,
    shows_progress: bool,
    progress: ProgressBar,
    muted: bool,
    payload_limit: usize,
}

impl Output {
    pub(crate) fn new(format: Format) -> Output {
        Output {
            format,
            out: io::BufWriter::with_capacity(BUFFER, io::stdout()),
            out_colour: AutoStream::choice(&io::stdout()) != ColorChoice::Never,
            err_colour: AutoStream::choice(&io::stderr()) != ColorChoice::Never,
            shows_progress: format == Format::People && io::stderr().is_terminal(),
            progress: ProgressBar::hidden(),
            muted: false,
            payload_limit: PAYLOAD_LIMIT,
        }
    }

    /// Shows payloads in full.
    pub(crate) fn show_in_full(&mut self) {
        self.payload_limit = usize::MAX;
    }

    /// Returns the number of bytes of a payload that are shown to people.
    pub(crate) fn payload_limit(&self) -> usize {
        self.payload_limit
    }

    /// Stops all output, because the reader has closed it.
    pub(crate) fn mute(&mut self) {
        self.muted = true;
    }

    /// Stops showing progress.
    pub(crate) fn disable_progress(&mut self) {
        self.shows_progress = false;
    }

    /// Shows a progress line below the output, only on a terminal and for people. The caller keeps it up to date.
    pub(crate) fn start_progress(&mut self, message: impl Into<Cow<'static, str>>) -> ProgressBar {
        if self.shows_progress {
            let screen = ProgressDrawTarget::term_like_with_hz(Box::new(Screen::default()), DRAWS_A_SECOND);
            self.progress = ProgressBar::with_draw_target(None, screen)
                .with_style(ProgressStyle::default_spinner())
                .with_message(message);
            self.progress.enable_steady_tick(TICK);
        }
        self.progress.clone()
    }

    /// For people: shows the progress in the progress line if there is one, else as a notice.
    pub(crate) fn progress(&mut self, text: &str) -> io::Result<()> {
        if self.progress.is_hidden() {
            return self.notice(text);
        }
        self.progress.set_message(text.to_owned());
        Ok(())
    }

    /// Runs `work`. If it takes longer than half a second, a progress line shows `waiting` and the elapsed time.
    ///
    /// # Cancel safety
    /// That of `work`.
    pub(crate) async fn while_waiting<T>(&mut self, waiting: String, work: impl Future<Output = T>) -> T {
        struct Line<'a>(&'a mut Output);

        impl Drop for Line<'_> {
            fn drop(&mut self) {
                self.0.end_progress();
            }
        }

        let mut work = std::pin::pin!(work);
        if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
            return done;
        }
        let style = ProgressStyle::with_template("{spinner} {msg}, {elapsed}");
        let line = Line(self);
        line.0.start_progress(waiting).set_style(style.expect("it is well-formed"));
        work.await
    }

    /// Removes the progress line.
    pub(crate) fn end_progress(&mut self) {
        self.progress.finish_and_clear();
        self.progress = ProgressBar::hidden();
    }

    /// Writes a record. Standard output may buffer it until [`Output::flush`].
    pub(crate) fn emit(&mut self, record: &impl Record) -> io::Result<()> {
        match self.format {
            _ if self.muted => Ok(()),
            Format::Json => {
                json::write(&mut self.out, record)?;
                self.out.write_all(b"\n")
            }
            Format::People => record.show(self),
        }
    }

    /// Writes a record and flushes.
    pub(crate) fn emit_now(&mut self, record: &impl Record) -> io::Result<()> {
        self.emit(record)?;
        self.flush()
    }

    /// Writes bytes to standard output unchanged.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    /// Writes everything that is buffered.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.muted {
            return Ok(());
        }
        let Output { out, progress, .. } = self;
        progress.suspend(|| out.flush())
    }

    /// Reports why the command failed, and returns the exit code.
    pub(crate) fn fail(&mut self, failure: &Failure) -> Exit {
        let record = match failure {
            Failure::ClosedPipe | Failure::Interrupted => return failure.exit(),
            Failure::Amop(error) => ErrorRecord::new(error),
            Failure::Usage(message) => ErrorRecord::plain("InvalidArgument", message.clone()),
            Failure::Io(what, error) => ErrorRecord::plain("Io", format!("{what}: {error}")),
        };
        match self.emit_now(&record) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                // Standard output can't be written, for example because the disk is full. If standard error can't
                // be written either, only the exit code is left.
                let _ = writeln!(io::stderr(), "error: {}", record.explanation());
            }
            // The record was written, or the reader has closed the output.
            Ok(()) | Err(_) => {}
        }
        failure.exit()
    }

    /// For people: a result, possibly styled, on standard output; a line feed is added.
    pub(crate) fn result(&mut self, text: &str) -> io::Result<()> {
        if self.out_colour { writeln!(self.out, "{text}") } else { writeln!(self.out, "{}", strip_str(text)) }
    }

    /// For people: the heading of the results that follow, on standard output.
    pub(crate) fn heading(&mut self, text: &str) -> io::Result<()> {
        if self.format == Format::Json { Ok(()) } else { self.result(&format!("{STRONG}{text}{STRONG:#}")) }
    }

    /// For people: something about results, possibly styled, on standard error; a line feed is added. Flushes standard
    /// output first, so that the order is right on a terminal. Ignores that standard error is full or closed, because
    /// this changes nothing about the results.
    pub(crate) fn notice(&mut self, text: &str) -> io::Result<()> {
        let Output { out, progress, err_colour, .. } = self;
        progress.suspend(|| {
            out.flush()?;
            let mut err = io::stderr().lock();
            let _ = if *err_colour { writeln!(err, "{text}") } else { writeln!(err, "{}", strip_str(text)) };
            Ok(())
        })
    }
}

/// The number of bytes of a payload that are shown to people by default.
const PAYLOAD_LIMIT: usize = 16 * 1024;

/// The interval at which a progress line is redrawn.
const TICK: Duration = Duration::from_millis(100);

/// The maximum rate of redraws, because a terminal may be slow.
const DRAWS_A_SECOND: u8 = 20;

/// The time after which work gets a progress line.
const PATIENCE: Duration = Duration::from_millis(500);

/// The buffer of standard output: some hundred lines, so that many messages need few system calls.
const BUFFER: usize = 64 * 1024;

/// A failure in both forms.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "error")]
pub(crate) struct ErrorRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retriable: Option<bool>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Shown>,
}

impl ErrorRecord {
    pub(crate) fn new(error: &amop::Error) -> ErrorRecord {
        ErrorRecord {
            number: None,
            kind: format!("{:?}", error.kind()),
            code: Some(error.code()),
            node_code: error.node_code(),
            delivery: Some(match error.delivery() {
                amop::Delivery::No => "no",
                amop::Delivery::Maybe => "maybe",
            }),
            retriable: Some(error.is_retriable()),
            message: error.message().to_owned(),
            data: (!error.data().is_empty()).then(|| Shown::new(error.data())),
        }
    }

    fn plain(kind: &str, message: String) -> ErrorRecord {
        ErrorRecord {
            number: None,
            kind: kind.to_owned(),
            code: None,
            node_code: None,
            delivery: None,
            retriable: None,
            message,
            data: None,
        }
    }

    /// Sets the number of the message, if it is one of several.
    pub(crate) fn number(mut self, number: Option<u64>) -> ErrorRecord {
        self.number = number;
        self
    }

    /// Returns the text without the word `error`.
    pub(crate) fn explanation(&self) -> String {
        // The library's text quotes what the subscriber sent. A file name or the system's text may hold anything.
        let mut text = printable(&self.message).to_string();
        // The library's texts often state the delivery. If the subscriber answered, it is obvious.
        let answered = self.code.is_some_and(|code| SUBSCRIBER_CODES.contains(&code));
        if self.delivery == Some("maybe") && !answered && !text.contains("may have been delivered") {
            text.push_str(" (it may still have been delivered)");
        }
        text
    }
}

impl Record for ErrorRecord {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        match self.number {
            Some(number) => output.notice(&format!("{BAD}message {number}:{BAD:#} {}", self.explanation())),
            None => output.notice(&format!("{BAD}error:{BAD:#} {}", self.explanation())),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn error_line_states_each_thing_once() {
        const LOST: i32 = amop::ErrorKind::ConnectionLost.code();
        const FAILED: i32 = amop::ErrorKind::SubscriberFailed.code();
        let explanation = |code, delivery, message: &str| {
            let data = Some(Shown::new(&Bytes::from_static(b"x")));
            let plain = ErrorRecord::plain("", message.to_owned());
            ErrorRecord { code: Some(code), delivery: Some(delivery), data, ..plain }.explanation()
        };
        assert_eq!(explanation(LOST, "maybe", "gone"), "gone (it may still have been delivered)");
        assert_eq!(explanation(LOST, "maybe", "may have been delivered"), "may have been delivered");
        assert_eq!(explanation(LOST, "no", "gone"), "gone");
        assert_eq!(explanation(FAILED, "maybe", "failed: \"x\""), "failed: \"x\"");
        assert_eq!(explanation(FAILED, "maybe", "failed\n\u{202e}"), r"failed\n\u{202e}");
    }
}
