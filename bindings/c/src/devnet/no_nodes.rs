//! Replaces `nodes.rs` in builds without the feature `devnet`. No value of its type exists, because `start` fails.

use std::net::SocketAddr;
use std::path::PathBuf;

use amop::{Error, ErrorKind, Result};

use super::settings::Settings;

/// See `nodes.rs`.
pub(super) enum Nodes {}

impl Nodes {
    pub(super) fn start(_settings: Settings) -> Result<Nodes> {
        let text = "this build of the library has no embedded nodes: build it with the feature `devnet`";
        Err(Error::undelivered(ErrorKind::Unsupported, text))
    }

    pub(super) fn endpoints(&self) -> Vec<SocketAddr> {
        match *self {}
    }

    pub(super) fn credentials(&self) -> Option<PathBuf> {
        match *self {}
    }

    pub(super) fn kill(&self, _node: usize) -> Result<()> {
        match *self {}
    }

    pub(super) fn restart(&self, _node: usize) -> Result<()> {
        match *self {}
    }

    pub(super) fn control(&self, _command: &str) -> Result<String> {
        match *self {}
    }

    pub(super) fn stop(self) {
        match self {}
    }
}
