//! Questions on the terminal for what must not be shown: passwords.

use std::fs::File;
use std::io::{self, IsTerminal};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::exit::{Failure, Outcome};
use crate::files::reading_files;
use crate::interrupt::Interrupt;

/// Returns whether a person can be asked. A program that reads the output of a prompt is not.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a password, whose characters are not shown. Ctrl-C and signals end the command, and the terminal shows characters
/// again.
pub(crate) async fn ask(prompt: String, interrupt: &Interrupt) -> Outcome<Zeroizing<String>> {
    let terminal = Terminal::save().map_err(failed)?;
    let asking = reading_files(move || rpassword::prompt_password(prompt).map(Zeroizing::new));
    let asked = interrupt.unless_caught(asking).await.transpose()?;
    // The thread that asks goes on with its read after a signal, and does not restore the terminal.
    terminal.restore();
    match asked {
        Some(Ok(password)) => Ok(password),
        // Ctrl-C, which also raises the signal.
        Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => Err(Failure::Interrupted),
        Some(Err(error)) => Err(failed(error)),
        None => Err(Failure::Interrupted),
    }
}

fn failed(error: io::Error) -> Failure {
    Failure::io("can't read the password", error)
}

/// The terminal of the process, and its settings before the prompt.
struct Terminal {
    file: File,
    settings: Termios,
}

impl Terminal {
    fn save() -> io::Result<Terminal> {
        let file = File::open("/dev/tty")?;
        let settings = tcgetattr(&file)?;
        Ok(Terminal { file, settings })
    }

    fn restore(self) {
        // A terminal that has gone needs no settings.
        let _ = tcsetattr(&self.file, OptionalActions::Now, &self.settings);
    }
}
