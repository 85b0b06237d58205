//! The INI file of the C SDK for 3.x chains, which go-sdk and python-sdk read too.

use super::common::{Encryption, Files, add_endpoint, set_call_timeout, set_tls_off};
use crate::Result;
use crate::config::place::Base;
use crate::config::section::Section;
use crate::config::{Config, Kind};
use crate::transport::Generations;

pub(super) fn import(root: &Section<'_>) -> Result<Config> {
    let mut config = Config::new(Kind::CSdk3, root.file());
    config.settings.generation = Some(Generations::V3);
    let peers = root.section("peers")?;
    for (entry, item) in peers.all().filter(|(entry, _)| entry.key.starts_with("node.")) {
        entry.mark();
        add_endpoint(&mut config, &item, item.text()?.to_owned())?;
    }
    let common = root.section("common")?;
    set_call_timeout(&mut config, &common, "message_timeout_ms")?;
    let enabled = common.flag_or_digit("enable_ssl")?;
    let disabled = common.flag_or_digit("disable_ssl")?;
    if !enabled.unwrap_or(!disabled.unwrap_or(false)) {
        let key = if enabled.is_some() { "enable_ssl" } else { "disable_ssl" };
        return set_tls_off(&mut config, &common, key).map(|()| config);
    }
    let cert = root.section("cert")?;
    let folder = cert.text("ca_path")?.unwrap_or("./conf");
    let sm = match cert.text("ssl_type")?.unwrap_or("ssl") {
        "ssl" => false,
        "sm_ssl" => true,
        _ => return Err(cert.error("ssl_type", "it has to be ssl or sm_ssl")),
    };
    // The names are relative to the folder, whose path is relative to the current folder.
    let name = |key: &str, default: &str| -> Result<String> {
        Ok(format!("{folder}/{}", cert.text(key)?.unwrap_or(default)))
    };
    let files = if sm {
        Files {
            base: Base::CurrentFolder,
            ca: ("", name("sm_ca_cert", "sm_ca.crt")?),
            cert: ("", name("sm_sdk_cert", "sm_sdk.crt")?),
            key: ("", name("sm_sdk_key", "sm_sdk.key")?),
            encryption: Some(Encryption {
                cert: ("", name("sm_ensdk_cert", "sm_ensdk.crt")?),
                key: ("", name("sm_ensdk_key", "sm_ensdk.key")?),
            }),
        }
    } else {
        Files {
            base: Base::CurrentFolder,
            ca: ("", name("ca_cert", "ca.crt")?),
            cert: ("", name("sdk_cert", "sdk.crt")?),
            key: ("", name("sdk_key", "sdk.key")?),
            encryption: None,
        }
    };
    files.set(&mut config, &cert)?;
    if let Some(item) = cert.get("ca_path") {
        config.is_at(if sm { "credential_files_gm" } else { "credential_files" }, item.line);
    }
    Ok(config)
}
