//! Where credentials come from.

use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

/// The place that credentials are loaded from. All files are PEM. Private keys in memory are erased when it is dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum CredentialSource {
    /// The first folder with a complete set: the one that `$AMOP_CREDENTIALS` names, and only that if it is set; else
    /// `.`, `conf`, `sdk`, `nodes/127.0.0.1/sdk` (where the official chain script puts them) and `amop-devnet/sdk`, in
    /// this order.
    #[default]
    Discover,
    /// A folder with one of these sets, or one file of the set instead of its folder:
    ///
    /// - `ca.crt`, `sdk.crt` and `sdk.key`;
    /// - `gmca.crt`, `gmsdk.crt`, `gmsdk.key`, `gmensdk.crt` and `gmensdk.key`, in the folder or in `gm` below it, of a
    ///   GM chain of generation 2;
    /// - `sm_ca.crt`, `sm_sdk.crt`, `sm_sdk.key`, `sm_ensdk.crt` and `sm_ensdk.key`, of an SM chain of generation 3.
    ///
    /// The set may also be in `sdk` below the folder. If the first set is there with one of the others, the other is
    /// used for nodes that share nothing with the first. A file that was given instead of its folder excludes the other
    /// sets.
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
    /// Five files of a GM chain. Names that begin with `gm` or `sm_`, as chain scripts write them, decide whether TLS 1.2
    /// or TLCP is used; with other names both are tried.
    GmFiles {
        /// The CA that certificates of nodes must lead to.
        ca: PathBuf,
        /// The certificate to sign with, followed by those between it and the CA.
        cert: PathBuf,
        /// The private key to sign with.
        key: PathBuf,
        /// The certificate for encryption.
        enc_cert: PathBuf,
        /// The private key for encryption.
        enc_key: PathBuf,
    },
    /// The content of three such files.
    Pem {
        /// The CA that certificates of nodes must lead to.
        ca: Vec<u8>,
        /// The certificate to show, followed by those between it and the CA.
        cert: Vec<u8>,
        /// The private key, PKCS#8 or SEC1, not encrypted.
        key: Zeroizing<Vec<u8>>,
    },
    /// The content of five such files. TLCP is tried first, then TLS 1.2.
    GmPem {
        /// The CA that certificates of nodes must lead to.
        ca: Vec<u8>,
        /// The certificate to sign with, followed by those between it and the CA.
        cert: Vec<u8>,
        /// The private key to sign with.
        key: Zeroizing<Vec<u8>>,
        /// The certificate for encryption.
        enc_cert: Vec<u8>,
        /// The private key for encryption.
        enc_key: Zeroizing<Vec<u8>>,
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
            CredentialSource::GmFiles { ca, cert, key, enc_cert, enc_key } => f
                .debug_struct("GmFiles")
                .field("ca", ca)
                .field("cert", cert)
                .field("key", key)
                .field("enc_cert", enc_cert)
                .field("enc_key", enc_key)
                .finish(),
            CredentialSource::Pem { .. } => f.debug_struct("Pem").finish_non_exhaustive(),
            CredentialSource::GmPem { .. } => f.debug_struct("GmPem").finish_non_exhaustive(),
        }
    }
}
