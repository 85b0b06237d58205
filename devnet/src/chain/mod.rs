//! The certificates of a chain: CA, agency, nodes and SDKs, like those of the official chain scripts of both
//! generations.
//!
//! [`Chain`] issues certificates in memory, with all variations that tests and faults need. [`ChainFolder`] keeps a
//! chain in a folder with the layout of the script, and reuses it.

mod authority;
mod certificate;
mod folder;
mod key;

pub use authority::{Chain, ChainOptions, Identity, Issuer, LeafOptions, Role, Sent};
pub use certificate::{Period, Version};
pub use folder::ChainFolder;
pub use key::{Algorithm, ChainKind};
