//! A chain in a folder with the layout of the official chain script.
//!
//! ```text
//! sdk/          ca.crt  sdk.crt  sdk.key
//! node0/conf/   ca.crt  node.crt  node.key        node1/conf/ ...
//! cert/         ca.crt  ca.key                    the CA, to issue more certificates
//! cert/agency/  agency.crt  agency.key            not with RSA keys: there the CA issues nodes and SDKs itself
//! ```
//!
//! A GM chain has an RSA set for SDKs too, as the script writes it. Its nodes accept only the GM set:
//!
//! ```text
//! sdk/gm/              gmca.crt  gmsdk.crt  gmsdk.key  gmensdk.crt  gmensdk.key
//! sdk/                 ca.crt  sdk.crt  sdk.key          RSA
//! node0/conf/          gmca.crt  gmnode.crt  gmnode.key  gmennode.crt  gmennode.key
//! gmcert/              gmca.crt  gmca.key
//! gmcert/agency-gm/    gmagency.crt  gmagency.key
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
        Layout::of(self.chain.algorithm()).files(&self.node_folder(index), "node")
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
            return check(&folder, "node", &self.chain);
        }
        let options = LeafOptions::of(self.chain.algorithm());
        let identity = self.chain.issue(Role::Node, &format!("node{index}"), &options)?;
        Layout::of(self.chain.algorithm()).write(&folder, &identity, "node")
    }
}

/// The names of files and folders, which the kind of keys decides.
struct Layout {
    /// The prefix of file names.
    prefix: &'static str,
    /// The folder of the CA.
    cert: &'static str,
    /// The folder of the agency below it.
    agency: &'static str,
    /// The folder of the SDK.
    sdk: &'static str,
    is_gm: bool,
}

impl Layout {
    fn of(algorithm: Algorithm) -> Layout {
        match algorithm {
            Algorithm::Secp256k1 | Algorithm::Rsa => {
                Layout { prefix: "", cert: "cert", agency: "agency", sdk: "sdk", is_gm: false }
            }
            Algorithm::Sm2 => {
                Layout { prefix: "gm", cert: "gmcert", agency: "agency-gm", sdk: "sdk/gm", is_gm: true }
            }
        }
    }

    fn name(&self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }

    /// Returns certificate and key of the CA.
    fn ca(&self, folder: &Path) -> (PathBuf, PathBuf) {
        let cert = folder.join(self.cert);
        (cert.join(self.name("ca.crt")), cert.join(self.name("ca.key")))
    }

    /// Returns certificate and key of the agency.
    fn agency(&self, folder: &Path) -> (PathBuf, PathBuf) {
        let agency = folder.join(self.cert).join(self.agency);
        (agency.join(self.name("agency.crt")), agency.join(self.name("agency.key")))
    }

    /// Returns the files of a node or SDK.
    fn files(&self, folder: &Path, owner: &str) -> CredentialSource {
        let file = |name: &str| folder.join(self.name(name));
        let (ca, cert, key) = (file("ca.crt"), file(&format!("{owner}.crt")), file(&format!("{owner}.key")));
        if !self.is_gm {
            return CredentialSource::Files { ca, cert, key };
        }
        let (enc_cert, enc_key) = (file(&format!("en{owner}.crt")), file(&format!("en{owner}.key")));
        CredentialSource::GmFiles { ca, cert, key, enc_cert, enc_key }
    }

    /// Writes the files of a node or SDK.
    fn write(&self, folder: &Path, identity: &Identity, owner: &str) -> Result<()> {
        let file = |name: &str| folder.join(self.name(name));
        write(&file("ca.crt"), identity.ca_pem(), CERTIFICATE_MODE)?;
        write(&file(&format!("{owner}.crt")), identity.certificate_pem(), CERTIFICATE_MODE)?;
        write(&file(&format!("{owner}.key")), identity.key_pem(), KEY_MODE)?;
        if let Some((certificate, key)) = identity.encryption_pem() {
            write(&file(&format!("en{owner}.crt")), certificate, CERTIFICATE_MODE)?;
            write(&file(&format!("en{owner}.key")), key, KEY_MODE)?;
        }
        Ok(())
    }
}

/// Returns whether `folder` holds any part of a chain.
fn holds_a_chain(folder: &Path) -> bool {
    ["cert", "gmcert", "sdk", "node0"].iter().any(|part| folder.join(part).exists())
}

fn create(folder: &Path, algorithm: Algorithm) -> Result<Chain> {
    let layout = Layout::of(algorithm);
    let chain = Chain::mint(&ChainOptions::of(algorithm))?;
    let (certificate, key) = layout.ca(folder);
    write(&certificate, &chain.root().certificate_pem()?, CERTIFICATE_MODE)?;
    write(&key, &chain.root().key_pem()?, KEY_MODE)?;
    if chain.has_agency() {
        let (certificate, key) = layout.agency(folder);
        write(&certificate, &chain.agency()?.certificate_pem()?, CERTIFICATE_MODE)?;
        write(&key, &chain.agency()?.key_pem()?, KEY_MODE)?;
    }
    let sdk = chain.issue(Role::Sdk, "sdk", &LeafOptions::of(algorithm))?;
    layout.write(&folder.join(layout.sdk), &sdk, "sdk")?;
    if algorithm == Algorithm::Sm2 {
        // What the script makes for the RSA channel, which the nodes don't have.
        create(folder, Algorithm::Rsa)?;
    }
    Ok(chain)
}

fn open(folder: &Path, algorithm: Algorithm) -> Result<Chain> {
    let layout = Layout::of(algorithm);
    check_kind(folder, algorithm)?;
    let (ca, agency) = (layout.ca(folder), layout.agency(folder));
    let sdk_folder = folder.join(layout.sdk);
    let authorities = match algorithm {
        Algorithm::Secp256k1 | Algorithm::Sm2 => vec![&ca, &agency],
        Algorithm::Rsa => vec![&ca],
    };
    let sdk = files_of(layout.files(&sdk_folder, "sdk"));
    let needed = authorities.iter().flat_map(|(certificate, key)| [certificate, key]).chain(&sdk);
    let missing: Vec<_> =
        needed.filter(|path| !path.exists()).map(|path| text::path(path).to_string()).collect();
    if !missing.is_empty() {
        return Err(Error::undelivered(
            ErrorKind::CredentialsNotFound,
            format!(
                "the chain in {} is incomplete, there is no {}: restore it, or delete the folder's {}, sdk and node \
                 folders (or use another folder) to create a new chain",
                text::path(folder),
                missing.join(", no "),
                layout.cert,
            ),
        ));
    }
    for (certificate, key) in &authorities {
        check_authority(&ca.0, certificate, key, algorithm)?;
    }
    let issuer = match algorithm {
        Algorithm::Secp256k1 | Algorithm::Sm2 => Some(read_authority(&agency.0, &agency.1)?),
        Algorithm::Rsa => None,
    };
    let chain = Chain::from_authorities(read_authority(&ca.0, &ca.1)?, issuer);
    check(&sdk_folder, "sdk", &chain)?;
    Ok(chain)
}

/// Checks the files of a CA or agency: they parse, belong together and are in date.
fn check_authority(ca: &Path, certificate: &Path, key: &Path, algorithm: Algorithm) -> Result<()> {
    let [ca, cert, key] = [ca, certificate, key].map(Path::to_owned);
    let source = match algorithm {
        Algorithm::Secp256k1 | Algorithm::Rsa => CredentialSource::Files { ca, cert, key },
        // An authority has no certificate for encryption: its own stands in.
        Algorithm::Sm2 => {
            CredentialSource::GmFiles { ca, enc_cert: cert.clone(), enc_key: key.clone(), cert, key }
        }
    };
    Credentials::load(&source).map(drop)
}

/// Returns the paths in a source.
fn files_of(source: CredentialSource) -> Vec<PathBuf> {
    match source {
        CredentialSource::Files { ca, cert, key } => vec![ca, cert, key],
        CredentialSource::GmFiles { ca, cert, key, enc_cert, enc_key } => {
            vec![ca, cert, key, enc_cert, enc_key]
        }
        _ => Vec::new(),
    }
}

/// Checks that the chain in the folder is of the wanted kind. Passes if the CA cannot be read.
fn check_kind(folder: &Path, wanted: Algorithm) -> Result<()> {
    let ca = Layout::of(Algorithm::Rsa).ca(folder);
    let has_gm = folder.join(Layout::of(Algorithm::Sm2).cert).exists();
    let there = match read_authority(&ca.0, &ca.1) {
        _ if has_gm => Algorithm::Sm2,
        Ok(authority) => authority.algorithm(),
        // The checks of each file report the cause.
        Err(_) => return Ok(()),
    };
    if there == wanted {
        return Ok(());
    }
    let name = |algorithm| match algorithm {
        Algorithm::Secp256k1 => "secp256k1",
        Algorithm::Rsa => "RSA",
        Algorithm::Sm2 => "SM2",
    };
    Err(Error::undelivered(
        ErrorKind::CredentialsInvalid,
        format!(
            "the chain in {} has {} certificates, not {} ones: use another folder",
            text::path(folder),
            name(there),
            name(wanted)
        ),
    ))
}

/// Checks that the files of a node or SDK are usable and belong to `chain`: they must trust what the chain issues.
fn check(folder: &Path, owner: &str, chain: &Chain) -> Result<()> {
    let layout = Layout::of(chain.algorithm());
    Credentials::load(&layout.files(folder, owner))?.check_chain()?;
    let ca = read(&folder.join(layout.name("ca.crt")))?;
    let probe = chain.issue(Role::Sdk, "probe", &LeafOptions::of(chain.algorithm()))?.trusting(&ca);
    probe.credentials()?.check_chain().map_err(|_| {
        Error::undelivered(
            ErrorKind::CredentialsInvalid,
            format!(
                "{} belongs to another chain than CA and agency in the {} folder: restore the right files, or \
                 delete the {1}, sdk and node folders to create a new chain",
                text::path(folder),
                layout.cert
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
