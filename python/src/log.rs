//! Passes the log of the library to Python's logger `amop`, through a bounded queue and a thread of its own, so that
//! logging never waits, in particular not for the interpreter's lock.

use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Once, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use amop::Process;
use amop::records::{Collector, Record};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;
use tracing::Level;
use tracing::level_filters::LevelFilter;

use crate::calling::call;
use crate::error::{Result, checked};
use crate::interpreter::attached;

/// The maximum number of records that wait for the thread. Further ones are counted and discarded.
const MOST_LINES: usize = 4096;

/// The maximum number of records that are logged under one acquisition of the interpreter's lock.
const BATCH: usize = 256;

/// The shortest interval between two queries of the logger's level.
const REFRESH: Duration = Duration::from_secs(1);

/// The current level, as [`number`] counts, read wherever a record might be created.
static LEVEL: AtomicU8 = AtomicU8::new(0);
/// When the level was last queried, in milliseconds since [`epoch`].
static QUERIED: AtomicU64 = AtomicU64::new(0);
/// Records discarded since the last report.
static LOST: AtomicU64 = AtomicU64::new(0);
/// The channel to the thread of this process. Never freed, because other threads may be using it.
static CHANNEL: AtomicPtr<Channel> = AtomicPtr::new(std::ptr::null_mut());

struct Channel {
    process: Process,
    lines: SyncSender<Line>,
}

/// An item for the thread.
enum Line {
    Record {
        at: SystemTime,
        record: Record,
    },
    /// Dropped when all records before it have been logged.
    Mark(#[allow(dead_code, reason = "dropping it is what it does")] SyncSender<()>),
}

/// Returns the current level as a `tracing` filter.
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
    let Some(channel) = channel() else { return };
    if channel.lines.try_send(Line::Record { at: SystemTime::now(), record }).is_err() {
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

/// Returns the channel to the thread; `None` before [`start`], and in a child process of a fork.
fn channel() -> Option<&'static Channel> {
    // SAFETY: it is null or comes from a box that is never freed.
    let channel = unsafe { CHANNEL.load(Ordering::Acquire).as_ref() }?;
    channel.process.check().is_ok().then_some(channel)
}

/// Starts the thread, once in a process, and queries the level of the logger.
///
/// # Errors
/// Returns RUNTIME if the system refuses the thread.
pub(crate) fn start(py: Python<'_>) -> Result<()> {
    // The interpreter's lock is held from here to the store, so that no other thread starts a second one.
    if channel().is_none() {
        let (lines, waiting) = sync_channel(MOST_LINES);
        checked(py, amop::threads::start("amop-log", move || pass_on(&waiting)))?;
        let channel = Box::new(Channel { process: Process::current(), lines });
        CHANNEL.store(Box::into_raw(channel), Ordering::Release);
    }
    static COLLECTS: Once = Once::new();
    // Fails if the command has run in this process before and already collects the log.
    COLLECTS.call_once(|| drop(tracing::subscriber::set_global_default(Collector::new(wanted, take))));
    query(py)
}

fn pass_on(waiting: &Receiver<Line>) {
    while let Ok(first) = waiting.recv() {
        let mut batch = vec![first];
        batch.extend(waiting.try_iter().take(BATCH - 1));
        let lost = LOST.swap(0, Ordering::Relaxed);
        attached(|py| {
            // The failure of a logger can't be reported.
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

/// Waits, for a limited time, until earlier records have been passed to Python. Call it without the interpreter's
/// lock.
pub(crate) fn flush() {
    const MOMENT: Duration = Duration::from_millis(500);
    let Some(channel) = channel() else { return };
    let (mark, passed) = sync_channel(0);
    if channel.lines.try_send(Line::Mark(mark)).is_ok() {
        // Nothing is ever sent: the wait ends when the mark is dropped.
        let _ = passed.recv_timeout(MOMENT);
    }
}

/// Queries the level of the logger, unless that was done recently. For threads that hold the interpreter's lock
/// anyway.
///
/// # Errors
/// Returns what is not a failure of the logger: exceptions that end the program, such as those of signal handlers, which
/// Python calls inside of any of its functions.
pub(crate) fn refresh(py: Python<'_>) -> Result<()> {
    let now = u64::try_from(epoch().elapsed().as_millis()).unwrap_or(u64::MAX);
    let queried = QUERIED.load(Ordering::Relaxed);
    if now.saturating_sub(queried) < REFRESH.as_millis() as u64 || channel().is_none() {
        return Ok(());
    }
    if QUERIED.compare_exchange(queried, now, Ordering::Relaxed, Ordering::Relaxed).is_err() {
        return Ok(());
    }
    match query(py) {
        Err(error) if !error.is_instance_of::<PyException>(py) => Err(error),
        // After a failure the level is queried again later.
        _ => Ok(()),
    }
}

/// Does what [`refresh`] does, on a thread of the library, where Python calls no signal handlers.
pub(crate) fn refresh_in_background(py: Python<'_>) {
    let _ = refresh(py);
}

fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

fn query(py: Python<'_>) -> Result<()> {
    static WANTED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let level: u8 = call(WANTED.import(py, "amop._logging", "wanted")?, ())?.extract()?;
    if LEVEL.swap(level, Ordering::Relaxed) != level {
        tracing::callsite::rebuild_interest_cache();
    }
    Ok(())
}
