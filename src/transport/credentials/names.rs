//! The names that chain scripts give the files of SDKs and nodes.

use std::path::Path;

use super::checked::GmProtocol;
use super::source::CredentialSource;

/// The file names of one set of credentials.
#[derive(Debug)]
pub(super) struct FileNames {
    pub(super) ca: &'static str,
    pub(super) cert: &'static str,
    pub(super) key: &'static str,
    /// Certificate and key for encryption, of GM chains.
    encryption: Option<(&'static str, &'static str)>,
}

/// The SDK on chains with secp256k1 or RSA keys.
pub(super) static SDK: FileNames =
    FileNames { ca: "ca.crt", cert: "sdk.crt", key: "sdk.key", encryption: None };

/// The SDK on GM chains of generation 2.
pub(super) static GM: FileNames = FileNames {
    ca: "gmca.crt",
    cert: "gmsdk.crt",
    key: "gmsdk.key",
    encryption: Some(("gmensdk.crt", "gmensdk.key")),
};

/// The SDK on SM chains of generation 3.
pub(super) static SM: FileNames = FileNames {
    ca: "sm_ca.crt",
    cert: "sm_sdk.crt",
    key: "sm_sdk.key",
    encryption: Some(("sm_ensdk.crt", "sm_ensdk.key")),
};

/// All sets of an SDK.
pub(super) static SETS: [&FileNames; 3] = [&SDK, &GM, &SM];

/// The node's own credentials, on chains of generation 2. A client uses them only if they are named.
pub(super) static NODES: [&FileNames; 2] = [
    &FileNames { ca: "ca.crt", cert: "node.crt", key: "node.key", encryption: None },
    &FileNames {
        ca: "gmca.crt",
        cert: "gmnode.crt",
        key: "gmnode.key",
        encryption: Some(("gmennode.crt", "gmennode.key")),
    },
];

impl FileNames {
    /// Returns whether `name` is of a certificate or key in the set, other than the CA's, which sets share.
    pub(super) fn contains(&self, name: &str) -> bool {
        let (enc_cert, enc_key) = self.encryption.unwrap_or((self.cert, self.key));
        [self.cert, self.key, enc_cert, enc_key].contains(&name)
    }

    /// Returns the number of files.
    pub(super) fn len(&self) -> usize {
        self.all().count()
    }

    /// Returns the files that `folder` lacks.
    pub(super) fn missing_in(&self, folder: &Path) -> Vec<&'static str> {
        // A file that is there but can't be read counts: it is reported when it's opened, with the reason.
        self.all().filter(|name| folder.join(name).symlink_metadata().is_err()).collect()
    }

    /// Returns the files in `folder`.
    pub(super) fn files(&self, folder: &Path) -> CredentialSource {
        let [ca, cert, key] = [self.ca, self.cert, self.key].map(|name| folder.join(name));
        match self.encryption {
            None => CredentialSource::Files { ca, cert, key },
            Some((enc_cert, enc_key)) => CredentialSource::GmFiles {
                ca,
                cert,
                key,
                enc_cert: folder.join(enc_cert),
                enc_key: folder.join(enc_key),
            },
        }
    }

    fn all(&self) -> impl Iterator<Item = &'static str> {
        let encryption = self.encryption.into_iter().flat_map(|(cert, key)| [cert, key]);
        [self.ca, self.cert, self.key].into_iter().chain(encryption)
    }
}

/// Returns whether a file has the name of a node's own key.
pub(super) fn is_key_of_a_node(key: &Path) -> bool {
    NODES.iter().any(|names| key.file_name().is_some_and(|name| name == names.key))
}

/// Returns the protocol that a certificate's file name states, `None` if no chain script writes such a name.
pub(super) fn protocol_of(cert: &Path) -> Option<GmProtocol> {
    let name = cert.file_name()?.to_str()?;
    if name.starts_with("sm_") {
        Some(GmProtocol::Tlcp)
    } else if name.starts_with("gm") {
        Some(GmProtocol::Tls12)
    } else {
        None
    }
}
