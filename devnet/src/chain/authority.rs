//! A chain in memory: its CA and agency, and the certificates they issue.

use std::fmt;

use amop::transport::{CredentialSource, Credentials};
use amop::{Error, ErrorKind, Result};
use x509_cert::Certificate;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{DecodePem, EncodePem};
use x509_cert::name::Name;

use super::certificate::{Period, Purpose, Version, Wanted, distinguished_name, failed, mint};
use super::key::{Algorithm, Key};

/// The CA's name in the script.
const CHAIN_NAME: &str = "fisco-bcos";

/// The agency's name in the script.
const AGENCY_NAME: &str = "agency";

/// How CA and agency of a chain are made; the defaults give a chain that everybody accepts.
#[derive(Clone, Debug)]
pub struct ChainOptions {
    /// Kind of all keys.
    pub algorithm: Algorithm,
    /// Common name of the CA. Two chains of one name are told apart by their keys only.
    pub name: String,
    /// Version of the CA's certificate. The script's is 1; 3 says CA:TRUE and is the default.
    pub root_version: Version,
    /// When the CA is valid.
    pub root_period: Period,
    /// Common name of the agency, where there is one: RSA chains have none.
    pub agency: String,
    /// When the agency is valid.
    pub agency_period: Period,
}

impl Default for ChainOptions {
    fn default() -> ChainOptions {
        ChainOptions {
            algorithm: Algorithm::Secp256k1,
            name: CHAIN_NAME.into(),
            root_version: Version::V3,
            root_period: Period::script(),
            agency: AGENCY_NAME.into(),
            agency_period: Period::script(),
        }
    }
}

impl ChainOptions {
    /// A chain with keys of this kind, as the script makes it.
    pub fn of(algorithm: Algorithm) -> ChainOptions {
        let root_version = match algorithm {
            Algorithm::Secp256k1 => Version::V3,
            Algorithm::Rsa => Version::V1,
        };
        ChainOptions { algorithm, root_version, ..ChainOptions::default() }
    }
}

/// Whom a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A node.
    Node,
    /// An SDK, that is a client.
    Sdk,
}

/// Who signs a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// The agency, as the script does it on secp256k1.
    Agency,
    /// The CA itself, as the script does it for RSA.
    Root,
}

/// Which certificates stand in the file, and so are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The own one, the agency's and the CA's, as the script writes it.
    WholeChain,
    /// The own one and the agency's: enough for a node.
    WithAgency,
    /// The own one alone: not enough where an agency issued it.
    LeafOnly,
}

/// How the certificate of a node or SDK is made; the defaults are the script's for secp256k1.
#[derive(Clone, Copy, Debug)]
pub struct LeafOptions {
    /// When it is valid.
    pub period: Period,
    /// Its version.
    pub version: Version,
    /// Who signs it.
    pub issuer: Issuer,
    /// What is sent along.
    pub sent: Sent,
}

impl Default for LeafOptions {
    fn default() -> LeafOptions {
        LeafOptions {
            period: Period::script(),
            version: Version::V3,
            issuer: Issuer::Agency,
            sent: Sent::WholeChain,
        }
    }
}

impl LeafOptions {
    /// As the script makes it on a chain with keys of this kind.
    pub fn of(algorithm: Algorithm) -> LeafOptions {
        match algorithm {
            Algorithm::Secp256k1 => LeafOptions::default(),
            Algorithm::Rsa => LeafOptions {
                version: Version::V1,
                issuer: Issuer::Root,
                sent: Sent::LeafOnly,
                ..LeafOptions::default()
            },
        }
    }
}

/// A chain's CA and one of its agencies, with their keys: able to issue.
#[derive(Clone, Debug)]
pub struct Chain {
    root: Authority,
    /// RSA chains have none.
    agency: Option<Authority>,
}

/// A certificate that issues others, and its key.
#[derive(Clone)]
pub(super) struct Authority {
    certificate: Certificate,
    key: Key,
}

/// What one node or SDK has: its certificates and key, as the content of PEM files.
#[derive(Clone)]
pub struct Identity {
    ca: String,
    certificate: String,
    key: String,
}

impl Chain {
    /// A new CA, with one agency if its keys are on secp256k1.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a name that can't stand in a certificate.
    pub fn mint(options: &ChainOptions) -> Result<Chain> {
        let subject = distinguished_name(&options.name, "chain")?;
        let root = Authority::self_signed(
            &subject,
            Key::generate(options.algorithm),
            options.root_version,
            options.root_period,
        )?;
        let agency = match options.algorithm {
            Algorithm::Secp256k1 => Some(root.issue_agency(options)?),
            Algorithm::Rsa => None,
        };
        Ok(Chain { root, agency })
    }

    /// The same CA renewed: name and key stay, the dates are new.
    ///
    /// # Errors
    /// None in practice: name and key served before.
    pub fn with_renewed_root(&self, period: Period) -> Result<Chain> {
        let root = Authority::self_signed(self.root.name(), self.root.key.clone(), Version::V3, period)?;
        Ok(Chain { root, agency: self.agency.clone() })
    }

    /// The same CA with another, new agency; of `options` the agency's count.
    ///
    /// # Errors
    /// As [`Chain::mint`].
    pub fn with_another_agency(&self, options: &ChainOptions) -> Result<Chain> {
        Ok(Chain { root: self.root.clone(), agency: Some(self.root.issue_agency(options)?) })
    }

    /// Issues a certificate for a new key.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a name that can't stand in a certificate, and when a chain without an
    /// agency is to issue by it or send it: take [`LeafOptions::of`] its kind.
    pub fn issue(&self, role: Role, name: &str, options: &LeafOptions) -> Result<Identity> {
        let unit = match role {
            Role::Node => "node",
            Role::Sdk => "sdk",
        };
        let subject = distinguished_name(name, unit)?;
        let issuer = match options.issuer {
            Issuer::Agency => self.agency()?,
            Issuer::Root => &self.root,
        };
        let key = Key::generate(self.algorithm());
        let wanted = Wanted {
            subject: &subject,
            purpose: Purpose::Leaf,
            version: options.version,
            period: options.period,
        };
        let leaf = mint(&wanted, &key, issuer.name(), &issuer.key)?;
        let mut certificate = certificate_pem(&leaf)?;
        match options.sent {
            Sent::WholeChain => {
                if options.issuer == Issuer::Agency {
                    certificate.push_str(&self.agency()?.certificate_pem()?);
                }
                certificate.push_str(&self.root.certificate_pem()?);
            }
            Sent::WithAgency => certificate.push_str(&self.agency()?.certificate_pem()?),
            Sent::LeafOnly => (),
        }
        Ok(Identity { ca: self.root.certificate_pem()?, certificate, key: key.pem()? })
    }

    /// The CA's certificate, PEM.
    ///
    /// # Errors
    /// None in practice: it was encoded before.
    pub fn ca_pem(&self) -> Result<String> {
        self.root.certificate_pem()
    }

    pub(super) fn root(&self) -> &Authority {
        &self.root
    }

    /// Kind of its keys.
    pub fn algorithm(&self) -> Algorithm {
        self.root.algorithm()
    }

    pub(super) fn has_agency(&self) -> bool {
        self.agency.is_some()
    }

    pub(super) fn agency(&self) -> Result<&Authority> {
        self.agency.as_ref().ok_or_else(|| {
            let text = "this chain has no agency: its CA issues nodes and SDKs itself";
            Error::undelivered(ErrorKind::InvalidArgument, text)
        })
    }

    pub(super) fn from_authorities(root: Authority, agency: Option<Authority>) -> Chain {
        Chain { root, agency }
    }
}

impl Authority {
    /// Reads back what [`Authority::certificate_pem`] and [`Authority::key_pem`] wrote.
    pub(super) fn from_pem(certificate: &str, key: &str) -> std::result::Result<Authority, String> {
        let certificate = Certificate::from_pem(certificate).map_err(|error| error.to_string())?;
        let key = Key::from_pem(key)?;
        Ok(Authority { certificate, key })
    }

    pub(super) fn certificate_pem(&self) -> Result<String> {
        certificate_pem(&self.certificate)
    }

    pub(super) fn key_pem(&self) -> Result<String> {
        self.key.pem()
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    fn name(&self) -> &Name {
        self.certificate.tbs_certificate().subject()
    }

    fn self_signed(subject: &Name, key: Key, version: Version, period: Period) -> Result<Authority> {
        let wanted = Wanted { subject, purpose: Purpose::Authority, version, period };
        let certificate = mint(&wanted, &key, subject, &key)?;
        Ok(Authority { certificate, key })
    }

    fn issue_agency(&self, options: &ChainOptions) -> Result<Authority> {
        let subject = distinguished_name(&options.agency, "agency")?;
        let key = Key::generate(self.key.algorithm());
        let wanted = Wanted {
            subject: &subject,
            purpose: Purpose::Authority,
            version: Version::V3,
            period: options.agency_period,
        };
        let certificate = mint(&wanted, &key, self.name(), &self.key)?;
        Ok(Authority { certificate, key })
    }
}

impl fmt::Debug for Authority {
    /// Shows whose it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({})", self.name())
    }
}

impl Identity {
    /// The content of `ca.crt`.
    pub fn ca_pem(&self) -> &str {
        &self.ca
    }

    /// The content of `sdk.crt` or `node.crt`.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// The content of `sdk.key` or `node.key`: PKCS#8.
    pub fn key_pem(&self) -> &str {
        &self.key
    }

    /// The same identity trusting another CA: for a node or client that belongs to another chain than it thinks.
    #[must_use]
    pub fn trusting(mut self, ca_pem: &str) -> Identity {
        ca_pem.clone_into(&mut self.ca);
        self
    }

    /// As a source for a client.
    pub fn source(&self) -> CredentialSource {
        CredentialSource::Pem {
            ca: self.ca.clone().into_bytes(),
            cert: self.certificate.clone().into_bytes(),
            key: self.key.clone().into_bytes(),
        }
    }

    /// Loaded, whatever its dates are.
    ///
    /// # Errors
    /// As [`Credentials::load_any_date`]; none for what [`Chain::issue`] made.
    pub fn credentials(&self) -> Result<Credentials> {
        Credentials::load_any_date(&self.source())
    }
}

impl fmt::Debug for Identity {
    /// Doesn't show the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

fn certificate_pem(certificate: &Certificate) -> Result<String> {
    certificate.to_pem(LineEnding::LF).map_err(|error| failed(&error.to_string()))
}
