//! A chain's certificates: CA, agency, nodes and SDKs, on secp256k1 or RSA, as the official chain script makes them.
//!
//! [`Chain`] mints them in memory, in every shape that tests and faults need; [`ChainFolder`] keeps one in a folder
//! laid out as the script does and reuses it the next time.

mod authority;
mod certificate;
mod folder;
mod key;

pub use authority::{Chain, ChainOptions, Identity, Issuer, LeafOptions, Role, Sent};
pub use certificate::{Period, Version};
pub use folder::ChainFolder;
pub use key::Algorithm;
