//! `config.json` of nodejs-sdk.

use super::common::{Files, add_endpoint, set_call_timeout, set_group};
use crate::Result;
use crate::config::place::Base;
use crate::config::section::Section;
use crate::config::{Config, Kind};
use crate::transport::Generations;

pub(super) fn import(root: &Section<'_>) -> Result<Config> {
    let mut config = Config::new(Kind::NodeJsSdk, root.file());
    config.settings.generation = Some(Generations::V2);
    for item in root.list("nodes")? {
        let node = item.section()?;
        let part = |key: &str| match node.get(key) {
            Some(part) => part.any_text(),
            None => Err(item.error(&format!("it has no {key}"))),
        };
        let (host, port) = (part("ip")?, part("port")?);
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        add_endpoint(&mut config, &item, format!("{host}:{port}"))?;
    }
    set_group(&mut config, root, "groupID")?;
    set_call_timeout(&mut config, root, "timeout")?;
    // The kind of keys for transactions; the SDK's TLS is always the standard one.
    root.text("encryptType")?;
    let authentication = root.section("authentication")?;
    for key in ["ca", "cert", "key"] {
        if authentication.text(key)?.is_none() {
            return Err(authentication.error(key, "it is missing: name the file"));
        }
    }
    let files = Files {
        base: Base::FolderOfFile,
        ca: ("ca", String::new()),
        cert: ("cert", String::new()),
        key: ("key", String::new()),
        encryption: None,
    };
    files.set(&mut config, &authentication)?;
    Ok(config)
}
