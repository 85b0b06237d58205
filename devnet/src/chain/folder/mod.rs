//! A chain in a folder with the layout of the official chain script.
//!
//! ```text
//! sdk/          ca.crt  sdk.crt  sdk.key
//! node0/conf/   ca.crt  node.crt  node.key        node1/conf/ ...
//! cert/         ca.crt  ca.key                    the CA, to issue more certificates
//! cert/agency/  agency.crt  agency.key            not with RSA keys: there the CA issues nodes and SDKs itself
//! ```
//!
//! Existing files are reused, or reported if they are unusable. They are never overwritten.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use amop::transport::{CredentialSource, Credentials};
use amop::{Error, ErrorKind, Result, text};

use crate::chain::authority::{Authority, Chain, ChainOptions, Identity, LeafOptions, Role};
use crate::chain::key::Algorithm;

/// The mode of key files, which only their owner may read.
const KEY_MODE: u32 = 0o600;
const CERTIFICATE_MODE: u32 = 0o644;

/// A chain in a folder.
#[derive(Debug)]
pub struct ChainFolder {
    folder: PathBuf,
    chain: Chain,
}

impl ChainFolder {
    /// Opens the chain in `folder`, or creates one with keys of this kind. Credentials of an SDK and of at least
    /// `nodes` nodes are created if they do not exist.
    ///
    /// This reads and writes files on the calling thread.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsNotFound`] if the folder holds only parts of a chain.
    ///
    /// Returns [`ErrorKind::CredentialsInvalid`], [`ErrorKind::KeyMismatch`] or [`ErrorKind::CertificateDates`] if a
    /// file is unusable, if the chain has keys of another kind, or if a file cannot be written.
    ///
    /// Existing files are not changed in any case.
    pub fn open_or_mint(
        folder: impl Into<PathBuf>,
        nodes: usize,
        algorithm: Algorithm,
    ) -> Result<ChainFolder> {
        let folder = folder.into();
        let chain =
            if holds_a_chain(&folder) { open(&folder, algorithm)? } else { create(&folder, algorithm)? };
        let chain_folder = ChainFolder { folder, chain };
        for index in 0..nodes {
            chain_folder.ensure_node(index)?;
        }
        Ok(chain_folder)
    }

    /// Returns the folder with the credentials of the SDK, for a client.
    pub fn sdk(&self) -> PathBuf {
        self.folder.join("sdk")
    }

    /// Returns the credentials of a node, counted from 0.
    pub fn node(&self, index: usize) -> CredentialSource {
        CredentialSource::Directory(self.node_folder(index))
    }

    /// Returns the chain, which can issue more certificates.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    fn node_folder(&self, index: usize) -> PathBuf {
        self.folder.join(format!("node{index}")).join("conf")
    }

    /// Checks a node's files, or creates them if the node has no folder.
    fn ensure_node(&self, index: usize) -> Result<()> {
        let folder = self.node_folder(index);
        if folder.exists() {
            return check(&folder, &self.chain);
        }
        let options = LeafOptions::of(self.chain.algorithm());
        let identity = self.chain.issue(Role::Node, &format!("node{index}"), &options)?;
        write_identity(&folder, &identity, "node")
    }
}

/// Returns whether `folder` holds any part of a chain.
fn holds_a_chain(folder: &Path) -> bool {
    ["cert", "sdk", "node0"].iter().any(|part| folder.join(part).exists())
}

fn create(folder: &Path, algorithm: Algorithm) -> Result<Chain> {
    let chain = Chain::mint(&ChainOptions::of(algorithm))?;
    let cert = folder.join("cert");
    write(&cert.join("ca.crt"), &chain.root().certificate_pem()?, CERTIFICATE_MODE)?;
    write(&cert.join("ca.key"), &chain.root().key_pem()?, KEY_MODE)?;
    if chain.has_agency() {
        write(&cert.join("agency/agency.crt"), &chain.agency()?.certificate_pem()?, CERTIFICATE_MODE)?;
        write(&cert.join("agency/agency.key"), &chain.agency()?.key_pem()?, KEY_MODE)?;
    }
    let sdk = chain.issue(Role::Sdk, "sdk", &LeafOptions::of(algorithm))?;
    write_identity(&folder.join("sdk"), &sdk, "sdk")?;
    Ok(chain)
}

fn open(folder: &Path, algorithm: Algorithm) -> Result<Chain> {
    let cert = folder.join("cert");
    let ca = (cert.join("ca.crt"), cert.join("ca.key"));
    let agency = (cert.join("agency/agency.crt"), cert.join("agency/agency.key"));
    let sdk = ["ca.crt", "sdk.crt", "sdk.key"].map(|name| folder.join("sdk").join(name));
    let authorities = match algorithm {
        Algorithm::Secp256k1 => vec![&ca, &agency],
        Algorithm::Rsa => vec![&ca],
    };
    check_kind(folder, &ca, algorithm)?;
    let needed = authorities.iter().flat_map(|(certificate, key)| [certificate, key]).chain(&sdk);
    let missing: Vec<_> =
        needed.filter(|path| !path.exists()).map(|path| text::path(path).to_string()).collect();
    if !missing.is_empty() {
        return Err(Error::undelivered(
            ErrorKind::CredentialsNotFound,
            format!(
                "the chain in {} is incomplete, there is no {}: restore it, or delete the folder's cert, sdk and node \
                 folders (or use another folder) to create a new chain",
                text::path(folder),
                missing.join(", no ")
            ),
        ));
    }
    for (certificate, key) in &authorities {
        let source =
            CredentialSource::Files { ca: ca.0.clone(), cert: certificate.clone(), key: key.clone() };
        Credentials::load(&source)?;
    }
    let issuer = match algorithm {
        Algorithm::Secp256k1 => Some(read_authority(&agency.0, &agency.1)?),
        Algorithm::Rsa => None,
    };
    let chain = Chain::from_authorities(read_authority(&ca.0, &ca.1)?, issuer);
    check(&folder.join("sdk"), &chain)?;
    Ok(chain)
}

/// Checks that the CA's keys are of the wanted kind. Passes if the CA cannot be read.
fn check_kind(folder: &Path, ca: &(PathBuf, PathBuf), wanted: Algorithm) -> Result<()> {
    let Ok(authority) = read_authority(&ca.0, &ca.1) else {
        // The checks of each file report the cause.
        return Ok(());
    };
    if authority.algorithm() == wanted {
        return Ok(());
    }
    let (there, asked) = match wanted {
        Algorithm::Secp256k1 => ("RSA", "secp256k1"),
        Algorithm::Rsa => ("secp256k1", "RSA"),
    };
    Err(Error::undelivered(
        ErrorKind::CredentialsInvalid,
        format!(
            "the chain in {} has {there} certificates, not {asked} ones: use another folder",
            text::path(folder)
        ),
    ))
}

/// Checks that the files of a node or SDK are usable and belong to `chain`: they must trust what the chain issues.
fn check(folder: &Path, chain: &Chain) -> Result<()> {
    Credentials::load(&CredentialSource::Directory(folder.to_owned()))?.check_chain()?;
    let ca = read(&folder.join("ca.crt"))?;
    let probe = chain.issue(Role::Sdk, "probe", &LeafOptions::of(chain.algorithm()))?.trusting(&ca);
    probe.credentials()?.check_chain().map_err(|_| {
        Error::undelivered(
            ErrorKind::CredentialsInvalid,
            format!(
                "{} belongs to another chain than CA and agency in the cert folder: restore the right files, or \
                 delete the cert, sdk and node folders to create a new chain",
                text::path(folder)
            ),
        )
    })
}

fn read_authority(certificate: &Path, key: &Path) -> Result<Authority> {
    Authority::from_pem(&read(certificate)?, &read(key)?).map_err(|error| {
        Error::undelivered(
            ErrorKind::CredentialsInvalid,
            format!("{} and {} cannot issue certificates: {error}", text::path(certificate), text::path(key)),
        )
    })
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| at(path, "read", &error))
}

fn write_identity(folder: &Path, identity: &Identity, name: &str) -> Result<()> {
    write(&folder.join("ca.crt"), identity.ca_pem(), CERTIFICATE_MODE)?;
    write(&folder.join(format!("{name}.crt")), identity.certificate_pem(), CERTIFICATE_MODE)?;
    write(&folder.join(format!("{name}.key")), identity.key_pem(), KEY_MODE)
}

/// Creates a file. Its mode is set at creation, so that others can never read a key.
fn write(path: &Path, content: &str, mode: u32) -> Result<()> {
    let folder = path.parent().expect("every path here is below the chain's folder");
    fs::create_dir_all(folder).map_err(|error| at(folder, "create", &error))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path).map_err(|error| at(path, "create", &error))?;
    file.write_all(content.as_bytes()).map_err(|error| at(path, "write", &error))
}

fn at(path: &Path, doing: &str, error: &std::io::Error) -> Error {
    Error::undelivered(
        ErrorKind::CredentialsInvalid,
        format!("could not {doing} {}: {error}", text::path(path)),
    )
}

#[cfg(test)]
mod tests;
