//! Log. Records of what the library does, each with the connection or call it belongs to. Disabled until a callback is
//! set. Records above AMOP_LOG_TRACE contain no payloads.

use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use amop::records::{Collector, Record};
use amop::{Error, ErrorKind, Process, Result};
use once_cell::sync::OnceCell;
use tracing::Level;
use tracing::level_filters::LevelFilter;

use crate::argument::{c_text, invalid_argument};
use crate::boundary::guard;
use crate::callback::{Context, function};
use crate::cancellation::call_program;
use crate::error::amop_error;
use crate::status::amop_status;

/// The level of a record.
#[repr(i32)]
pub enum amop_log_level {
    /// No records.
    AMOP_LOG_OFF = 0,
    /// Errors in the library.
    AMOP_LOG_ERROR = 1,
    /// Problems around it: lost connections, answers that can't be sent.
    AMOP_LOG_WARN = 2,
    /// Its main steps: connections established.
    AMOP_LOG_INFO = 3,
    /// Details for debugging.
    AMOP_LOG_DEBUG = 4,
    /// All records, which may contain payloads.
    AMOP_LOG_TRACE = 5,
}

/// The callback for records. Its calls are sequential, in order.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct amop_log_callback {
    /// The function. `level` is an AMOP_LOG_*, `target` names the part of the library. The strings are borrowed for
    /// the call.
    pub call: Option<
        unsafe extern "C-unwind" fn(
            context: *mut c_void,
            level: i32,
            target: *const c_char,
            message: *const c_char,
        ),
    >,
    /// Passed to both functions.
    pub context: *mut c_void,
    /// Called once, after the last call; may be NULL.
    pub drop: Option<unsafe extern "C-unwind" fn(context: *mut c_void)>,
}

/// The callback with its level.
struct Listener {
    call: unsafe extern "C-unwind" fn(*mut c_void, i32, *const c_char, *const c_char),
    context: Context,
    level: i32,
}

/// The maximum number of records that wait for the callback. Further ones are counted and discarded, so that logging
/// never waits.
const MOST_RECORDS: usize = 4096;

/// The current level, read wherever a record might be created.
static LEVEL: AtomicI32 = AtomicI32::new(amop_log_level::AMOP_LOG_OFF as i32);
/// The current callback.
static LISTENER: Mutex<Option<Arc<Listener>>> = Mutex::new(None);
/// The channel to the log thread, once that has started.
static RECORDS: OnceCell<(Process, SyncSender<Record>)> = OnceCell::new();
/// Records discarded since the last report.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Returns the current level as a `tracing` filter.
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

/// Passes a record to the log thread.
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

/// Starts the log thread and the collector of records. Called once in a process.
fn start() -> Result<(Process, SyncSender<Record>)> {
    let (sender, records) = sync_channel(MOST_RECORDS);
    amop::threads::start("amop-log", move || pass_on(&records))?;
    tracing::subscriber::set_global_default(Collector::new(wanted, take)).map_err(|_| {
        Error::undelivered(
            ErrorKind::Unsupported,
            "a Rust program with a tracing subscriber of its own already collects the log",
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
            let message = format!("{lost} records were discarded: the log callback is too slow");
            listener.call(&Record { level: Level::WARN, target: "amop::log", message });
        }
        listener.call(&record);
    }
}

impl Listener {
    fn call(&self, record: &Record) {
        let level = number(record.level);
        if level > self.level {
            return;
        }
        let (target, message) = (c_text(record.target), c_text(&record.message));
        // SAFETY: the header demands a function that takes this context and texts lent for the call.
        call_program(|| unsafe {
            (self.call)(self.context.pointer(), level, target.as_ptr(), message.as_ptr());
        });
    }
}

/// Sets the callback for records at or above a level, in place of the previous one. AMOP_LOG_OFF, or a `call` that is
/// NULL, disables logging. The `drop` of the previous callback is called before this function returns, or, if that
/// callback is running, when it has returned.
///
/// - Ownership: the context of the callback is owned by the library until `drop`.
/// - Threads: any thread, including callbacks. Never waits. The callback runs on a thread of its own; if it is too
///   slow, records are discarded and counted.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, also for an unknown level; _RUNTIME, _UNSUPPORTED, _FORKED.
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
            return Err(invalid_argument(format!("{level} is not an AMOP_LOG_*")));
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
        let previous = {
            let mut current = LISTENER.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, listener)
        };
        LEVEL.store(level, Ordering::Relaxed);
        tracing::callsite::rebuild_interest_cache();
        drop(previous);
        Ok(())
    })
}
