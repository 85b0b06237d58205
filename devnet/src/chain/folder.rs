//! A chain in a folder, laid out as the official chain script does.
//!
//! ```text
//! sdk/          ca.crt  sdk.crt  sdk.key
//! node0/conf/   ca.crt  node.crt  node.key        node1/conf/ ...
//! cert/         ca.crt  ca.key                    what issues further certificates
//! cert/agency/  agency.crt  agency.key            not with RSA, where the CA issues nodes and SDKs itself
//! ```
//!
//! What is there is reused or reported, never overwritten.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use amop::transport::{CredentialSource, Credentials};
use amop::{Error, ErrorKind, Result};

use super::authority::{Authority, Chain, ChainOptions, Identity, LeafOptions, Role};
use super::key::Algorithm;

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
    /// The chain in `folder`, with keys of this kind, at least `nodes` nodes and an SDK: what is there is reused,
    /// what isn't is minted.
    ///
    /// Reads and writes files in place: quick, but blocking.
    ///
    /// # Errors
    /// [`ErrorKind::CredentialsNotFound`] if a part of a chain is there and another is missing;
    /// [`ErrorKind::CredentialsInvalid`], [`ErrorKind::KeyMismatch`] or [`ErrorKind::CertificateDates`] if something
    /// there can't be used, if the chain there is of the other kind, or if a file can't be written. Nothing that was there is changed.
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
            return check(&folder, &self.chain);
        }
        let options = LeafOptions::of(self.chain.algorithm());
        let identity = self.chain.issue(Role::Node, &format!("node{index}"), &options)?;
        write_identity(&folder, &identity, "node")
    }
}

/// Whether any part of a chain is in `folder`.
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
        needed.filter(|path| !path.exists()).map(|path| path.display().to_string()).collect();
    if !missing.is_empty() {
        return Err(Error::undelivered(
            ErrorKind::CredentialsNotFound,
            format!(
                "the chain in {} is incomplete, there is no {}: put it back, or delete the folder's cert, sdk and node \
                 folders (or name another folder) to have a new chain made",
                folder.display(),
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

/// Whether the CA there, if it can be read, has keys of the kind that is wanted.
fn check_kind(folder: &Path, ca: &(PathBuf, PathBuf), wanted: Algorithm) -> Result<()> {
    let Ok(authority) = read_authority(&ca.0, &ca.1) else {
        // What is wrong with it is found out, and said, by the checks of each file.
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
            "the chain in {} has {there} certificates, not {asked} ones: name another folder",
            folder.display()
        ),
    ))
}

/// Whether a node's or SDK's files can be used, and belong to `chain`: what it issues has to be trusted there.
fn check(folder: &Path, chain: &Chain) -> Result<()> {
    Credentials::load(&CredentialSource::Directory(folder.to_owned()))?.check_chain()?;
    let ca = read(&folder.join("ca.crt"))?;
    let probe = chain.issue(Role::Sdk, "probe", &LeafOptions::of(chain.algorithm()))?.trusting(&ca);
    probe.credentials()?.check_chain().map_err(|_| {
        Error::undelivered(
            ErrorKind::CredentialsInvalid,
            format!(
                "{} is of another chain than CA and agency in the cert folder beside it: put the right one back, or \
                 delete the cert, sdk and node folders to have a new chain made",
                folder.display()
            ),
        )
    })
}

fn read_authority(certificate: &Path, key: &Path) -> Result<Authority> {
    Authority::from_pem(&read(certificate)?, &read(key)?).map_err(|error| {
        Error::undelivered(
            ErrorKind::CredentialsInvalid,
            format!("{} and {} can't issue certificates: {error}", certificate.display(), key.display()),
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
    Error::undelivered(ErrorKind::CredentialsInvalid, format!("can't {doing} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tempfile::TempDir;

    use super::*;
    use crate::chain::Period;

    const FILES: [&str; 13] = [
        "cert/agency/agency.crt",
        "cert/agency/agency.key",
        "cert/ca.crt",
        "cert/ca.key",
        "node0/conf/ca.crt",
        "node0/conf/node.crt",
        "node0/conf/node.key",
        "node1/conf/ca.crt",
        "node1/conf/node.crt",
        "node1/conf/node.key",
        "sdk/ca.crt",
        "sdk/sdk.crt",
        "sdk/sdk.key",
    ];

    /// Every file below `folder` with its content.
    fn contents(folder: &Path) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                    found.insert(name, fs::read_to_string(path).unwrap());
                }
            }
        }
        found
    }

    fn fails(folder: &Path, kind: ErrorKind, part: &str) {
        let before = contents(folder);
        let error = ChainFolder::open_or_mint(folder, 2, Algorithm::Secp256k1).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(part), "{part:?} isn't in: {error}");
        assert_eq!(contents(folder), before, "something was changed");
    }

    #[test]
    fn a_new_folder_gets_the_scripts_layout() {
        let parent = TempDir::new().unwrap();
        let folder = parent.path().join("not/there/yet");
        let chain = ChainFolder::open_or_mint(&folder, 2, Algorithm::Secp256k1).unwrap();
        assert_eq!(contents(&folder).keys().collect::<Vec<_>>(), FILES);
        assert_eq!(chain.sdk(), folder.join("sdk"));
        for source in [CredentialSource::Directory(chain.sdk()), chain.node(0), chain.node(1)] {
            Credentials::load(&source).unwrap().check_chain().unwrap();
        }
        let in_sdk_crt = fs::read_to_string(folder.join("sdk/sdk.crt")).unwrap();
        assert_eq!(in_sdk_crt.matches("BEGIN CERTIFICATE").count(), 3, "leaf, agency, root");
    }

    #[test]
    fn an_rsa_chain_has_no_agency_and_is_of_version_1() {
        let folder = TempDir::new().unwrap();
        let open = |algorithm| ChainFolder::open_or_mint(folder.path(), 1, algorithm);
        open(Algorithm::Rsa).unwrap();
        let first = contents(folder.path());
        assert_eq!(
            first.keys().collect::<Vec<_>>(),
            FILES
                .iter()
                .filter(|name| !name.contains("agency") && !name.contains("node1"))
                .collect::<Vec<_>>()
        );
        for name in ["cert/ca.crt", "node0/conf/node.crt", "sdk/sdk.crt"] {
            let pem = first[name].as_str();
            assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 1, "{name}: the leaf alone");
            let certificate = x509_cert::der::DecodePem::from_pem(pem);
            let certificate: x509_cert::Certificate = certificate.unwrap();
            assert_eq!(
                certificate.tbs_certificate().version(),
                x509_cert::certificate::Version::V1,
                "{name}"
            );
        }
        open(Algorithm::Rsa).unwrap();
        let error = open(Algorithm::Secp256k1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CredentialsInvalid);
        assert!(error.message().contains("RSA certificates, not secp256k1"), "{error}");
        assert_eq!(contents(folder.path()), first);
    }

    #[cfg(unix)]
    #[test]
    fn keys_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = TempDir::new().unwrap();
        ChainFolder::open_or_mint(folder.path(), 2, Algorithm::Secp256k1).unwrap();
        for name in FILES.iter().filter(|name| name.ends_with(".key")) {
            let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn what_is_there_is_reused_and_nodes_are_added() {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        ChainFolder::open_or_mint(folder.path(), 1, Algorithm::Secp256k1).unwrap();
        let first = contents(folder.path());
        assert_eq!(first["notes.txt"], "mine");
        ChainFolder::open_or_mint(folder.path(), 1, Algorithm::Secp256k1).unwrap();
        assert_eq!(contents(folder.path()), first);
        let chain = ChainFolder::open_or_mint(folder.path(), 2, Algorithm::Secp256k1).unwrap();
        let second = contents(folder.path());
        assert_eq!(second.len(), FILES.len() + 1);
        assert!(first.iter().all(|(name, content)| second[name] == *content));
        let further = chain.chain().issue(Role::Sdk, "sdk2", &LeafOptions::default()).unwrap();
        further.credentials().unwrap().check_chain().unwrap();
        assert_eq!(further.ca_pem(), second["sdk/ca.crt"]);
    }

    #[test]
    fn a_part_of_a_chain_is_reported_and_left_alone() {
        for name in FILES {
            let folder = TempDir::new().unwrap();
            ChainFolder::open_or_mint(folder.path(), 2, Algorithm::Secp256k1).unwrap();
            fs::remove_file(folder.path().join(name)).unwrap();
            let file = Path::new(name).file_name().unwrap().to_string_lossy();
            fails(folder.path(), ErrorKind::CredentialsNotFound, &file);
        }
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("sdk")).unwrap();
        fails(folder.path(), ErrorKind::CredentialsNotFound, "is incomplete");
    }

    #[test]
    fn what_cannot_be_used_is_reported_and_left_alone() {
        let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        ChainFolder::open_or_mint(folder.path(), 2, Algorithm::Secp256k1).unwrap();
        ChainFolder::open_or_mint(other.path(), 2, Algorithm::Secp256k1).unwrap();
        let good = contents(folder.path());
        let put = |name: &str, content: &str| fs::write(folder.path().join(name), content).unwrap();
        let foreign = |name: &str| fs::read_to_string(other.path().join(name)).unwrap();

        for name in FILES {
            put(name, "damaged");
            fails(
                folder.path(),
                ErrorKind::CredentialsInvalid,
                &folder.path().join(name).display().to_string(),
            );
            put(name, &good[name]);
        }
        for name in FILES.iter().filter(|name| name.ends_with(".key")) {
            put(name, &foreign(name));
            fails(folder.path(), ErrorKind::KeyMismatch, &folder.path().join(name).display().to_string());
            put(name, &good[*name]);
        }
        for name in ["node1/conf/ca.crt", "sdk/ca.crt"] {
            put(name, &foreign(name));
            fails(folder.path(), ErrorKind::CredentialsInvalid, "don't belong together");
            put(name, &good[name]);
        }
        let chain = ChainFolder::open_or_mint(folder.path(), 2, Algorithm::Secp256k1).unwrap();
        let options = LeafOptions { period: Period::expired(), ..LeafOptions::default() };
        let expired = chain.chain().issue(Role::Sdk, "sdk", &options).unwrap();
        put("sdk/sdk.crt", expired.certificate_pem());
        put("sdk/sdk.key", expired.key_pem());
        fails(folder.path(), ErrorKind::CertificateDates, "sdk.crt");
    }

    #[test]
    fn parts_of_another_chain_are_noticed() {
        let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        ChainFolder::open_or_mint(folder.path(), 1, Algorithm::Secp256k1).unwrap();
        ChainFolder::open_or_mint(other.path(), 1, Algorithm::Secp256k1).unwrap();
        for name in ["cert/agency/agency.crt", "cert/agency/agency.key"] {
            fs::copy(other.path().join(name), folder.path().join(name)).unwrap();
        }
        fails(folder.path(), ErrorKind::CredentialsInvalid, "another chain");
        for name in ["cert/ca.crt", "cert/ca.key"] {
            fs::copy(other.path().join(name), folder.path().join(name)).unwrap();
        }
        fails(folder.path(), ErrorKind::CredentialsInvalid, "sdk is of another chain");
        for name in ["sdk/ca.crt", "sdk/sdk.crt", "sdk/sdk.key"] {
            fs::copy(other.path().join(name), folder.path().join(name)).unwrap();
        }
        fails(folder.path(), ErrorKind::CredentialsInvalid, "conf is of another chain");
    }
}
