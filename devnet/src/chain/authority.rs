//! A chain in memory: its CA and agency, and the certificates that they issue.

use std::fmt;

use amop::transport::{CredentialSource, Credentials};
use amop::{Error, ErrorKind, Result};
use x509_cert::Certificate;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{DecodePem, EncodePem};
use x509_cert::name::Name;

use super::certificate::{Period, Purpose, Version, Wanted, distinguished_name, failed, issue};
use super::key::{Algorithm, ChainKind, Key};
use crate::options::Generation;

/// The name that the script gives the CA, and the organization of all names.
const CHAIN_NAME: &str = "fisco-bcos";

/// The name that the script of generation 3 gives all certificates, and the organization of the CA.
const NAME_OF_3X: &str = "FISCO-BCOS";

/// The name that the script gives the agency.
const AGENCY_NAME: &str = "agency";

/// The properties of a chain's CA and agency. Clients and nodes accept a chain with the defaults.
#[derive(Clone, Debug)]
pub struct ChainOptions {
    /// The generation, and the kind of all keys.
    pub kind: ChainKind,
    /// The common name of the CA. Two chains with the same name differ only in their keys.
    pub name: String,
    /// The version of the CA's certificate. Default: 3, with CA:TRUE. The script writes version 1.
    pub root_version: Version,
    /// The validity period of the CA.
    pub root_period: Period,
    /// The common name of the agency. Chains with RSA keys and those of generation 3 have no agency.
    pub agency: String,
    /// The validity period of the agency.
    pub agency_period: Period,
}

impl Default for ChainOptions {
    fn default() -> ChainOptions {
        ChainOptions {
            kind: ChainKind::default(),
            name: CHAIN_NAME.into(),
            root_version: Version::V3,
            root_period: Period::script(),
            agency: AGENCY_NAME.into(),
            agency_period: Period::script(),
        }
    }
}

impl ChainOptions {
    /// Returns the script's options for a chain of this kind.
    pub fn of(kind: impl Into<ChainKind>) -> ChainOptions {
        let kind = kind.into();
        let root_version = match kind.algorithm {
            Algorithm::Secp256k1 | Algorithm::Sm2 => Version::V3,
            Algorithm::Rsa | Algorithm::P256 => Version::V1,
        };
        let name = match kind.generation {
            Generation::V2 => CHAIN_NAME,
            Generation::V3 => NAME_OF_3X,
        };
        ChainOptions { kind, root_version, name: name.into(), ..ChainOptions::default() }
    }
}

/// The owner of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A node.
    Node,
    /// An SDK, which is a client.
    Sdk,
}

/// The issuer of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// The agency. The script uses it with secp256k1 keys.
    Agency,
    /// The CA itself. The scripts use it with RSA keys, and on chains of generation 3.
    Root,
}

/// The certificates in a certificate file, which are sent during the TLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The certificate itself, the agency's and the CA's. The script writes these.
    WholeChain,
    /// The certificate itself and the agency's, which nodes accept.
    WithAgency,
    /// The certificate itself. Nodes refuse it if an agency issued it.
    LeafOnly,
}

/// The properties of a certificate of a node or SDK. The defaults are the script's for secp256k1 and SM2 keys.
#[derive(Clone, Copy, Debug)]
pub struct LeafOptions {
    /// The validity period.
    pub period: Period,
    /// The version.
    pub version: Version,
    /// The issuer.
    pub issuer: Issuer,
    /// The certificates in the certificate file.
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
    /// Returns the script's options on a chain of this kind.
    pub fn of(kind: impl Into<ChainKind>) -> LeafOptions {
        let kind = kind.into();
        if kind.has_agency() {
            return LeafOptions::default();
        }
        let version = match kind.generation {
            Generation::V2 => Version::V1,
            Generation::V3 => Version::V3,
        };
        LeafOptions { version, issuer: Issuer::Root, sent: Sent::LeafOnly, ..LeafOptions::default() }
    }
}

/// A chain's CA and one of its agencies, with their keys, so that certificates can be issued.
#[derive(Clone, Debug)]
pub struct Chain {
    generation: Generation,
    root: Authority,
    /// `None` on chains without agencies.
    agency: Option<Authority>,
}

/// A certificate that issues others, with its key.
#[derive(Clone)]
pub(super) struct Authority {
    certificate: Certificate,
    key: Key,
}

/// The certificates and keys of a node or SDK, as PEM texts.
#[derive(Clone)]
pub struct Identity {
    ca: String,
    certificate: String,
    key: String,
    /// Certificate and key for encryption, on GM chains.
    encryption: Option<(String, String)>,
}

impl Chain {
    /// Creates a CA, with one agency if chains of this kind have agencies.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`] if a name is not allowed in certificates.
    pub fn mint(options: &ChainOptions) -> Result<Chain> {
        let ChainKind { generation, algorithm } = options.kind;
        let organization = match generation {
            Generation::V2 => CHAIN_NAME,
            Generation::V3 => NAME_OF_3X,
        };
        let subject = distinguished_name(&options.name, organization, "chain")?;
        let key = Key::generate(algorithm);
        let root = Authority::self_signed(&subject, key, options.root_version, options.root_period)?;
        let agency = options.kind.has_agency().then(|| root.issue_agency(options)).transpose()?;
        Ok(Chain { generation, root, agency })
    }

    /// Returns the chain with a renewed CA certificate, which has the same name and key and another period.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsInvalid`] if the certificate cannot be encoded, which does not happen in
    /// practice.
    pub fn with_renewed_root(&self, period: Period) -> Result<Chain> {
        let root = Authority::self_signed(self.root.name(), self.root.key.clone(), Version::V3, period)?;
        Ok(Chain { generation: self.generation, root, agency: self.agency.clone() })
    }

    /// Returns the same CA with a new agency. Only the agency's part of `options` is used.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`] if the agency's name is not allowed in certificates.
    pub fn with_another_agency(&self, options: &ChainOptions) -> Result<Chain> {
        let agency = Some(self.root.issue_agency(options)?);
        Ok(Chain { generation: self.generation, root: self.root.clone(), agency })
    }

    /// Issues a certificate for a new key.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`] if the name is not allowed in certificates, or if `options` need an
    /// agency and the chain has none. [`LeafOptions::of`] returns options that fit the chain.
    pub fn issue(&self, role: Role, name: &str, options: &LeafOptions) -> Result<Identity> {
        let is_gm = self.algorithm() == Algorithm::Sm2;
        let purpose = match self.kind() {
            ChainKind { algorithm: Algorithm::Sm2, .. } => Purpose::GmSignature,
            ChainKind { generation: Generation::V2, .. } => Purpose::Leaf,
            ChainKind { generation: Generation::V3, .. } => Purpose::LeafOf3x,
        };
        let (certificate, key) = self.issue_one(role, name, options, purpose)?;
        let mut identity = Identity { ca: self.root.certificate_pem()?, certificate, key, encryption: None };
        if is_gm {
            // The script writes this one alone, because the agency's certificate is in the other file.
            let options = LeafOptions { sent: Sent::LeafOnly, ..*options };
            identity.encryption = Some(self.issue_one(role, name, &options, Purpose::GmEncryption)?);
        }
        Ok(identity)
    }

    /// Issues a certificate as the script does to the node with this number, or to the SDK without a number.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsInvalid`] if the certificate cannot be encoded, which does not happen in
    /// practice.
    pub fn issue_by_script(&self, node: Option<usize>, period: Period) -> Result<Identity> {
        let (role, name) = match node {
            Some(index) => (Role::Node, format!("node{index}")),
            None => (Role::Sdk, "sdk".to_owned()),
        };
        let name = match self.generation {
            Generation::V2 => name,
            Generation::V3 => NAME_OF_3X.to_owned(),
        };
        self.issue(role, &name, &LeafOptions { period, ..LeafOptions::of(self.kind()) })
    }

    /// Issues one certificate. Returns its file and the key's.
    fn issue_one(
        &self,
        role: Role,
        name: &str,
        options: &LeafOptions,
        purpose: Purpose,
    ) -> Result<(String, String)> {
        let unit = match (self.generation, role, purpose) {
            (_, _, Purpose::LeafOf3x) => "agency",
            (_, Role::Sdk, Purpose::GmEncryption) => "ensdk",
            (_, Role::Sdk, _) => "sdk",
            (Generation::V2, Role::Node, Purpose::GmEncryption) => "ennode",
            (Generation::V2, Role::Node, _) => "node",
            (Generation::V3, Role::Node, Purpose::GmEncryption) => "enssl",
            (Generation::V3, Role::Node, _) => "ssl",
        };
        let subject = distinguished_name(name, CHAIN_NAME, unit)?;
        let issuer = match options.issuer {
            Issuer::Agency => self.agency()?,
            Issuer::Root => &self.root,
        };
        let key = Key::generate(self.algorithm());
        let wanted = Wanted { subject: &subject, purpose, version: options.version, period: options.period };
        let leaf = issue(&wanted, &key, issuer.name(), &issuer.key)?;
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
        Ok((certificate, key.pem()?))
    }

    /// Returns the CA's certificate as PEM.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsInvalid`] if the certificate cannot be encoded, which does not happen in
    /// practice.
    pub fn ca_pem(&self) -> Result<String> {
        self.root.certificate_pem()
    }

    pub(super) fn root(&self) -> &Authority {
        &self.root
    }

    /// Returns the kind of the chain's keys.
    pub fn algorithm(&self) -> Algorithm {
        self.root.algorithm()
    }

    /// Returns the kind of the chain.
    pub fn kind(&self) -> ChainKind {
        ChainKind { generation: self.generation, algorithm: self.algorithm() }
    }

    pub(super) fn has_agency(&self) -> bool {
        self.agency.is_some()
    }

    pub(super) fn agency(&self) -> Result<&Authority> {
        self.agency.as_ref().ok_or_else(|| {
            let text = "this chain has no agency: its CA issues the certificates of nodes and SDKs itself";
            Error::undelivered(ErrorKind::InvalidArgument, text)
        })
    }

    pub(super) fn from_authorities(
        generation: Generation,
        root: Authority,
        agency: Option<Authority>,
    ) -> Chain {
        Chain { generation, root, agency }
    }
}

impl Authority {
    /// Parses the output of [`Authority::certificate_pem`] and [`Authority::key_pem`].
    pub(super) fn from_pem(certificate: &str, key: &str) -> std::result::Result<Authority, String> {
        let certificate = Certificate::from_pem(certificate)
            .map_err(|_| "the certificate is not an X.509 certificate in PEM".to_owned())?;
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
        let certificate = issue(&wanted, &key, subject, &key)?;
        Ok(Authority { certificate, key })
    }

    fn issue_agency(&self, options: &ChainOptions) -> Result<Authority> {
        let subject = distinguished_name(&options.agency, CHAIN_NAME, "agency")?;
        let key = Key::generate(self.key.algorithm());
        let wanted = Wanted {
            subject: &subject,
            purpose: Purpose::Authority,
            version: Version::V3,
            period: options.agency_period,
        };
        let certificate = issue(&wanted, &key, self.name(), &self.key)?;
        Ok(Authority { certificate, key })
    }
}

impl fmt::Debug for Authority {
    /// Writes the name, without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({})", self.name())
    }
}

impl Identity {
    /// Returns the content of `ca.crt`.
    pub fn ca_pem(&self) -> &str {
        &self.ca
    }

    /// Returns the content of `sdk.crt` or `node.crt`.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// Returns the content of `sdk.key` or `node.key`, in PKCS#8.
    pub fn key_pem(&self) -> &str {
        &self.key
    }

    /// Returns the contents of the encryption certificate's and its key's files, on GM chains.
    pub fn encryption_pem(&self) -> Option<(&str, &str)> {
        self.encryption.as_ref().map(|(certificate, key)| (&**certificate, &**key))
    }

    /// Returns the same identity with another one's certificate and key for encryption, or none.
    #[must_use]
    pub fn with_encryption_of(mut self, other: Option<&Identity>) -> Identity {
        self.encryption = other.and_then(|other| other.encryption.clone());
        self
    }

    /// Returns the same identity with another CA certificate, to imitate a node or client that trusts another chain
    /// than its own.
    #[must_use]
    pub fn trusting(mut self, ca_pem: &str) -> Identity {
        ca_pem.clone_into(&mut self.ca);
        self
    }

    /// Returns the identity as credentials of a client.
    pub fn source(&self) -> CredentialSource {
        let [ca, cert, key] = [&self.ca, &self.certificate, &self.key].map(|text| text.clone().into_bytes());
        match self.encryption.clone() {
            None => CredentialSource::Pem { ca, cert, key: key.into() },
            Some((enc_cert, enc_key)) => CredentialSource::GmPem {
                ca,
                cert,
                key: key.into(),
                enc_cert: enc_cert.into_bytes(),
                enc_key: enc_key.into_bytes().into(),
            },
        }
    }

    /// Loads the identity without checking its dates.
    ///
    /// # Errors
    /// Returns the errors of [`Credentials::load_any_date`]. They do not happen for an identity from [`Chain::issue`].
    pub fn credentials(&self) -> Result<Credentials> {
        Credentials::load_any_date(&self.source())
    }
}

impl fmt::Debug for Identity {
    /// Writes the certificates, without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

fn certificate_pem(certificate: &Certificate) -> Result<String> {
    certificate.to_pem(LineEnding::LF).map_err(|error| failed(&error.to_string()))
}
