//! A program as a process: its lines are waited for one by one, and it ends when the test does.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Once;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::SignalKind;

/// When a test gives up; nothing waits for it to pass.
const GUARD: Duration = Duration::from_secs(120);

/// A running program.
#[derive(Debug)]
pub struct Program {
    name: String,
    pid: Pid,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    ended: Receiver<ExitStatus>,
}

/// What a program left behind.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit code; negative: ended by this signal.
    pub code: i32,
    /// The lines of standard output that were not waited for.
    pub stdout: Vec<String>,
    /// The same of standard error.
    pub stderr: Vec<String>,
}

impl Program {
    /// Starts a program in `folder`, with `input` as its standard input.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start_with(path: &str, arguments: &[&str], folder: &Path, input: &[u8]) -> Program {
        Program::spawn(Program::command(path, arguments, folder), input)
    }

    /// Returns the command that starts a program in `folder`, without what the environment of the tests sets for it.
    pub fn command(path: &str, arguments: &[&str], folder: &Path) -> Command {
        let mut command = Command::new(path);
        command.args(arguments).current_dir(folder);
        // What tests see must not depend on whose machine it is.
        let set = std::env::vars_os().map(|(name, _)| name);
        for name in set.filter(|name| name.as_encoded_bytes().starts_with(b"AMOP_")) {
            command.env_remove(name);
        }
        command.env_remove("CLICOLOR_FORCE").env("TZ", "Asia/Shanghai");
        command
    }

    /// Starts a program in `folder`.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start(path: &str, arguments: &[&str], folder: &Path) -> Program {
        Program::start_with(path, arguments, folder, b"")
    }

    /// Starts a program as `command` says.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn spawn(command: Command, input: &[u8]) -> Program {
        let (program, mut stdin) = Program::talk(command);
        let input = input.to_vec();
        // A program may end without reading its input.
        thread::spawn(move || drop(stdin.write_all(&input)));
        program
    }

    /// Starts a program that is told what to do bit by bit.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn talk(mut command: Command) -> (Program, ChildStdin) {
        reset_ignored_signals();
        let name = format!("{command:?}");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let stdin = child.stdin.take().expect("it was asked for");
        let stdout = lines(child.stdout.take().expect("it was asked for"));
        let stderr = lines(child.stderr.take().expect("it was asked for"));
        let pid = Pid::from_child(&child);
        let (tell, ended) = channel();
        thread::spawn(move || tell.send(child.wait().expect("it was not waited for before")));
        (Program { name, pid, stdout, stderr, ended }, stdin)
    }

    /// Returns the id of the process.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The next line of standard output.
    ///
    /// # Panics
    /// When the output ends, or none comes.
    pub fn line(&self) -> String {
        self.stdout.recv_timeout(GUARD).unwrap_or_else(|error| {
            let said: Vec<_> = self.stderr.try_iter().collect();
            panic!("{} wrote no further line ({error}); on standard error: {said:?}", self.name)
        })
    }

    /// The next line of standard error.
    ///
    /// # Panics
    /// As [`Program::line`].
    pub fn error_line(&self) -> String {
        self.stderr
            .recv_timeout(GUARD)
            .unwrap_or_else(|error| panic!("{} wrote no further line on standard error ({error})", self.name))
    }

    /// Sends what Ctrl-C sends.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn interrupt(&self) {
        kill_process(self.pid, Signal::INT).expect("the program runs");
    }

    /// Sends what `kill` and service managers send.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn terminate(&self) {
        kill_process(self.pid, Signal::TERM).expect("the program runs");
    }

    /// Sends what the end of a terminal sends, and an administrator who asks for a reload.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn hang_up(&self) {
        kill_process(self.pid, Signal::HUP).expect("the program runs");
    }

    /// Sends Ctrl-C again until the program ends: the command takes a second signal that arrives shortly after the first
    /// as part of it.
    ///
    /// # Panics
    /// When it doesn't end.
    pub fn interrupted_again(self) -> Ended {
        let guard = Instant::now() + GUARD;
        loop {
            // The program may end at any moment, as it should.
            let _ = kill_process(self.pid, Signal::INT);
            match self.ended.recv_timeout(Duration::from_millis(50)) {
                Ok(status) => return self.left_behind(status),
                Err(_) => assert!(Instant::now() < guard, "{} doesn't end", self.name),
            }
        }
    }

    /// Returns whether the program catches Ctrl-C, `true` on systems that can't say.
    pub fn catches_interrupts(&self) -> bool {
        signals(Some(self.pid), "SigCgt").is_none_or(|caught| caught & 2 != 0)
    }

    /// Sends Ctrl-C and SIGTERM so that both arrive at once.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn interrupt_and_terminate_at_once(&self) {
        for signal in [Signal::STOP, Signal::INT, Signal::TERM, Signal::CONT] {
            kill_process(self.pid, signal).expect("the program runs");
        }
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it doesn't end.
    pub fn end(self) -> Ended {
        let status = self.ended.recv_timeout(GUARD).unwrap_or_else(|_| panic!("{} doesn't end", self.name));
        self.left_behind(status)
    }

    fn left_behind(&self, status: ExitStatus) -> Ended {
        use std::os::unix::process::ExitStatusExt;
        let code = status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap_or(i32::MIN);
        Ended { code, stdout: self.stdout.iter().collect(), stderr: self.stderr.iter().collect() }
    }

    /// Interrupts it and waits for its end.
    ///
    /// # Panics
    /// When it has ended already, or doesn't end.
    pub fn interrupted(self) -> Ended {
        self.interrupt();
        self.end()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // After a wait the number may be another process's.
        if self.ended.try_recv().is_err_and(|error| error == std::sync::mpsc::TryRecvError::Empty) {
            let _ = kill_process(self.pid, Signal::KILL);
        }
    }
}

/// Lets programs receive Ctrl-C, SIGTERM and SIGHUP even if these are ignored in this process, as under `nohup` and in
/// background jobs of shells: a program inherits ignored signals, but not those that are caught.
///
/// # Panics
/// When no handler can be installed.
pub fn reset_ignored_signals() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let ignored = signals(None, "SigIgn").unwrap_or_default();
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            // Where a signal is not ignored, the test run must still end with it.
            if ignored >> (kind.as_raw_value() - 1) & 1 != 0 {
                // The handler stays installed after the runtime has ended.
                let _context = runtime.enter();
                drop(tokio::signal::unix::signal(kind).expect("it can be caught"));
            }
        }
    });
}

/// Returns a set of signals of a process, or of this one. `None` on systems without `/proc`.
fn signals(pid: Option<Pid>, set: &str) -> Option<u64> {
    let process = pid.map_or("self".to_owned(), |pid| pid.as_raw_nonzero().to_string());
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(set)?.strip_prefix(':'))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

/// The lines that come, until the end.
fn lines(source: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, lines) = channel();
    thread::spawn(move || {
        let mut source = BufReader::new(source);
        let mut line = Vec::new();
        while source.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line);
            if tell.send(text.strip_suffix('\n').unwrap_or(&text).to_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
    lines
}
