//! What the library logs, on its way to Python's logger `amop`: through a bounded queue and a thread of its own, so that
//! logging never waits, for the interpreter's lock least of all.

use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Once, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use amop::Process;
use amop::records::{Collector, Record};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;
use tracing::Level;
use tracing::level_filters::LevelFilter;

use crate::calling::call;
use crate::error::{Result, checked};
use crate::interpreter::attached;

/// Lines that wait for the thread; beyond it they are counted instead.
const MOST_LINES: usize = 4096;

/// Lines that are logged under one acquisition of the interpreter's lock.
const BATCH: usize = 256;

/// How often, at most, the logger is asked for its level.
const REFRESH: Duration = Duration::from_secs(1);

/// How much is wanted now, as [`number`] counts; read wherever something might be logged.
static LEVEL: AtomicU8 = AtomicU8::new(0);
/// When the logger was last asked for its level, in milliseconds since [`epoch`].
static ASKED: AtomicU64 = AtomicU64::new(0);
/// Lines that found no room.
static LOST: AtomicU64 = AtomicU64::new(0);
/// The way to this process's thread. Never freed: others may be using it.
static WAY: AtomicPtr<Way> = AtomicPtr::new(std::ptr::null_mut());

struct Way {
    process: Process,
    lines: SyncSender<Line>,
}

/// What goes to the thread.
enum Line {
    Record {
        at: SystemTime,
        record: Record,
    },
    /// All before it have been logged once this is dropped.
    Mark(#[allow(dead_code, reason = "dropping it is what it does")] SyncSender<()>),
}

/// How much is wanted now, as `tracing` says it.
fn wanted() -> LevelFilter {
    match LEVEL.load(Ordering::Relaxed) {
        0 => LevelFilter::OFF,
        1 => LevelFilter::ERROR,
        2 => LevelFilter::WARN,
        3 => LevelFilter::INFO,
        4 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}

/// Passes a record to the thread.
fn take(record: Record) {
    let Some(way) = way() else { return };
    if way.lines.try_send(Line::Record { at: SystemTime::now(), record }).is_err() {
        LOST.fetch_add(1, Ordering::Relaxed);
    }
}

fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

/// The way to the thread; `None` before [`start`], and in the child of a fork.
fn way() -> Option<&'static Way> {
    // SAFETY: it is null or comes from a box that is never freed.
    let way = unsafe { WAY.load(Ordering::Acquire).as_ref() }?;
    way.process.check().is_ok().then_some(way)
}

/// Starts the thread, once in a process, and asks the logger for its level.
///
/// # Errors
/// Returns RUNTIME if the system refuses the thread.
pub(crate) fn start(py: Python<'_>) -> Result<()> {
    // The interpreter's lock is held from here to the store, so there is no second one meanwhile.
    if way().is_none() {
        let (lines, waiting) = sync_channel(MOST_LINES);
        checked(py, amop::threads::start("amop-log", move || pass_on(&waiting)))?;
        let way = Box::new(Way { process: Process::current(), lines });
        WAY.store(Box::into_raw(way), Ordering::Release);
    }
    static COLLECTS: Once = Once::new();
    // Fails when the command has run in this process before, and collects the log already.
    COLLECTS.call_once(|| drop(tracing::subscriber::set_global_default(Collector::new(wanted, take))));
    ask(py)
}

fn pass_on(waiting: &Receiver<Line>) {
    while let Ok(first) = waiting.recv() {
        let mut batch = vec![first];
        batch.extend(waiting.try_iter().take(BATCH - 1));
        let lost = LOST.swap(0, Ordering::Relaxed);
        attached(|py| {
            // A logger that fails has nobody to be told of it.
            let _ = log(py, &batch, lost);
        });
    }
}

fn log(py: Python<'_>, batch: &[Line], lost: u64) -> Result<()> {
    static EMIT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let records = PyList::empty(py);
    for line in batch {
        if let Line::Record { at, record } = line {
            let at = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
            records.append((at, number(record.level), record.target, &record.message))?;
        }
    }
    call(EMIT.import(py, "amop._logging", "emit")?, (records, lost)).map(drop)
}

/// Waits until what has been logged so far is with Python, for a moment at most. Not with the interpreter's lock.
pub(crate) fn flush() {
    const MOMENT: Duration = Duration::from_millis(500);
    let Some(way) = way() else { return };
    let (mark, passed) = sync_channel(0);
    if way.lines.try_send(Line::Mark(mark)).is_ok() {
        // Nothing is ever sent: it ends with the mark.
        let _ = passed.recv_timeout(MOMENT);
    }
}

/// Asks the logger for its level, unless that was done a moment ago. For those who hold the interpreter's lock anyway.
pub(crate) fn refresh(py: Python<'_>) {
    let now = u64::try_from(epoch().elapsed().as_millis()).unwrap_or(u64::MAX);
    let asked = ASKED.load(Ordering::Relaxed);
    if now.saturating_sub(asked) < REFRESH.as_millis() as u64 || way().is_none() {
        return;
    }
    if ASKED.compare_exchange(asked, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        // It will be asked again.
        let _ = ask(py);
    }
}

fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

fn ask(py: Python<'_>) -> Result<()> {
    static WANTED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let level: u8 = call(WANTED.import(py, "amop._logging", "wanted")?, ())?.extract()?;
    if LEVEL.swap(level, Ordering::Relaxed) != level {
        tracing::callsite::rebuild_interest_cache();
    }
    Ok(())
}
