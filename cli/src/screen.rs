//! The terminal for progress lines: standard error, used a little narrower than it is.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::TermLike;
use rustix::termios::tcgetwinsize;

/// The terminal at standard error.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    /// What the next flush writes.
    drawn: Mutex<String>,
}

/// The columns left free for `^C`, which the terminal prints at the cursor. In the last column it would begin a new line,
/// and then that line would be cleared instead of the progress line.
const CTRL_C_COLUMNS: u16 = 3;

/// The width of a terminal that doesn't report its size.
const USUAL_COLUMNS: u16 = 80;

impl Screen {
    fn draw(&self, text: &str) -> io::Result<()> {
        // No code panics between two changes of the text.
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
        Ok(())
    }

    fn control(&self, count: usize, letter: char) -> io::Result<()> {
        if count == 0 { Ok(()) } else { self.draw(&format!("\x1b[{count}{letter}")) }
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        let reported = tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_col);
        let columns = if reported == 0 { USUAL_COLUMNS } else { reported };
        columns.saturating_sub(CTRL_C_COLUMNS).max(1)
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.control(lines, 'A')
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.control(lines, 'B')
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.control(columns, 'C')
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.control(columns, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.draw(text)?;
        self.draw("\n")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.draw(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.draw("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let drawn = std::mem::take(&mut *self.drawn.lock().unwrap_or_else(PoisonError::into_inner));
        let mut err = io::stderr().lock();
        err.write_all(drawn.as_bytes())?;
        err.flush()
    }
}
