//! A chain in a folder with the layout of the official chain script of its generation.
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
//! A chain of generation 3, as `build_chain.sh` makes it for nodes of one machine; and with SM2 keys (`-s`):
//!
//! ```text
//! sdk/          ca.crt  cert.cnf  sdk.crt  sdk.key
//! node0/conf/   ca.crt  cert.cnf  ssl.crt  ssl.key       node1/conf/ ...
//! ca/           ca.crt  ca.key  cert.cnf
//!
//! sdk/          sm_ca.crt  sm_sdk.crt  sm_sdk.key  sm_ensdk.crt  sm_ensdk.key
//! node0/conf/   sm_ca.crt  sm_ssl.crt  sm_ssl.key  sm_enssl.crt  sm_enssl.key
//! ca/           sm_ca.crt  sm_ca.key
//! ```
//!
//! Existing files are reused, or reported if they are unusable. They are never overwritten.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use amop::transport::{CredentialSource, Credentials};
use amop::{Error, ErrorKind, Result, text};

use crate::chain::authority::{Authority, Chain, ChainOptions, Identity, LeafOptions, Role};
use crate::chain::certificate::Period;
use crate::chain::key::{Algorithm, ChainKind};
use crate::options::Generation;

/// The mode of key files, which only their owner may read.
const KEY_MODE: u32 = 0o600;
const CERTIFICATE_MODE: u32 = 0o644;

/// The configuration of OpenSSL beside RSA certificates of generation 3, to issue more of them.
const CERT_CNF: &str = "\
# openssl req -new -config cert.cnf ...
# openssl x509 -req -extfile cert.cnf -extensions v4_req ...
[req]
distinguished_name = req_distinguished_name
prompt = no

[req_distinguished_name]
CN = FISCO-BCOS
O = fisco-bcos
OU = agency

[v4_req]
basicConstraints = CA:TRUE
";

/// A chain in a folder.
#[derive(Debug)]
pub struct ChainFolder {
    folder: PathBuf,
    chain: Chain,
}

impl ChainFolder {
    /// Opens the chain in `folder`, or creates one of this kind. Credentials of an SDK and of at least `nodes` nodes are
    /// created if they do not exist. Where RSA keys of generation 3 are asked for, a chain with keys on P-256 is opened
    /// too.
    ///
    /// This reads and writes files on the calling thread.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsNotFound`] if the folder holds only parts of a chain.
    ///
    /// Returns [`ErrorKind::CredentialsInvalid`], [`ErrorKind::KeyMismatch`] or [`ErrorKind::CertificateDates`] if a
    /// file is unusable, if the chain is of another kind, or if a file cannot be written.
    ///
    /// Existing files are not changed in any case.
    pub fn open_or_mint(
        folder: impl Into<PathBuf>,
        nodes: usize,
        kind: impl Into<ChainKind>,
    ) -> Result<ChainFolder> {
        let (folder, kind) = (folder.into(), kind.into());
        let chain = if holds_a_chain(&folder) { open(&folder, kind)? } else { create(&folder, kind)? };
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
        let layout = Layout::of(self.chain.kind());
        layout.files(&self.node_folder(index), layout.node)
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
        let layout = Layout::of(self.chain.kind());
        if folder.exists() {
            return check(&folder, layout.node, &self.chain);
        }
        let identity = self.chain.issue_by_script(Some(index), Period::script())?;
        layout.write(&folder, &identity, layout.node)
    }
}

/// The names of files and folders, which the kind of the chain decides.
struct Layout {
    /// The prefix of file names.
    prefix: &'static str,
    /// The folder of the CA.
    cert: &'static str,
    /// The folder of the agency below it.
    agency: &'static str,
    /// The folder of the SDK.
    sdk: &'static str,
    /// The name of a node's certificate.
    node: &'static str,
    is_gm: bool,
    has_config: bool,
}

impl Layout {
    fn of(kind: ChainKind) -> Layout {
        let is_gm = kind.algorithm == Algorithm::Sm2;
        let has_config = kind.generation == Generation::V3 && !is_gm;
        let (prefix, cert, agency, sdk, node) = match (kind.generation, is_gm) {
            (Generation::V2, false) => ("", "cert", "agency", "sdk", "node"),
            (Generation::V2, true) => ("gm", "gmcert", "agency-gm", "sdk/gm", "node"),
            (Generation::V3, false) => ("", "ca", "agency", "sdk", "ssl"),
            (Generation::V3, true) => ("sm_", "ca", "agency", "sdk", "ssl"),
        };
        Layout { prefix, cert, agency, sdk, node, is_gm, has_config }
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
        if self.has_config {
            write(&folder.join("cert.cnf"), CERT_CNF, CERTIFICATE_MODE)?;
        }
        if let Some((certificate, key)) = identity.encryption_pem() {
            write(&file(&format!("en{owner}.crt")), certificate, CERTIFICATE_MODE)?;
            write(&file(&format!("en{owner}.key")), key, KEY_MODE)?;
        }
        Ok(())
    }
}

/// Returns whether `folder` holds any part of a chain.
fn holds_a_chain(folder: &Path) -> bool {
    ["cert", "gmcert", "ca", "sdk", "node0"].iter().any(|part| folder.join(part).exists())
}

fn create(folder: &Path, kind: ChainKind) -> Result<Chain> {
    let layout = Layout::of(kind);
    let chain = Chain::mint(&ChainOptions::of(kind))?;
    if layout.has_config {
        write(&folder.join(layout.cert).join("cert.cnf"), CERT_CNF, CERTIFICATE_MODE)?;
    }
    let (certificate, key) = layout.ca(folder);
    write(&certificate, &chain.root().certificate_pem()?, CERTIFICATE_MODE)?;
    write(&key, &chain.root().key_pem()?, KEY_MODE)?;
    if chain.has_agency() {
        let (certificate, key) = layout.agency(folder);
        write(&certificate, &chain.agency()?.certificate_pem()?, CERTIFICATE_MODE)?;
        write(&key, &chain.agency()?.key_pem()?, KEY_MODE)?;
    }
    let sdk = chain.issue_by_script(None, Period::script())?;
    layout.write(&folder.join(layout.sdk), &sdk, "sdk")?;
    if kind == Algorithm::Sm2.into() {
        // What the script of generation 2 makes for the RSA channel, which the nodes don't have.
        create(folder, Algorithm::Rsa.into())?;
    }
    Ok(chain)
}

fn open(folder: &Path, wanted: ChainKind) -> Result<Chain> {
    let kind = check_kind(folder, wanted)?;
    let layout = Layout::of(kind);
    let ca = layout.ca(folder);
    let agency = kind.has_agency().then(|| layout.agency(folder));
    let sdk_folder = folder.join(layout.sdk);
    let authorities: Vec<_> = std::iter::once(&ca).chain(&agency).collect();
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
        check_authority(&ca.0, certificate, key, kind)?;
    }
    let issuer = agency.map(|(certificate, key)| read_authority(&certificate, &key)).transpose()?;
    let chain = Chain::from_authorities(kind.generation, read_authority(&ca.0, &ca.1)?, issuer);
    check(&sdk_folder, "sdk", &chain)?;
    Ok(chain)
}

/// Checks the files of a CA or agency: they parse, belong together and are in date.
fn check_authority(ca: &Path, certificate: &Path, key: &Path, kind: ChainKind) -> Result<()> {
    let [ca, cert, key] = [ca, certificate, key].map(Path::to_owned);
    let source = match kind.algorithm {
        Algorithm::Secp256k1 | Algorithm::Rsa | Algorithm::P256 => CredentialSource::Files { ca, cert, key },
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

/// Checks that the chain in the folder is of the wanted kind, or one with P-256 keys in place of RSA ones. Returns its
/// kind. Returns the wanted kind if the CA cannot be read.
fn check_kind(folder: &Path, wanted: ChainKind) -> Result<ChainKind> {
    let has = |kind: ChainKind| Layout::of(kind).ca(folder).0.exists();
    let of_keys = |generation| {
        let ca = Layout::of(ChainKind { generation, algorithm: Algorithm::Rsa }).ca(folder);
        read_authority(&ca.0, &ca.1).map(|ca| ChainKind { generation, algorithm: ca.algorithm() })
    };
    let there = if folder.join(Layout::of(Algorithm::Sm2.into()).cert).exists() {
        Ok(Algorithm::Sm2.into())
    } else if has(ChainKind::v3(Algorithm::Sm2)) {
        Ok(ChainKind::v3(Algorithm::Sm2))
    } else if folder.join(Layout::of(ChainKind::v3(Algorithm::Rsa)).cert).exists() {
        of_keys(Generation::V3)
    } else {
        of_keys(Generation::V2)
    };
    // The checks of each file report the cause.
    let Ok(there) = there else { return Ok(wanted) };
    let is_wanted =
        there == wanted || [wanted, there] == [Algorithm::Rsa, Algorithm::P256].map(ChainKind::v3);
    if is_wanted {
        return Ok(there);
    }
    let generations = match there.generation == wanted.generation {
        true => String::new(),
        false => format!(" for nodes of generation {}", there.generation.name()),
    };
    Err(Error::undelivered(
        ErrorKind::CredentialsInvalid,
        format!(
            "the chain in {} has {} certificates{generations}, not {} ones: use another folder",
            text::path(folder),
            there.algorithm.name(),
            described(wanted, there)
        ),
    ))
}

/// Describes the certificates of the wanted kind for a text about those of another kind.
fn described(wanted: ChainKind, there: ChainKind) -> String {
    let generation = match there.generation == wanted.generation {
        true => String::new(),
        false => format!("generation {} ", wanted.generation.name()),
    };
    format!("{generation}{}", wanted.algorithm.name())
}

/// Checks that the files of a node or SDK are usable and belong to `chain`: they must trust what the chain issues.
fn check(folder: &Path, owner: &str, chain: &Chain) -> Result<()> {
    let layout = Layout::of(chain.kind());
    Credentials::load(&layout.files(folder, owner))?.check_chain()?;
    let ca = read(&folder.join(layout.name("ca.crt")))?;
    let probe = chain.issue(Role::Sdk, "probe", &LeafOptions::of(chain.kind()))?.trusting(&ca);
    probe.credentials()?.check_chain().map_err(|_| {
        Error::undelivered(
            ErrorKind::CredentialsInvalid,
            format!(
                "{} belongs to another chain than the CA in the {} folder: restore the right files, or delete the \
                 {1}, sdk and node folders to create a new chain",
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
