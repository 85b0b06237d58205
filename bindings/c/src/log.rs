//! Log. What the library does, for people; off until a callback is set. A record says which connection or call it is
//! about. Records hold no payloads.

use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use amop::records::{Collector, Record};
use amop::{Error, ErrorKind, Process, Result};
use once_cell::sync::OnceCell;
use tracing::Level;
use tracing::level_filters::LevelFilter;

use crate::boundary::{c_text, guard, unusable};
use crate::callback::{Context, function};
use crate::error::amop_error;
use crate::status::amop_status;

/// How much is told.
#[repr(i32)]
pub enum amop_log_level {
    /// Nothing.
    AMOP_LOG_OFF = 0,
    /// What goes wrong in the library.
    AMOP_LOG_ERROR = 1,
    /// What goes wrong around it: connections lost, answers that can't be sent.
    AMOP_LOG_WARN = 2,
    /// What it does: connections made.
    AMOP_LOG_INFO = 3,
    /// What helps to find a mistake.
    AMOP_LOG_DEBUG = 4,
    /// Everything.
    AMOP_LOG_TRACE = 5,
}

/// What is called for each record: one call after the other, in order.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct amop_log_callback {
    /// The function: `level` is an AMOP_LOG_*, `target` the part of the library that speaks. The texts are lent for
    /// the call.
    pub call: Option<
        unsafe extern "C" fn(context: *mut c_void, level: i32, target: *const c_char, message: *const c_char),
    >,
    /// Passed to both functions.
    pub context: *mut c_void,
    /// Called once, after the last call; may be NULL.
    pub drop: Option<unsafe extern "C" fn(context: *mut c_void)>,
}

/// A callback and how much it wants to hear.
struct Listener {
    call: unsafe extern "C" fn(*mut c_void, i32, *const c_char, *const c_char),
    context: Context,
    level: i32,
}

/// Records that wait for the callback; beyond it they are counted instead, so that logging never waits.
const MOST_RECORDS: usize = 4096;

/// How much is wanted now; read wherever something might be logged.
static LEVEL: AtomicI32 = AtomicI32::new(amop_log_level::AMOP_LOG_OFF as i32);
/// Who hears it now.
static LISTENER: Mutex<Option<Arc<Listener>>> = Mutex::new(None);
/// The way to the log's thread, once that runs.
static RECORDS: OnceCell<(Process, SyncSender<Record>)> = OnceCell::new();
/// Records that found no room.
static LOST: AtomicU64 = AtomicU64::new(0);

/// How much is wanted now, as `tracing` says it.
fn wanted() -> LevelFilter {
    match LEVEL.load(Ordering::Relaxed) {
        1 => LevelFilter::ERROR,
        2 => LevelFilter::WARN,
        3 => LevelFilter::INFO,
        4 => LevelFilter::DEBUG,
        5 => LevelFilter::TRACE,
        _ => LevelFilter::OFF,
    }
}

/// Passes a record to the log's thread.
fn take(record: Record) {
    let Some((process, records)) = RECORDS.get() else { return };
    if process.check().is_ok() && records.try_send(record).is_err() {
        LOST.fetch_add(1, Ordering::Relaxed);
    }
}

fn number(level: Level) -> i32 {
    match level {
        Level::ERROR => amop_log_level::AMOP_LOG_ERROR as i32,
        Level::WARN => amop_log_level::AMOP_LOG_WARN as i32,
        Level::INFO => amop_log_level::AMOP_LOG_INFO as i32,
        Level::DEBUG => amop_log_level::AMOP_LOG_DEBUG as i32,
        Level::TRACE => amop_log_level::AMOP_LOG_TRACE as i32,
    }
}

/// Starts what collects records and passes them to the callback, once in a process.
fn start() -> Result<(Process, SyncSender<Record>)> {
    let (sender, records) = sync_channel(MOST_RECORDS);
    amop::threads::start("amop-log", move || pass_on(&records))?;
    tracing::subscriber::set_global_default(Collector::new(wanted, take)).map_err(|_| {
        Error::undelivered(
            ErrorKind::Unsupported,
            "this program is in Rust itself and collects the library's log already",
        )
    })?;
    Ok((Process::current(), sender))
}

fn pass_on(records: &Receiver<Record>) {
    for record in records {
        let listener = LISTENER.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(listener) = listener else { continue };
        let lost = LOST.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let message = format!("{lost} records were lost: the log callback is too slow");
            listener.tell(&Record { level: Level::WARN, target: "amop::log", message });
        }
        listener.tell(&record);
    }
}

impl Listener {
    fn tell(&self, record: &Record) {
        let level = number(record.level);
        if level > self.level {
            return;
        }
        let (target, message) = (c_text(record.target), c_text(&record.message));
        // SAFETY: the header demands a function that takes this context and texts lent for the call.
        unsafe { (self.call)(self.context.pointer(), level, target.as_ptr(), message.as_ptr()) };
    }
}

/// Passes what the library logs to a callback, instead of the former one. A `call` that is NULL, or AMOP_LOG_OFF, ends
/// it. The former callback's `drop` is called before this returns, or, when it just runs, after it has returned.
///
/// - Ownership: the callback's context is the library's until `drop`.
/// - Threads: any, callbacks too; never waits. The callback runs on a thread of the log's own; when it is slow,
///   records are lost and counted.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT for a level that is none, _RUNTIME, _UNSUPPORTED, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_set_log_callback(
    level: i32,
    callback: amop_log_callback,
    error: *mut *mut amop_error,
) -> amop_status {
    const OFF: i32 = amop_log_level::AMOP_LOG_OFF as i32;
    const TRACE: i32 = amop_log_level::AMOP_LOG_TRACE as i32;
    guard!(error, {
        let context = Context::new(callback.context, callback.drop);
        if !(OFF..=TRACE).contains(&level) {
            return Err(unusable(format!("{level} is no AMOP_LOG_*")));
        }
        let (listener, level) = if level == OFF || callback.call.is_none() {
            (None, OFF)
        } else {
            // A later call may succeed where this one fails, for example once there are threads again.
            RECORDS.get_or_try_init(start)?;
            (Some(Arc::new(Listener { call: function(callback.call)?, context, level })), level)
        };
        if let Some((process, _)) = RECORDS.get() {
            process.check()?;
        }
        let former = {
            let mut current = LISTENER.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, listener)
        };
        LEVEL.store(level, Ordering::Relaxed);
        tracing::callsite::rebuild_interest_cache();
        drop(former);
        Ok(())
    })
}
