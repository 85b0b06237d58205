//! The native part of embedded nodes.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use amop::{Error, ErrorKind};
use amop_devnet::Generation;
use pyo3::prelude::*;

use crate::error::{Result, checked, unusable};
use crate::log;
use crate::options;
use crate::owned::Owned;
use crate::units::size;

/// Running embedded nodes.
#[pyclass(frozen, module = "amop._amop")]
pub(crate) struct Devnet {
    endpoints: Vec<String>,
    /// `None` after `stop`.
    devnet: Owned<Mutex<Option<amop_devnet::Devnet>>>,
}

#[pymethods]
impl Devnet {
    /// Starts nodes, on threads of their own.
    #[new]
    #[allow(clippy::too_many_arguments)] // only amop.devnet calls it
    fn new(
        py: Python<'_>,
        nodes: i128,
        port: i128,
        folder: Option<PathBuf>,
        tls: &str,
        generation: &str,
        like_2_11: bool,
        like_3_16: bool,
        nagle: bool,
    ) -> Result<Devnet> {
        log::start(py)?;
        let count = size(py, "nodes", nodes)?;
        let Ok(port) = u16::try_from(port) else {
            return Err(unusable(py, format!("invalid port {port}: use 0 to {}", u16::MAX)));
        };
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
        let generations = [Generation::V2, Generation::V3].map(|generation| (generation.name(), generation));
        let generation = options::choice(py, "generation", generation, &generations)?;
        let builder = amop_devnet::Devnet::builder().ports(ports).generation(generation);
        let builder = builder.tls(options::tls(py, tls)?);
        let builder = match folder {
            Some(folder) => builder.dir(folder),
            None => builder,
        };
        let builder = if like_2_11 { builder.like_2_11() } else { builder };
        let builder = if like_3_16 { builder.like_3_16() } else { builder };
        let builder = if nagle { builder.nagle(true) } else { builder };
        let devnet = checked(py, py.detach(|| builder.start_blocking()))?;
        let endpoints = devnet.endpoints();
        Ok(Devnet { endpoints, devnet: Owned::new(Mutex::new(Some(devnet))) })
    }

    /// The addresses of the nodes.
    #[getter]
    fn endpoints(&self) -> Vec<String> {
        self.endpoints.clone()
    }

    /// Executes a command and returns its answer as JSON.
    fn control(&self, py: Python<'_>, command: &str) -> Result<String> {
        let devnet = checked(py, self.devnet.get())?;
        let answer = py.detach(|| match &*devnet.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(devnet) => devnet.handle().block_on(devnet.control(command)),
            None => Err(Error::undelivered(ErrorKind::Closed, "the devnet has been stopped")),
        });
        checked(py, answer)
    }

    /// Stops all nodes and waits for their threads.
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
