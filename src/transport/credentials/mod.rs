//! Credentials of a client or a node: the CA that it trusts, its certificates and its private key.
//!
//! [`CredentialSource`] states where they come from. Loading finds the files, reads and parses them, and checks that
//! they belong together. [`Credentials`] hold bytes, of which each TLS implementation makes its own objects.

mod checked;
mod key;
mod load;
mod names;
mod pem;
mod place;
mod source;

pub use checked::{Credentials, EncryptionPair, GmProtocol, KeyClass};
pub(crate) use key::{KeyEncoding, KeyKind, PrivateKey, secp256k1};
pub(crate) use load::Loading;
pub(crate) use place::Located;
pub use source::CredentialSource;
