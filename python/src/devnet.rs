//! The native part of embedded nodes.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use amop::{Error, ErrorKind};
use amop_devnet::Node;
use pyo3::prelude::*;

use crate::error::{Result, checked, unusable};
use crate::log;
use crate::owned::Owned;
use crate::units::size;

/// Running embedded nodes.
#[pyclass(frozen, module = "amop._amop")]
pub(crate) struct Devnet {
    endpoints: Vec<String>,
    /// `None` after a stop.
    devnet: Owned<Mutex<Option<amop_devnet::Devnet>>>,
}

impl Devnet {
    /// Does something with a node.
    ///
    /// # Errors
    /// CLOSED after a stop, INVALID_ARGUMENT where there is no such node.
    fn with<R>(
        &self,
        py: Python<'_>,
        node: i128,
        act: impl FnOnce(&amop_devnet::Devnet, Node) -> R + Send,
    ) -> Result<R>
    where
        R: Send,
    {
        let count = self.endpoints.len();
        let Some(index) = usize::try_from(node).ok().filter(|node| *node < count) else {
            return Err(unusable(py, format!("there is no node {node}: take 0 to {}", count - 1)));
        };
        let devnet = checked(py, self.devnet.get())?;
        let acted = py.detach(|| match &*devnet.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(devnet) => Ok(act(devnet, devnet.node(index))),
            None => Err(Error::new(ErrorKind::Closed, "the devnet was stopped")),
        });
        checked(py, acted)
    }
}

#[pymethods]
impl Devnet {
    /// Starts nodes on threads of their own.
    #[new]
    fn new(
        py: Python<'_>,
        nodes: i128,
        port: u16,
        folder: PathBuf,
        rsa: bool,
        like_2_11: bool,
    ) -> Result<Devnet> {
        log::start(py)?;
        let count = size(py, "nodes", nodes)?;
        let ports: Vec<u16> = match port {
            0 => vec![0; count.min(usize::from(u16::MAX))],
            first => (first..=u16::MAX).take(count).collect(),
        };
        if ports.len() < count {
            return Err(unusable(
                py,
                format!("{count} nodes from port {port} on need ports above {}", u16::MAX),
            ));
        }
        let builder = amop_devnet::Devnet::builder().ports(ports).dir(folder).rsa(rsa);
        let builder = if like_2_11 { builder.like_2_11() } else { builder };
        let devnet = checked(py, py.detach(|| builder.start_blocking()))?;
        let endpoints = devnet.endpoints();
        Ok(Devnet { endpoints, devnet: Owned::new(Mutex::new(Some(devnet))) })
    }

    /// Where they listen.
    #[getter]
    fn endpoints(&self) -> Vec<String> {
        self.endpoints.clone()
    }

    /// Kills a node.
    fn kill(&self, py: Python<'_>, node: i128) -> Result<()> {
        self.with(py, node, |devnet, node| devnet.handle().block_on(node.kill()))
    }

    /// Brings a dead node back.
    fn restart(&self, py: Python<'_>, node: i128) -> Result<()> {
        let restarted = self.with(py, node, |devnet, node| devnet.handle().block_on(node.restart()))?;
        checked(py, restarted)
    }

    /// Stops a node for the time being.
    fn freeze(&self, py: Python<'_>, node: i128) -> Result<()> {
        self.with(py, node, |_, node| node.freeze())
    }

    /// Lets a frozen node go on.
    fn thaw(&self, py: Python<'_>, node: i128) -> Result<()> {
        self.with(py, node, |_, node| node.thaw())
    }

    /// Cuts all sessions of a node.
    fn cut_sessions(&self, py: Python<'_>, node: i128) -> Result<()> {
        self.with(py, node, |_, node| node.cut_sessions())
    }

    /// The topics of a node's own sessions.
    fn topics(&self, py: Python<'_>, node: i128) -> Result<Vec<String>> {
        self.with(py, node, |_, node| node.topics())
    }

    /// The sessions of a node.
    fn sessions(&self, py: Python<'_>, node: i128) -> Result<usize> {
        self.with(py, node, |_, node| node.sessions().len())
    }

    /// Stops all nodes, and waits for their end.
    fn stop(&self, py: Python<'_>) -> Result<()> {
        let devnet = checked(py, self.devnet.get())?;
        py.detach(|| {
            let running = devnet.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(running) = running {
                running.stop_blocking();
            }
        });
        Ok(())
    }
}
