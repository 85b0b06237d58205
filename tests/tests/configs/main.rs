//! Configuration files of users of other SDKs, in `tests/configs`: what each states, and the errors of those that can't be
//! used.

mod connecting;
mod errors;
mod files;
mod tables;
mod variants;

use std::path::{Path, PathBuf};

use amop::config::Config;
use amop::{Result, Settings};

/// Returns the path of a file in `tests/configs`.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").join(name)
}

/// Returns what a file in `tests/configs` states, as if it lay in the folder `app`, which does not exist.
fn import(name: &str) -> Config {
    let content = std::fs::read(path(name)).expect("the file can be read");
    parse(name, &content).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns what a file with this content states.
fn parse(name: &str, content: impl AsRef<[u8]>) -> Result<Config> {
    Config::parse(&Path::new("app").join(name), content.as_ref())
}

/// Returns the options that are given, by name, in the order of the documentation.
fn given(settings: &Settings) -> Vec<(&'static str, String)> {
    Settings::names().filter_map(|name| Some((name, settings.text(name)?))).collect()
}
