//! Where credentials come from.

use std::fmt;
use std::path::PathBuf;

/// The place that credentials are loaded from. All files are PEM.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum CredentialSource {
    /// The first folder with a complete set: the one that `$AMOP_CREDENTIALS` names, and only that if it is set; else
    /// `.`, `conf`, `sdk`, `nodes/127.0.0.1/sdk` (where the official chain script puts them) and `amop-devnet/sdk`, in
    /// this order.
    #[default]
    Discover,
    /// A folder with `ca.crt`, `sdk.crt` and `sdk.key`; or `node.crt` and `node.key` in place of the latter two.
    Directory(PathBuf),
    /// Three files.
    Files {
        /// The CA that certificates of nodes must lead to.
        ca: PathBuf,
        /// The certificate to show, followed by those between it and the CA.
        cert: PathBuf,
        /// The private key, PKCS#8 or SEC1, not encrypted.
        key: PathBuf,
    },
    /// The content of three such files.
    Pem {
        /// The CA that certificates of nodes must lead to.
        ca: Vec<u8>,
        /// The certificate to show, followed by those between it and the CA.
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
