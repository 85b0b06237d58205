//! Behaviour across crates. The tests are in `tests/`, a file or folder for each subject; here is what they share.

pub mod invariants;
#[cfg(feature = "programs")]
pub mod log;
pub mod preload;
#[cfg(feature = "programs")]
pub mod program;
pub mod setup;
pub mod websocket_invariants;
#[cfg(feature = "programs")]
pub mod wire;

/// The README's Rust examples build.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// The example of the crate's page builds.
#[cfg(doctest)]
#[doc = include_str!("../../src/README.md")]
pub struct CratePage;

/// The examples of the page on embedded nodes run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/devnet.md")]
pub struct EmbeddedNodes;
