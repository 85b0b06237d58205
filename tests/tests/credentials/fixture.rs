//! A folder with the credentials of an SDK, for a test to damage.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use amop::transport::{CredentialSource, Credentials};
use amop::{Error, ErrorKind};
use amop_devnet::chain::{Chain, ChainOptions, LeafOptions, Role};
use tempfile::TempDir;

/// The time after which a test fails. No test waits for it to pass.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// A folder with `ca.crt`, `sdk.crt` and `sdk.key`.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        let folder = Folder(TempDir::new().unwrap());
        let chain = Chain::mint(&ChainOptions::default()).unwrap();
        let sdk = chain.issue(Role::Sdk, "sdk", &LeafOptions::default()).unwrap();
        folder.write("ca.crt", sdk.ca_pem());
        folder.write("sdk.crt", sdk.certificate_pem());
        folder.write("sdk.key", sdk.key_pem());
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.file(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }

    pub(crate) fn openssl(&self, arguments: &str) {
        let output =
            Command::new("openssl").args(arguments.split_whitespace()).current_dir(self.path()).output();
        let output = output.expect("the openssl command is installed");
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn source(&self) -> CredentialSource {
        CredentialSource::Directory(self.path().into())
    }

    pub(crate) fn load(&self) -> amop::Result<Credentials> {
        Credentials::load(&self.source())
    }

    /// Asserts that loading fails with `kind` and a text that holds the path of `file` and all `parts`.
    pub(crate) fn assert_fails(&self, kind: ErrorKind, file: &str, parts: &[&str]) {
        assert_error(
            &self.load().unwrap_err(),
            kind,
            &[&[&*self.file(file).to_string_lossy()], parts].concat(),
        );
    }
}

/// Asserts the kind of an error, and that its text holds all `parts`.
pub(crate) fn assert_error(error: &Error, kind: ErrorKind, parts: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    for part in parts {
        assert!(error.message().contains(part), "{part:?} isn't in: {error}");
    }
}
