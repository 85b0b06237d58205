//! A chain in a folder, laid out as the official chain script does.
//!
//! ```text
//! sdk/          ca.crt  sdk.crt  sdk.key
//! node0/conf/   ca.crt  node.crt  node.key        node1/conf/ ...
//! cert/         ca.crt  ca.key                    what issues further certificates
//! cert/agency/  agency.crt  agency.key
//! ```
//!
//! What is there is reused or reported, never overwritten.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use amop::transport::{CredentialSource, Credentials};
use amop::{Error, ErrorKind, Result};

use super::authority::{Authority, Chain, ChainOptions, Identity, LeafOptions, Role};

/// What only their owner may read.
const KEY_MODE: u32 = 0o600;
const CERTIFICATE_MODE: u32 = 0o644;

/// A chain that lives in a folder.
#[derive(Debug)]
pub struct ChainFolder {
    folder: PathBuf,
    chain: Chain,
}

impl ChainFolder {
    /// The chain in `folder`, with at least `nodes` nodes and an SDK: what is there is reused, what isn't is minted.
    ///
    /// Reads and writes files in place: quick, but blocking.
    ///
    /// # Errors
    /// [`ErrorKind::CredentialsNotFound`] if a part of a chain is there and another is missing;
    /// [`ErrorKind::CredentialsInvalid`], [`ErrorKind::KeyMismatch`] or [`ErrorKind::CertificateDates`] if something
    /// there can't be used, or if a file can't be written. Nothing that was there is changed.
    pub fn open_or_mint(folder: impl Into<PathBuf>, nodes: usize) -> Result<ChainFolder> {
        let folder = folder.into();
        let chain = if holds_a_chain(&folder) { open(&folder)? } else { create(&folder)? };
        let chain_folder = ChainFolder { folder, chain };
        for index in 0..nodes {
            chain_folder.ensure_node(index)?;
        }
        Ok(chain_folder)
    }

    /// The SDK's folder: what a client is given.
    pub fn sdk(&self) -> PathBuf {
        self.folder.join("sdk")
    }

    /// The credentials of the node with this number, from 0, as [`ChainFolder::open_or_mint`] left them.
    pub fn node(&self, index: usize) -> CredentialSource {
        CredentialSource::Directory(self.node_folder(index))
    }

    /// The chain, to issue further certificates.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    fn node_folder(&self, index: usize) -> PathBuf {
        self.folder.join(format!("node{index}")).join("conf")
    }

    /// Checks the node's files, or mints them if the node has no folder yet.
    fn ensure_node(&self, index: usize) -> Result<()> {
        let folder = self.node_folder(index);
        if folder.exists() {
            return check(&CredentialSource::Directory(folder));
        }
        let identity = self.chain.issue(Role::Node, &format!("node{index}"), &LeafOptions::default())?;
        write_identity(&folder, &identity, "node")
    }
}

/// Whether any part of a chain is in `folder`.
fn holds_a_chain(folder: &Path) -> bool {
    ["cert", "sdk", "node0"].iter().any(|part| folder.join(part).exists())
}

fn create(folder: &Path) -> Result<Chain> {
    let chain = Chain::mint(&ChainOptions::default())?;
    let cert = folder.join("cert");
    write(&cert.join("ca.crt"), &chain.root().certificate_pem()?, CERTIFICATE_MODE)?;
    write(&cert.join("ca.key"), &chain.root().key_pem()?, KEY_MODE)?;
    write(&cert.join("agency/agency.crt"), &chain.agency().certificate_pem()?, CERTIFICATE_MODE)?;
    write(&cert.join("agency/agency.key"), &chain.agency().key_pem()?, KEY_MODE)?;
    write_identity(&folder.join("sdk"), &chain.issue(Role::Sdk, "sdk", &LeafOptions::default())?, "sdk")?;
    Ok(chain)
}

fn open(folder: &Path) -> Result<Chain> {
    let cert = folder.join("cert");
    let ca = (cert.join("ca.crt"), cert.join("ca.key"));
    let agency = (cert.join("agency/agency.crt"), cert.join("agency/agency.key"));
    let sdk = ["ca.crt", "sdk.crt", "sdk.key"].map(|name| folder.join("sdk").join(name));
    let needed = [&ca.0, &ca.1, &agency.0, &agency.1].into_iter().chain(&sdk);
    let missing: Vec<_> =
        needed.filter(|path| !path.exists()).map(|path| path.display().to_string()).collect();
    if !missing.is_empty() {
        return Err(Error::new(
            ErrorKind::CredentialsNotFound,
            format!(
                "the chain in {} is incomplete, there is no {}: put it back, or delete the folder's cert, sdk and node \
                 folders (or name another folder) to have a new chain made",
                folder.display(),
                missing.join(", no ")
            ),
        ));
    }
    for (certificate, key) in [&ca, &agency] {
        let source =
            CredentialSource::Files { ca: ca.0.clone(), cert: certificate.clone(), key: key.clone() };
        Credentials::load(&source)?;
    }
    check(&CredentialSource::Directory(folder.join("sdk")))?;
    Ok(Chain::from_authorities(read_authority(&ca.0, &ca.1)?, read_authority(&agency.0, &agency.1)?))
}

/// Whether a node's or SDK's files can be used.
fn check(source: &CredentialSource) -> Result<()> {
    Credentials::load(source)?.check_chain()
}

fn read_authority(certificate: &Path, key: &Path) -> Result<Authority> {
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| at(path, "read", &error));
    Authority::from_pem(&read(certificate)?, &read(key)?).map_err(|error| {
        Error::new(
            ErrorKind::CredentialsInvalid,
            format!("{} and {} can't issue certificates: {error}", certificate.display(), key.display()),
        )
    })
}

fn write_identity(folder: &Path, identity: &Identity, name: &str) -> Result<()> {
    write(&folder.join("ca.crt"), identity.ca_pem(), CERTIFICATE_MODE)?;
    write(&folder.join(format!("{name}.crt")), identity.certificate_pem(), CERTIFICATE_MODE)?;
    write(&folder.join(format!("{name}.key")), identity.key_pem(), KEY_MODE)
}

/// Writes a file that isn't there yet; its mode is right from the start, so that a key is never open to others.
fn write(path: &Path, content: &str, mode: u32) -> Result<()> {
    let folder = path.parent().expect("every path here is below the chain's folder");
    fs::create_dir_all(folder).map_err(|error| at(folder, "make", &error))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path).map_err(|error| at(path, "make", &error))?;
    file.write_all(content.as_bytes()).map_err(|error| at(path, "write", &error))
}

fn at(path: &Path, doing: &str, error: &std::io::Error) -> Error {
    Error::new(ErrorKind::CredentialsInvalid, format!("can't {doing} {}: {error}", path.display()))
}
