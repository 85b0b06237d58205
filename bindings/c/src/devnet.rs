//! The embedded nodes: a chain's AMOP in this process, so that programs can be tried and tested without a chain. They
//! are joined as a chain's nodes are: a message published at one reaches a subscriber at another. Not in every
//! build: then amop_devnet_start answers AMOP_ERROR_UNSUPPORTED.

use std::ffi::{CString, c_char};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use amop::{Process, Result};

use crate::boundary::{borrow, borrow_mut, borrow_optional, c_text, free, guard, out, take, text, unusable};
use crate::error::amop_error;
use crate::status::amop_status;

#[cfg(not(feature = "devnet"))]
use absent::Nodes;
#[cfg(feature = "devnet")]
use present::Nodes;

/// Options of a devnet, to be freed with amop_devnet_options_free. NULL in their place takes the defaults: two nodes on
/// any free ports. Belong to one thread at a time.
pub struct amop_devnet_options {
    nodes: usize,
    first_port: u16,
    folder: Option<PathBuf>,
    like_2_11: bool,
}

impl Default for amop_devnet_options {
    fn default() -> amop_devnet_options {
        amop_devnet_options { nodes: 2, first_port: 0, folder: None, like_2_11: false }
    }
}

impl amop_devnet_options {
    /// One port for each node; 0 is any that is free.
    fn ports(&self) -> Result<Vec<u16>> {
        let (first, most) = (self.first_port, usize::from(u16::MAX));
        if self.nodes > most {
            return Err(unusable(format!(
                "{} nodes can't have a port each: take at most {most}",
                self.nodes
            )));
        }
        if first == 0 {
            return Ok(vec![0; self.nodes]);
        }
        let ports = (0..self.nodes).map(|node| u16::try_from(node).ok()?.checked_add(first));
        ports.collect::<Option<_>>().ok_or_else(|| {
            unusable(format!("{} nodes from port {first} on would need ports above 65535", self.nodes))
        })
    }
}

/// Running embedded nodes. Its functions may be used from many threads at once.
pub struct amop_devnet {
    process: Process,
    endpoints: Vec<CString>,
    credentials: CString,
    nodes: Mutex<Option<Nodes>>,
}

impl amop_devnet {
    /// Does something with the nodes, unless they were stopped.
    fn with<T>(&self, act: impl FnOnce(&Nodes) -> Result<T>) -> Result<T> {
        self.process.check()?;
        match &*self.nodes.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(nodes) => act(nodes),
            None => Err(amop::Error::undelivered(amop::ErrorKind::Closed, "the devnet was stopped")),
        }
    }

    fn check_index(&self, node: usize) -> Result<()> {
        if node < self.endpoints.len() {
            return Ok(());
        }
        Err(unusable(format!("there is no node {node}; the devnet has {}", self.endpoints.len())))
    }
}

/// Options with all defaults.
///
/// - Ownership: the options are the caller's, for amop_devnet_options_free.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn amop_devnet_options_new() -> *mut amop_devnet_options {
    guard!(or std::ptr::null_mut(), { Box::into_raw(Box::default()) })
}

/// Frees options.
///
/// - Ownership: `options` is gone; NULL is fine.
/// - Threads: one at a time; callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_options_free(options: *mut amop_devnet_options) {
    guard!(or(), { free!(options) })
}

/// How many nodes. Default 2.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_options_set_nodes(
    options: *mut amop_devnet_options,
    nodes: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.nodes = nodes;
        Ok(())
    })
}

/// The first node's port on 127.0.0.1; the others have those that follow. Default 0: any that are free.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_options_set_port(
    options: *mut amop_devnet_options,
    port: u16,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.first_port = port;
        Ok(())
    })
}

/// The folder for the certificates, laid out as the official chain script does; made when it isn't there, used again
/// when it is. Default: a new one for temporary files, which goes with the devnet.
///
/// - Ownership: `folder` is copied.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_options_set_folder(
    options: *mut amop_devnet_options,
    folder: *const c_char,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.folder = Some(text!(folder)?.into());
        Ok(())
    })
}

/// Whether to imitate what nodes of version 2.11 do badly: messages to clients of the same node are lost, topics take
/// 5 s to travel, frames overtake each other. Default no.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_options_set_like_2_11(
    options: *mut amop_devnet_options,
    like: bool,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.like_2_11 = like;
        Ok(())
    })
}

/// Starts the nodes, on threads of their own.
///
/// - Ownership: `options` (may be NULL) are borrowed; `*devnet` is the caller's, for amop_devnet_free.
/// - Threads: any, callbacks too.
/// - Errors: AMOP_ERROR_LISTEN when a port is taken, _CREDENTIALS_INVALID when the folder holds something else,
///   _INVALID_ARGUMENT, _RUNTIME, _UNSUPPORTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_start(
    options: *const amop_devnet_options,
    devnet: *mut *mut amop_devnet,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(devnet)?;
        let defaults = amop_devnet_options::default();
        let options = borrow_optional!(options).unwrap_or(&defaults);
        let nodes = Nodes::start(options.ports()?, options.folder.clone(), options.like_2_11)?;
        let credentials = nodes.credentials()?;
        let credentials = credentials.to_str().ok_or_else(|| unusable("the folder's name isn't UTF-8"))?;
        out.give(amop_devnet {
            process: Process::current(),
            endpoints: nodes.endpoints().iter().map(|endpoint| c_text(&endpoint.to_string())).collect(),
            credentials: c_text(credentials),
            nodes: Mutex::new(Some(nodes)),
        });
        Ok(())
    })
}

/// How many nodes there are, dead ones included; 0 for NULL.
///
/// - Ownership: nothing changes hands.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_node_count(devnet: *const amop_devnet) -> usize {
    guard!(or 0, { borrow_optional!(devnet).map_or(0, |devnet| devnet.endpoints.len()) })
}

/// Where a node listens, for amop_options_add_endpoint; NULL where there is none of that index.
///
/// - Ownership: the text is lent as long as the devnet.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_endpoint(devnet: *const amop_devnet, node: usize) -> *const c_char {
    guard!(or std::ptr::null(), {
        let endpoint = borrow_optional!(devnet).and_then(|devnet| devnet.endpoints.get(node));
        endpoint.map_or(std::ptr::null(), |endpoint| endpoint.as_ptr())
    })
}

/// The folder with a client's credentials, for amop_options_set_credentials; NULL for NULL.
///
/// - Ownership: the text is lent as long as the devnet.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_credentials(devnet: *const amop_devnet) -> *const c_char {
    guard!(or std::ptr::null(), {
        borrow_optional!(devnet).map_or(std::ptr::null(), |devnet| devnet.credentials.as_ptr())
    })
}

/// Kills a node as a crash does: its port is closed and its sessions are cut when this returns.
///
/// - Ownership: nothing changes hands.
/// - Threads: any, callbacks too; waits for the node's tasks.
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

/// Brings a dead node back on the same port. Nothing happens when it is alive.
///
/// - Ownership: nothing changes hands.
/// - Threads: any, callbacks too.
/// - Errors: AMOP_ERROR_LISTEN when the port has been taken meanwhile, _INVALID_ARGUMENT, _CLOSED, _FORKED.
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

/// Stops all nodes: sessions are closed, and all their threads' work has ended when this returns. A second stop does
/// nothing.
///
/// - Ownership: `devnet` stays the caller's.
/// - Threads: any, callbacks too; waits some seconds at most.
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

/// Frees a devnet. One that wasn't stopped is, without waiting.
///
/// - Ownership: `devnet` is gone; NULL is fine.
/// - Threads: any, never waits; callbacks too.
/// - Errors: none. In the child of a fork the memory is left alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_free(devnet: *mut amop_devnet) {
    guard!(or(), { drop(take!(devnet)) })
}

/// The nodes of builds that have them.
#[cfg(feature = "devnet")]
mod present {
    use super::{PathBuf, Result, SocketAddr};
    use amop::{Error, ErrorKind};
    use amop_devnet::Devnet;
    use tempfile::TempDir;

    use crate::waiting::{block_on, on_living_thread};

    pub(super) struct Nodes {
        devnet: Devnet,
        /// Goes with the devnet.
        _temporary: Option<TempDir>,
    }

    impl Nodes {
        pub(super) fn start(ports: Vec<u16>, folder: Option<PathBuf>, like_2_11: bool) -> Result<Nodes> {
            let temporary = match folder {
                Some(_) => None,
                None => Some(TempDir::with_prefix("amop-devnet-").map_err(|error| {
                    let text = format!("no temporary folder can be made: {error}; name one");
                    Error::undelivered(ErrorKind::InvalidArgument, text)
                })?),
            };
            let folder = folder.or_else(|| temporary.as_ref().map(|made| made.path().into()));
            let builder = Devnet::builder().ports(ports).dir(folder.unwrap_or_default());
            let builder = if like_2_11 { builder.like_2_11() } else { builder };
            Ok(Nodes { devnet: on_living_thread(|| builder.start_blocking())?, _temporary: temporary })
        }

        pub(super) fn endpoints(&self) -> Vec<SocketAddr> {
            self.devnet.nodes().iter().map(amop_devnet::Node::address).collect()
        }

        pub(super) fn credentials(&self) -> Result<PathBuf> {
            let folder = self.devnet.credentials_dir();
            folder
                .map(PathBuf::from)
                .ok_or_else(|| Error::undelivered(ErrorKind::Internal, "the devnet has no folder"))
        }

        pub(super) fn kill(&self, node: usize) -> Result<()> {
            block_on(self.devnet.node(node).kill());
            Ok(())
        }

        pub(super) fn restart(&self, node: usize) -> Result<()> {
            on_living_thread(|| {
                let _context = self.devnet.handle().enter();
                block_on(self.devnet.node(node).restart())
            })
        }

        pub(super) fn stop(self) {
            on_living_thread(|| self.devnet.stop_blocking());
        }
    }
}

/// Those of builds without: there are none, and never will be.
#[cfg(not(feature = "devnet"))]
mod absent {
    use super::{PathBuf, Result, SocketAddr};
    use amop::{Error, ErrorKind};

    pub(super) enum Nodes {}

    impl Nodes {
        pub(super) fn start(_ports: Vec<u16>, _folder: Option<PathBuf>, _like_2_11: bool) -> Result<Nodes> {
            let text = "this build of the library has no embedded nodes: build it with the feature `devnet`";
            Err(Error::undelivered(ErrorKind::Unsupported, text))
        }

        pub(super) fn endpoints(&self) -> Vec<SocketAddr> {
            match *self {}
        }

        pub(super) fn credentials(&self) -> Result<PathBuf> {
            match *self {}
        }

        pub(super) fn kill(&self, _node: usize) -> Result<()> {
            match *self {}
        }

        pub(super) fn restart(&self, _node: usize) -> Result<()> {
            match *self {}
        }

        pub(super) fn stop(self) {
            match self {}
        }
    }
}
