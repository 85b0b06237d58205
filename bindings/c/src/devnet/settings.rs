//! What options of a devnet state, for either build of the nodes.

use std::path::PathBuf;

use amop::{Generations, Tls};

/// The settings of nodes.
#[cfg_attr(not(feature = "devnet"), allow(dead_code))]
pub(super) struct Settings {
    pub(super) ports: Vec<u16>,
    pub(super) folder: Option<PathBuf>,
    pub(super) like_2_11: bool,
    pub(super) like_3_16: bool,
    pub(super) tls: Tls,
    /// Not both: [`Generations::Auto`] is 2.x.
    pub(super) generations: Generations,
}
