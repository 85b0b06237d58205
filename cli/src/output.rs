//! The one way to standard output and standard error, for people or as JSON.
//!
//! People get results on standard output and everything about them on standard error; scripts (`--json`) get
//! all of it as one JSON object a line on standard output.

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

/// What is beside the point: times, notes.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// What went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What needs a look.
pub(crate) const ODD: Style = AnsiColor::Yellow.on_default();
/// What failed.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Names and headings.
pub(crate) const STRONG: Style = Style::new().bold();

/// Whom the output is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// Text, coloured on a terminal.
    #[default]
    People,
    /// One JSON object a line.
    Json,
}

/// Something to be told, in both forms. The JSON form has its name under `event`.
pub(crate) trait Record: Serialize {
    /// Shows it to people, by [`Output::result`], [`Output::notice`] or [`Output::raw`].
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
        }
    }

    /// Tells nothing from now on: nobody listens any more.
    pub(crate) fn mute(&mut self) {
        self.muted = true;
    }

    /// Shows no progress from now on.
    pub(crate) fn forgo_progress(&mut self) {
        self.shows_progress = false;
    }

    /// Shows a progress line below the output, on a terminal and for people only; to be kept up to date.
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

    /// For people: how things stand, in the progress line if there is one, else as a notice.
    pub(crate) fn progress(&mut self, text: &str) -> io::Result<()> {
        if self.progress.is_hidden() {
            return self.notice(text);
        }
        self.progress.set_message(text.to_owned());
        Ok(())
    }

    /// Does `work`; if that takes long enough to wonder, a progress line says that it is `waiting`, and how long.
    /// Safe to cancel where `work` is.
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

    /// Takes the progress line away.
    pub(crate) fn end_progress(&mut self) {
        self.progress.finish_and_clear();
        self.progress = ProgressBar::hidden();
    }

    /// Tells a record; standard output may keep it until [`Output::flush`].
    pub(crate) fn tell(&mut self, record: &impl Record) -> io::Result<()> {
        match self.format {
            _ if self.muted => Ok(()),
            Format::Json => {
                json::write(&mut self.out, record)?;
                self.out.write_all(b"\n")
            }
            Format::People => record.show(self),
        }
    }

    /// Tells a record at once.
    pub(crate) fn tell_now(&mut self, record: &impl Record) -> io::Result<()> {
        self.tell(record)?;
        self.flush()
    }

    /// Writes bytes to standard output as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    /// Hands over everything that is buffered.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.muted {
            return Ok(());
        }
        let Output { out, progress, .. } = self;
        progress.suspend(|| out.flush())
    }

    /// Tells why the command ends, and returns the exit code for it.
    pub(crate) fn fail(&mut self, failure: &Failure) -> Exit {
        let record = match failure {
            Failure::ClosedPipe => return failure.exit(),
            Failure::Amop(error) => ErrorRecord::new(error),
            Failure::Usage(message) => ErrorRecord::plain("InvalidArgument", message.clone()),
            Failure::Io(what, error) => ErrorRecord::plain("Io", format!("{what}: {error}")),
        };
        match self.tell_now(&record) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                // Standard output takes nothing, a full disk for one. If standard error doesn't either, the exit
                // code has to do.
                let _ = writeln!(io::stderr(), "error: {}", record.explanation());
            }
            // Told; or nobody listens any more.
            Ok(()) | Err(_) => {}
        }
        failure.exit()
    }

    /// For people: a result, possibly styled, on standard output; a line feed is added.
    pub(crate) fn result(&mut self, text: &str) -> io::Result<()> {
        if self.out_colour { writeln!(self.out, "{text}") } else { writeln!(self.out, "{}", strip_str(text)) }
    }

    /// For people: something about results, possibly styled, on standard error; a line feed is added. What was
    /// told before comes first, so that both make sense on one terminal.
    pub(crate) fn notice(&mut self, text: &str) -> io::Result<()> {
        let Output { out, progress, err_colour, .. } = self;
        progress.suspend(|| {
            out.flush()?;
            let mut err = io::stderr().lock();
            if *err_colour { writeln!(err, "{text}") } else { writeln!(err, "{}", strip_str(text)) }
        })
    }
}

/// How often a progress line moves.
const TICK: Duration = Duration::from_millis(100);

/// However quickly messages come, no more: a terminal may be slow.
const DRAWS_A_SECOND: u8 = 20;

/// What is done sooner needs no progress line.
const PATIENCE: Duration = Duration::from_millis(500);

/// Enough for some hundred lines, so that a flood of messages costs few system calls.
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

    /// The same, for one of several messages.
    pub(crate) fn number(mut self, number: Option<u64>) -> ErrorRecord {
        self.number = number;
        self
    }

    /// The text without the word `error`.
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
