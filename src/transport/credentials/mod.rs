//! Credentials of a client or a node: the CA that it trusts, its certificates and its private key.
//!
//! [`CredentialSource`] states where they come from. Loading finds the files, reads and parses them, and checks that
//! they belong together. A client keeps the paths that were found and loads them again before each reconnect.

mod loading;
mod pem;
mod place;
mod read;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use rustls::SignatureAlgorithm;
use rustls::pki_types::{PrivateKeyDer, UnixTime};
use rustls::sign::{CertifiedKey, SigningKey};

pub(crate) use self::loading::Loading;
use self::pem::PemInput;
use self::read::{Progress, on_own_thread};
use super::certificate::{Dates, ParsedCertificate};
use super::tls::{leads_to_root, signing_keys};
use crate::{Error, ErrorKind, Result};

/// How long [`Credentials::load`] waits for the files.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// Where credentials come from. All files are PEM.
#[derive(Clone, PartialEq, Eq)]
pub enum CredentialSource {
    /// Looked for: in the folder that `$AMOP_CREDENTIALS` names, and only there if it's set; else in `.`, `conf`,
    /// `sdk`, `nodes/127.0.0.1/sdk` (where the official chain script puts them) and `amop-devnet/sdk`, in this order.
    Discover,
    /// A folder with `ca.crt`, `sdk.crt` and `sdk.key`; or `node.crt` and `node.key` in place of the latter two.
    Directory(PathBuf),
    /// Three files.
    Files {
        /// The CA that nodes' certificates have to lead to.
        ca: PathBuf,
        /// The own certificate, followed by those between it and the CA.
        cert: PathBuf,
        /// The private key, PKCS#8 or SEC1, not encrypted.
        key: PathBuf,
    },
    /// The content of three such files.
    Pem {
        /// The CA that nodes' certificates have to lead to.
        ca: Vec<u8>,
        /// The own certificate, followed by those between it and the CA.
        cert: Vec<u8>,
        /// The private key, PKCS#8 or SEC1, not encrypted.
        key: Vec<u8>,
    },
}

impl fmt::Debug for CredentialSource {
    /// Shows paths, never a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CredentialSource::Discover => f.write_str("Discover"),
            CredentialSource::Directory(path) => f.debug_tuple("Directory").field(path).finish(),
            CredentialSource::Files { ca, cert, key } => {
                f.debug_struct("Files").field("ca", ca).field("cert", cert).field("key", key).finish()
            }
            CredentialSource::Pem { .. } => f.debug_struct("Pem").finish_non_exhaustive(),
        }
    }
}

impl CredentialSource {
    /// Returns the source that names the files, or holds their content: the paths that discovery finds, or those in
    /// the folder.
    fn locate(&self, progress: &Progress) -> Result<CredentialSource> {
        match self {
            CredentialSource::Discover => place::discover(progress),
            CredentialSource::Directory(path) => place::directory(path, progress),
            CredentialSource::Files { .. } | CredentialSource::Pem { .. } => Ok(self.clone()),
        }
    }

    /// Returns the source with absolute paths, so that it names the same files whatever becomes of the current folder.
    /// Symbolic links are kept, because certificates are renewed by pointing them elsewhere.
    fn absolute(self) -> Result<CredentialSource> {
        match self {
            CredentialSource::Files { ca, cert, key } => Ok(CredentialSource::Files {
                ca: place::absolute(&ca)?,
                cert: place::absolute(&cert)?,
                key: place::absolute(&key)?,
            }),
            other => Ok(other),
        }
    }

    /// Reads and parses credentials, whatever their dates are.
    fn load(&self, progress: &Progress) -> Result<Credentials> {
        match self {
            CredentialSource::Discover | CredentialSource::Directory(_) => {
                self.locate(progress)?.load(progress)
            }
            CredentialSource::Files { ca, cert, key } => Credentials::from_pem(
                &PemInput::file(ca, progress)?,
                &PemInput::file(cert, progress)?,
                &PemInput::file(key, progress)?,
            ),
            CredentialSource::Pem { ca, cert, key } => Credentials::from_pem(
                &PemInput::memory("the CA certificate given", ca),
                &PemInput::memory("the certificate given", cert),
                &PemInput::memory("the private key given", key),
            ),
        }
    }
}

/// Loaded credentials: parsed, and known to belong together. Cheap to clone.
#[derive(Clone)]
pub struct Credentials(Arc<Loaded>);

struct Loaded {
    ca: Vec<ParsedCertificate>,
    chain: Vec<ParsedCertificate>,
    key: Arc<dyn SigningKey>,
    ca_name: String,
    certificate_name: String,
}

impl Credentials {
    /// Reads credentials and checks that they can be used now: everything parses, the key belongs to the
    /// certificate, and the dates of the CA and of the certificates cover this moment.
    ///
    /// Blocks until the files are read, for at most 10 s.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsNotFound`] if a file doesn't exist; [`ErrorKind::CredentialsInvalid`] if one
    /// can't be read or used, is larger than 1 MiB, or isn't read in time; [`ErrorKind::KeyEncrypted`];
    /// [`ErrorKind::KeyMismatch`]; [`ErrorKind::CertificateDates`]; or [`ErrorKind::Runtime`] if no thread can be
    /// started. The text names the file.
    pub fn load(source: &CredentialSource) -> Result<Credentials> {
        let credentials = Credentials::load_any_date(source)?;
        credentials.check_dates_now()?;
        Ok(credentials)
    }

    /// Reads credentials as [`Credentials::load`] does, without checking dates: for a node that shows an expired
    /// certificate.
    ///
    /// # Errors
    /// As [`Credentials::load`], except [`ErrorKind::CertificateDates`].
    pub fn load_any_date(source: &CredentialSource) -> Result<Credentials> {
        let progress = Progress::default();
        if let CredentialSource::Pem { .. } = source {
            return source.load(&progress);
        }
        let source = source.clone();
        let (sender, outcome) = mpsc::channel();
        // The send fails if this function no longer waits.
        let deliver = move |loaded| drop(sender.send(loaded));
        on_own_thread(&progress, move |progress| source.load(progress), deliver)?;
        match outcome.recv_timeout(READ_LIMIT) {
            Ok(loaded) => loaded,
            Err(RecvTimeoutError::Timeout) => Err(progress.stalled(READ_LIMIT)),
            Err(RecvTimeoutError::Disconnected) => Err(loading::panicked()),
        }
    }

    fn from_pem(ca: &PemInput<'_>, certificate: &PemInput<'_>, key: &PemInput<'_>) -> Result<Credentials> {
        let trusted = ca.certificates()?;
        let chain = certificate.certificates()?;
        let private = key.private_key()?;
        let signer = matching_key(&private, &chain[0], certificate.name(), key.name())?;
        Ok(Credentials(Arc::new(Loaded {
            ca: trusted,
            chain,
            key: signer,
            ca_name: ca.name().to_owned(),
            certificate_name: certificate.name().to_owned(),
        })))
    }

    fn check_dates_now(&self) -> Result<()> {
        self.check_dates(UnixTime::now())
    }

    /// # Errors
    /// Returns [`ErrorKind::CertificateDates`] if no CA, or not each certificate of the own chain, is valid at `now`.
    fn check_dates(&self, now: UnixTime) -> Result<()> {
        // A CA file may hold an old and a new root: one has to be valid. A root in the own chain is checked as CA.
        if self.0.ca.iter().all(|root| root.dates(now) != Dates::Valid) {
            return Err(out_of_date(&self.0.ca_name, "CA certificate", &self.0.ca[0], now));
        }
        let mut role = "certificate";
        for certificate in &self.0.chain {
            let is_leaf = role == "certificate";
            if (is_leaf || !certificate.is_self_issued()) && certificate.dates(now) != Dates::Valid {
                return Err(out_of_date(&self.0.certificate_name, role, certificate, now));
            }
            role = "agency certificate";
        }
        Ok(())
    }

    /// Checks that the own certificate leads to the CA, as a node will want it: signatures and dates.
    ///
    /// # Errors
    /// [`ErrorKind::CredentialsInvalid`] says why it doesn't.
    pub fn check_chain(&self) -> Result<()> {
        let chain: Vec<_> = self.0.chain.iter().map(|certificate| certificate.der.clone()).collect();
        let refused = |why| {
            Error::undelivered(
                ErrorKind::CredentialsInvalid,
                format!("{} and {} don't belong together: {why}", self.0.certificate_name, self.0.ca_name),
            )
        };
        leads_to_root(&self.0.ca, &chain).map_err(refused)
    }

    /// The own certificates as they stand in the file, the own one first; at least one.
    pub fn certificates(&self) -> &[ParsedCertificate] {
        &self.0.chain
    }

    /// The CAs that are trusted; at least one.
    pub fn ca(&self) -> &[ParsedCertificate] {
        &self.0.ca
    }

    /// The file that the CA came from, for texts.
    pub fn ca_name(&self) -> &str {
        &self.0.ca_name
    }

    /// The file that the own certificate came from, for texts.
    pub fn certificate_name(&self) -> &str {
        &self.0.certificate_name
    }

    /// Who issued the own certificate, for texts.
    pub(super) fn issuer(&self) -> String {
        self.0.chain[0].issuer_text()
    }

    /// Whether the own key is RSA, which tells the kind of channel.
    pub fn is_rsa(&self) -> bool {
        self.0.key.algorithm() == SignatureAlgorithm::RSA
    }

    /// The own chain as it is sent, and the key to sign with.
    pub fn certified_key(&self) -> CertifiedKey {
        CertifiedKey::new(self.0.chain.iter().map(|c| c.der.clone()).collect(), self.0.key.clone())
    }

    /// The first issuer, from the own certificate upwards, whose certificate isn't there to be sent: a node can't
    /// follow the chain beyond it.
    pub fn missing_issuer(&self) -> Option<String> {
        let mut current = &self.0.chain[0];
        for _ in &self.0.chain {
            if current.is_self_issued() || self.0.ca.iter().any(|root| root.subject == current.issuer) {
                return None;
            }
            match self.0.chain.iter().find(|above| above.subject == current.issuer) {
                Some(above) => current = above,
                None => return Some(current.issuer_text()),
            }
        }
        None
    }
}

impl fmt::Debug for Credentials {
    /// Shows whose credentials they are, never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("certificate", &self.0.certificate_name)
            .field("subject", &self.0.chain[0].subject_text())
            .field("ca", &self.0.ca_name)
            .finish_non_exhaustive()
    }
}

/// The private key in the reading that belongs to `leaf`.
fn matching_key(
    private: &PrivateKeyDer<'_>,
    leaf: &ParsedCertificate,
    certificate_name: &str,
    key_name: &str,
) -> Result<Arc<dyn SigningKey>> {
    let readings = signing_keys(private);
    if readings.is_empty() {
        return Err(Error::undelivered(
            ErrorKind::CredentialsInvalid,
            format!(
                "{key_name} holds no key that can be used: chains have secp256k1 or RSA keys (2048 to 8192 bits), \
                 given as a named curve"
            ),
        ));
    }
    let belongs =
        |key: &Arc<dyn SigningKey>| key.public_key().is_some_and(|spki| leaf.key.same_as(spki.as_ref()));
    readings.into_iter().find(belongs).ok_or_else(|| {
        Error::undelivered(
            ErrorKind::KeyMismatch,
            format!(
                "{key_name} isn't the private key of {certificate_name} ({}, the first certificate in it): use files \
                 of one folder, and put the own certificate first",
                leaf.subject_text()
            ),
        )
    })
}

fn out_of_date(file: &str, role: &str, certificate: &ParsedCertificate, now: UnixTime) -> Error {
    let what = match certificate.dates(now) {
        Dates::NotYetValid => "is not valid yet: check this machine's clock",
        Dates::Expired | Dates::Valid => "is expired: have it renewed, or check this machine's clock",
    };
    Error::undelivered(
        ErrorKind::CertificateDates,
        format!("the {role} {} in {file} ({}) {what}", certificate.subject_text(), certificate.period()),
    )
}
