//! Options of a devnet. NULL in their place stands for the defaults: two nodes on free ports.
//!
//! Unless a function states otherwise:
//!
//! - Threads: any thread, including callbacks, but only one at a time.
//! - Errors: AMOP_ERROR_INVALID_ARGUMENT.

use std::ffi::c_char;
use std::path::PathBuf;

use amop::{Generations, Result, Tls};

use super::nodes::Nodes;
use super::settings::Settings;
use crate::argument::invalid_argument;
use crate::boundary::guard;
use crate::generation::generations_of;
use crate::macros::{borrow_mut, free, text};
use crate::status::amop_status;
use crate::tls::tls_of;
use crate::unwind::guard_or;

/// Settings of a devnet.
pub struct amop_devnet_options {
    nodes: usize,
    first_port: u16,
    folder: Option<PathBuf>,
    like_2_11: bool,
    like_3_16: bool,
    tls: Tls,
    generations: Generations,
}

impl Default for amop_devnet_options {
    fn default() -> amop_devnet_options {
        amop_devnet_options {
            nodes: 2,
            first_port: 0,
            folder: None,
            like_2_11: false,
            like_3_16: false,
            tls: Tls::Auto,
            generations: Generations::Auto,
        }
    }
}

impl amop_devnet_options {
    /// Starts nodes with these options.
    pub(super) fn start(&self) -> Result<Nodes> {
        Nodes::start(Settings {
            ports: self.ports()?,
            folder: self.folder.clone(),
            like_2_11: self.like_2_11,
            like_3_16: self.like_3_16,
            tls: self.tls,
            generations: self.generations,
        })
    }

    /// Returns one port for each node; 0 stands for any free port.
    fn ports(&self) -> Result<Vec<u16>> {
        let (first, most) = (self.first_port, usize::from(u16::MAX));
        if self.nodes > most {
            return Err(invalid_argument(format!(
                "{} nodes need more ports than there are: use at most {most} nodes",
                self.nodes
            )));
        }
        if first == 0 {
            return Ok(vec![0; self.nodes]);
        }
        let ports = (0..self.nodes).map(|node| u16::try_from(node).ok()?.checked_add(first));
        ports.collect::<Option<_>>().ok_or_else(|| {
            invalid_argument(format!("{} nodes from port {first} on need ports above 65535", self.nodes))
        })
    }
}

/// Creates options with all defaults.
///
/// - Ownership: the options are owned by the caller; free them with amop_devnet_options_free.
/// - Errors: none.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn amop_devnet_options_new() -> *mut amop_devnet_options {
    guard_or!(std::ptr::null_mut(), { Box::into_raw(Box::default()) })
}

/// Frees options.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_options_free(options: *mut amop_devnet_options) {
    guard_or!((), { free!(options) })
}

/// Sets the number of nodes. Default: 2.
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

/// Sets the port of the first node on 127.0.0.1; the other nodes use the ports that follow. Default: 0, which stands
/// for any free ports.
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

/// Sets the folder for the certificates, with the layout of the official chain script. It is created if it does not
/// exist, else its certificates are used. Default: a new temporary folder that is deleted with the devnet.
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

/// Sets whether to imitate the flaws of nodes of release 2.11.2: messages to clients of the same node are lost, which a
/// node chooses in some seconds, topics take 5 s to reach other nodes, frames overtake each other and wait for
/// acknowledgements (Nagle's algorithm). Default: false.
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

/// Sets whether to imitate the observed behaviour of nodes of release 3.16, for nodes of generation 3: topics take up to 2 s
/// to reach other nodes, and of the messages that arrive together the last is processed first. Default: false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_options_set_like_3_16(
    options: *mut amop_devnet_options,
    like: bool,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.like_3_16 = like;
        Ok(())
    })
}

/// Sets the kind of the nodes' TLS, an AMOP_TLS_*. For nodes of generation 2: AMOP_TLS_ECDHE (secp256k1 certificates, the
/// default), AMOP_TLS_STATIC_RSA (RSA certificates) or AMOP_TLS_GM (SM2 certificates); for nodes of generation 3:
/// AMOP_TLS_ECDHE (RSA certificates, the default) or AMOP_TLS_TLCP (SM2 certificates); for both AMOP_TLS_OFF, with which
/// clients need no credentials. A folder holds a chain of one kind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_options_set_tls(
    options: *mut amop_devnet_options,
    tls: i32,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.tls = tls_of(tls)?;
        Ok(())
    })
}

/// Sets the generation of the nodes, an AMOP_GENERATION_*. Default: AMOP_GENERATION_2, and so is AMOP_GENERATION_AUTO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_devnet_options_set_generation(
    options: *mut amop_devnet_options,
    generation: i32,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.generations = generations_of(generation)?;
        Ok(())
    })
}
