//! The nodes of a build with the feature `devnet`. `no_nodes.rs` replaces this file in other builds.

use std::net::SocketAddr;
use std::path::PathBuf;

use amop::{Error, ErrorKind, Generations, Result, Tls};
use amop_devnet::{Devnet, Generation};
use tempfile::TempDir;

use super::settings::Settings;
use crate::waiting::{block_on, on_living_thread};

/// Running nodes, with the temporary folder of their certificates if there is one.
pub(super) struct Nodes {
    devnet: Devnet,
    /// Deleted when the devnet is freed.
    _temporary: Option<TempDir>,
}

impl Nodes {
    pub(super) fn start(settings: Settings) -> Result<Nodes> {
        let Settings { ports, folder, like_2_11, like_3_16, tls, generations } = settings;
        let temporary = match folder {
            Some(_) => None,
            // No certificates are made.
            None if tls == Tls::Off => None,
            None => Some(TempDir::with_prefix("amop-devnet-").map_err(|error| {
                let text = format!("could not create a temporary folder ({error}): set a folder");
                Error::undelivered(ErrorKind::InvalidArgument, text)
            })?),
        };
        let folder = folder.or_else(|| temporary.as_ref().map(|made| made.path().into()));
        let builder = Devnet::builder().ports(ports).dir(folder.unwrap_or_default());
        let generation = match generations {
            Generations::V3 => Generation::V3,
            _ => Generation::V2,
        };
        let builder = builder.tls(tls).generation(generation);
        let builder = if like_2_11 { builder.like_2_11() } else { builder };
        let builder = if like_3_16 { builder.like_3_16() } else { builder };
        Ok(Nodes { devnet: on_living_thread(|| builder.start_blocking())?, _temporary: temporary })
    }

    pub(super) fn endpoints(&self) -> Vec<SocketAddr> {
        self.devnet.nodes().iter().map(amop_devnet::Node::address).collect()
    }

    /// Returns the folder of a client's credentials, `None` without TLS.
    pub(super) fn credentials(&self) -> Option<PathBuf> {
        self.devnet.credentials_dir().map(PathBuf::from)
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

    pub(super) fn control(&self, command: &str) -> Result<String> {
        on_living_thread(|| {
            let _context = self.devnet.handle().enter();
            block_on(self.devnet.control(command))
        })
    }

    pub(super) fn stop(self) {
        on_living_thread(|| self.devnet.stop_blocking());
    }
}
