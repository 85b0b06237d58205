//! Keys of private topics: reading and writing them, and the challenge by which a subscriber proves that it holds one.
//!
//! Private topics exist at nodes of generation 2.x. The official SDKs hard-code secp256k1 and Keccak-256 for them, also on
//! GM chains, and so does this module. It knows neither connections nor clients.

mod challenge;
mod format;
mod hex;
mod key;
mod pbes2;
mod pem;
mod pkcs12;
mod prover;
mod reading;

pub(crate) use challenge::{Challenge, Verdict};
pub use key::{PrivateKey, PublicKey};
pub(crate) use prover::Prover;
pub(crate) use prover::ProverStats;
