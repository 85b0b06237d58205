//! The kinds of configuration files: how each is recognised, and what each SDK makes of its own.

mod amop;
mod c_sdk;
mod common;
mod go_sdk;
mod java_sdk;
mod nodejs_sdk;
mod python_sdk;
mod web3sdk;

use std::path::Path;

pub(super) use python_sdk::{Python, import as python};

use super::Config;
use super::section::{Section, error_at, error_in};
use super::syntax::{ini, json, python as python_syntax, toml, xml};
use super::tree::Table;
use crate::Result;

/// Makes a configuration of a file.
pub(super) type Import = fn(&Section<'_>) -> Result<Config>;

/// How a file becomes a configuration.
pub(super) enum Recognised {
    Config(Import),
    /// By [`python`], whose configuration may be in another file.
    Python,
}

/// Recognises a file by its content, and parses it.
///
/// # Errors
/// Returns an error with the line if the text is damaged, or if it is of no known kind.
pub(super) fn recognise(path: &Path, text: &str) -> Result<(Recognised, Table)> {
    let at = |(line, what): (usize, String)| error_at(path, line, &what);
    let config = |import: Import, table| Ok((Recognised::Config(import), table));
    match text.trim_start().chars().next() {
        Some('<') => {
            let beans = xml::parse(text).map_err(at)?;
            return config(web3sdk::import, beans);
        }
        Some('{') => {
            let object = json::parse(text).map_err(at)?;
            return match object.contains("authentication") && object.contains("nodes") {
                true => config(nodejs_sdk::import, object),
                false => Err(unknown(path, "a JSON file of nodejs-sdk has authentication and nodes")),
            };
        }
        _ => {}
    }
    if text.lines().any(|line| line.starts_with("class ")) {
        return Ok((Recognised::Python, python_syntax::parse(text).map_err(at)?));
    }
    if is_ini(text) {
        return config(c_sdk::import, ini::parse(text).map_err(at)?);
    }
    let table = toml::parse(text).map_err(at)?;
    let root = Section::root(path, &table);
    let import: Import = if java_sdk::recognise(&root) {
        java_sdk::import
    } else if go_sdk::recognise(&root) {
        go_sdk::import
    } else if amop::recognise(&root) {
        amop::import
    } else {
        return Err(unknown(path, "no option of this library is in it, nor [cryptoMaterial] or [Network]"));
    };
    config(import, table)
}

/// Returns whether a text has the sections of the C SDK's INI, and none of the TOML files.
fn is_ini(text: &str) -> bool {
    let has = |names: &[&str]| text.lines().any(|line| names.contains(&line.trim()));
    has(&["[cert]", "[peers]"]) && !has(&["[cryptoMaterial]", "[network]", "[Network]"])
}

fn unknown(path: &Path, why: &str) -> crate::Error {
    error_in(
        path,
        &format!(
            "it is of no known kind ({why}): use a TOML file of this library, config.toml of java-sdk or go-sdk, the INI file of \
             the C SDK, applicationContext.xml of web3sdk, config.json of nodejs-sdk or client_config.py of python-sdk"
        ),
    )
}
