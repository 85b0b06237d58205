//! Embedded nodes. A devnet runs AMOP nodes in this process, so that programs can be tried and tested without a
//! chain. The nodes are connected like those of a chain: a message published at one node reaches a subscriber at
//! another. In a library that was built without them, amop_devnet_start fails with AMOP_ERROR_UNSUPPORTED.
//!
//! Unless a function states otherwise:
//!
//! - Ownership: the caller keeps `devnet`. Pointers returned are valid until it is freed.

use std::ffi::{CString, c_char};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use amop::{Error, ErrorKind, Process, Result};

use crate::argument::{c_text, invalid_argument};
use crate::boundary::guard;
use crate::error::amop_error;
use crate::macros::{borrow, borrow_optional, out, out_optional, take, text};
use crate::status::amop_status;
use crate::unwind::guard_or;

#[cfg(feature = "devnet")]
mod nodes;
#[cfg(not(feature = "devnet"))]
#[path = "no_nodes.rs"]
mod nodes;
mod options;
mod settings;

use nodes::Nodes;
pub use options::amop_devnet_options;

/// A devnet. Its functions may be called from any number of threads at once.
pub struct amop_devnet {
    process: Process,
    endpoints: Vec<CString>,
    /// `None` without TLS.
    credentials: Option<CString>,
    nodes: Mutex<Option<Nodes>>,
}

impl amop_devnet {
    /// Calls `act` with the nodes, or fails if they have been stopped.
    fn with<T>(&self, act: impl FnOnce(&Nodes) -> Result<T>) -> Result<T> {
        self.process.check()?;
        match &*self.nodes.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(nodes) => act(nodes),
            None => Err(Error::undelivered(ErrorKind::Closed, "the devnet has been stopped")),
        }
    }

    fn check_index(&self, node: usize) -> Result<()> {
        if node < self.endpoints.len() {
            return Ok(());
        }
        Err(invalid_argument(format!("invalid node {node}: the devnet has {}", self.endpoints.len())))
    }
}

/// Starts the nodes, on threads of their own, and stores the devnet in `*devnet`.
///
/// - Ownership: `options` (may be NULL) are borrowed. `*devnet` is owned by the caller; free it with
///   amop_devnet_free.
/// - Errors: AMOP_ERROR_LISTEN if a port is in use, _CREDENTIALS_INVALID if the folder contains other files,
///   _INVALID_ARGUMENT, _RUNTIME, _UNSUPPORTED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn amop_devnet_start(
    options: *const amop_devnet_options,
    devnet: *mut *mut amop_devnet,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(devnet)?;
        let defaults = amop_devnet_options::default();
        let options = borrow_optional!(options).unwrap_or(&defaults);
        let nodes = options.start()?;
        let as_text = |folder: PathBuf| match folder.to_str() {
            Some(text) => Ok(c_text(text)),
            None => Err(invalid_argument("the folder's name isn't UTF-8")),
        };
        let credentials = nodes.credentials().map(as_text).transpose()?;
        out.give(amop_devnet {
            process: Process::current(),
            endpoints: nodes.endpoints().iter().map(|endpoint| c_text(&endpoint.to_string())).collect(),
            credentials,
            nodes: Mutex::new(Some(nodes)),
        });
        Ok(())
    })
}

/// Returns the number of nodes, killed ones included; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_node_count(devnet: *const amop_devnet) -> usize {
    guard_or!(0, { borrow_optional!(devnet).map_or(0, |devnet| devnet.endpoints.len()) })
}

/// Returns the address of a node, for amop_options_add_endpoint; NULL for an invalid index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_endpoint(devnet: *const amop_devnet, node: usize) -> *const c_char {
    guard_or!(std::ptr::null(), {
        let endpoint = borrow_optional!(devnet).and_then(|devnet| devnet.endpoints.get(node));
        endpoint.map_or(std::ptr::null(), |endpoint| endpoint.as_ptr())
    })
}

/// Returns the folder with the credentials for clients, for amop_options_set_credentials; NULL for NULL, and if the nodes
/// use no TLS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_credentials(devnet: *const amop_devnet) -> *const c_char {
    guard_or!(std::ptr::null(), {
        let folder = borrow_optional!(devnet).and_then(|devnet| devnet.credentials.as_ref());
        folder.map_or(std::ptr::null(), |folder| folder.as_ptr())
    })
}

/// Kills a node, as a crash does: when this returns, its port is closed and its sessions are cut.
///
/// - Threads: any thread, including callbacks. Waits for the tasks of the node.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _CLOSED after amop_devnet_stop, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_kill_node(
    devnet: *const amop_devnet,
    node: usize,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let devnet = borrow!(devnet)?;
        devnet.check_index(node)?;
        devnet.with(|nodes| nodes.kill(node))
    })
}

/// Restarts a killed node on the same port. Does nothing if the node runs.
///
/// - Errors: AMOP_ERROR_LISTEN if the port is in use, _INVALID_ARGUMENT, _CLOSED, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_restart_node(
    devnet: *const amop_devnet,
    node: usize,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let devnet = borrow!(devnet)?;
        devnet.check_index(node)?;
        devnet.with(|nodes| nodes.restart(node))
    })
}

/// Runs a text command, such as `freeze 1` or `fault lose type=0x31 times=1 topic=hello`, and stores its answer in
/// `*answer`: a line of JSON, `{}` if the command has none. Nodes are counted from 0, and `sessions` returns the numbers of
/// sessions. The commands:
///
/// - `kill`, `restart`, `freeze`, `thaw`, `close-port`, `open-port`, `cut-sessions`, `reset-sessions` NODE
/// - `cut-link`, `restore-link` NODE NODE
/// - `clock-offset` NODE SECONDS
/// - `push-limit` SECONDS: how long a node waits for the reply of one session, 5 s at first and 30 s at nodes of 3.x
/// - `on-connect` NODE, then `serve`, `close`, `reset`, `stall` or `garbage`
/// - `certificate` NODE, then `valid`, `expired`, `early` or `foreign`
/// - `close`, `cut`, `reset`, `stall`, `resume` SESSION
/// - `fault`, then `lose`, `delay=SECONDS`, `twice`, `other-seq`, `other-type=TYPE`, `garbage`, `cut`, `close`, `reset` or
///   `stall`, then restrictions: `from-clients`, `node=0`, `session=0`, `type=0x31`, `after=1`, `times=1`, `chance=0.5` and,
///   at the end, `topic=hello`. The answer is `{"fault":ID}`
/// - `hits` ID, `remove-fault` ID, `clear-faults`, `block` NUMBER, `sessions`, `counters`
///
/// - Ownership: `command` is borrowed. `answer` may be NULL, else `*answer` is owned by the caller; free it with
///   amop_devnet_answer_free.
/// - Threads: any thread, including callbacks. Waits for the tasks of the node.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT if the command is unknown or malformed, or its node, session or fault does not
///   exist; _LISTEN if a port is in use, _CLOSED after amop_devnet_stop, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_control(
    devnet: *const amop_devnet,
    command: *const c_char,
    answer: *mut *mut c_char,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out_optional!(answer);
        let command = text!(command)?;
        let text = borrow!(devnet)?.with(|nodes| nodes.control(command))?;
        if let Some(out) = out {
            out.set(c_text(&text).into_raw());
        }
        Ok(())
    })
}

/// Frees an answer of amop_devnet_control.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_answer_free(answer: *mut c_char) {
    guard_or!((), {
        if !answer.is_null() {
            // SAFETY: the header demands an answer of amop_devnet_control that has not been freed.
            drop(unsafe { CString::from_raw(answer) });
        }
    })
}

/// Stops all nodes. When this returns, their sessions are closed and their threads have finished. Does nothing if the
/// devnet is stopped.
///
/// - Threads: any thread, including callbacks. Waits a few seconds at most.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_stop(
    devnet: *const amop_devnet,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let devnet = borrow!(devnet)?;
        devnet.process.check()?;
        let running = devnet.nodes.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            running.stop();
        }
        Ok(())
    })
}

/// Frees a devnet, and stops it in the background if it is not stopped.
///
/// - Threads: any thread, including callbacks. Never waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_free(devnet: *mut amop_devnet) {
    guard_or!((), { drop(take!(devnet)) })
}
