//! The private topics of a configuration file, as data: nothing is read or checked here.

use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

/// A private topic of a 2.x chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateTopic {
    /// Its plain name.
    pub topic: String,
    /// What the client does with it.
    pub role: PrivateRole,
    /// The line of the file on which it begins.
    pub line: usize,
}

/// What a client does with a private topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrivateRole {
    /// It publishes to subscribers that hold one of these keys.
    Publisher {
        /// The public keys; at least one.
        public_keys: Vec<KeySource>,
    },
    /// It subscribes, or serves.
    Subscriber {
        /// The private key.
        private_key: KeySource,
        /// The password of the key's file.
        password: Option<Secret>,
    },
}

/// Where a key is.
#[derive(Clone, PartialEq, Eq)]
pub enum KeySource {
    /// In a file: PEM, or PKCS#12.
    File(PathBuf),
    /// In the configuration itself, in hexadecimal digits.
    Hex(Zeroizing<String>),
}

impl fmt::Debug for KeySource {
    /// Shows paths, never a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeySource::File(path) => f.debug_tuple("File").field(path).finish(),
            KeySource::Hex(_) => f.debug_tuple("Hex").finish_non_exhaustive(),
        }
    }
}

/// A secret, or where it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The secret itself.
    Text(Zeroizing<String>),
    /// The value of an environment variable.
    Environment(String),
    /// The first line of a file.
    File(PathBuf),
}

impl fmt::Debug for Secret {
    /// Shows where the secret is, never the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secret::Text(_) => f.debug_tuple("Text").finish_non_exhaustive(),
            Secret::Environment(name) => f.debug_tuple("Environment").field(name).finish(),
            Secret::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}
