//! The formats of configuration files, each of which becomes the same tree.
//!
//! Errors name the line only: what a damaged file holds may be a password, so that no text of a parser that quotes the
//! file is used.

pub(super) mod ini;
pub(super) mod json;
pub(super) mod python;
pub(super) mod toml;
pub(super) mod xml;
