//! `client_config.py` of python-sdk, which has what is for 2.x chains itself, and names the C SDK's INI file for 3.x
//! chains.

use std::path::PathBuf;

use super::common::{Encryption, Files, add_endpoint, set_group};
use crate::Result;
use crate::config::place::Base;
use crate::config::section::Section;
use crate::config::{Config, Kind};
use crate::transport::Generations;

const BASE: Base = Base::CurrentFolder;

/// What the file states.
pub(in crate::config) enum Python {
    /// A configuration, of a 2.x chain.
    Config(Box<Config>),
    /// The path of the configuration, of a 3.x chain.
    Ini(PathBuf),
}

/// Returns what the file states. The SDK's template has keys for both generations: the file of 3.x counts if it exists,
/// and the keys of 2.x if their certificate does.
pub(in crate::config) fn import(root: &Section<'_>) -> Result<Python> {
    let ini = root.text("bcos3_config_file")?.map(|path| BASE.resolve(root.file(), path));
    let certificate = root.text("channel_ca")?.map(|path| BASE.resolve(root.file(), path));
    let is_there = |path: &Option<PathBuf>| path.as_ref().is_some_and(|path| path.symlink_metadata().is_ok());
    match ini {
        Some(_) if is_there(&Some(ini.clone().unwrap_or_default())) && root.has("channel_host") && is_there(&certificate) => {
            Err(root.error(
                "bcos3_config_file",
                "this file exists, and so does that of channel_ca, so that it is not clear whether the chain is 3.x or 2.x: \
                 name the INI file itself as the configuration for 3.x, or remove this key for 2.x",
            ))
        }
        Some(path) if !root.has("channel_host") || path.symlink_metadata().is_ok() => Ok(Python::Ini(path)),
        _ => channel(root).map(|config| Python::Config(Box::new(config))),
    }
}

/// Returns the configuration for 2.x chains.
fn channel(root: &Section<'_>) -> Result<Config> {
    let mut config = Config::new(Kind::PythonSdk, root.file());
    config.settings.generation = Some(Generations::V2);
    if let Some(protocol) = root.text("client_protocol")?
        && !protocol.eq_ignore_ascii_case("channel")
    {
        return Err(root.error(
            "client_protocol",
            "AMOP needs \"channel\" here, and the channel port of the node in channel_port",
        ));
    }
    let Some(host) = root.get("channel_host") else {
        return Err(root.error("channel_host", "it is missing: name the node"));
    };
    let name = host.text()?;
    let name = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    let port = root.number("channel_port")?.unwrap_or(20200);
    add_endpoint(&mut config, &host, format!("{name}:{port}"))?;
    set_group(&mut config, root, "groupid")?;
    // Files from before there was ssl_type have TLS of the standard kind.
    root.text("crypto_type")?;
    let gm = root.text("ssl_type")?.is_some_and(|kind| kind.eq_ignore_ascii_case("GM"));
    let encryption = gm.then(|| Encryption {
        cert: ("channel_en_crt", "bin/gmensdk.crt".into()),
        key: ("channel_en_key", "bin/gmensdk.key".into()),
    });
    let files = Files {
        base: BASE,
        ca: ("channel_ca", "bin/ca.crt".into()),
        cert: ("channel_node_cert", "bin/sdk.crt".into()),
        key: ("channel_node_key", "bin/sdk.key".into()),
        encryption,
    };
    files.set(&mut config, root)?;
    Ok(config)
}
