//! `config.toml` of go-sdk for 2.x chains, whose keys differ from others of the same name in case only.

use super::common::{Encryption, Files, add_endpoint, set_group};
use crate::Result;
use crate::config::place::Base;
use crate::config::section::Section;
use crate::config::{Config, Kind};
use crate::transport::{CredentialSource, Generations};

/// The contents of PEM files, which precede the files.
const CONTENTS: [&str; 3] = ["CAContext", "CertContext", "KeyContext"];

pub(super) fn recognise(root: &Section<'_>) -> bool {
    root.all().any(|(entry, item)| {
        entry.key.eq_ignore_ascii_case("network")
            && item.section().is_ok_and(|network| network.has("Connection") || network.has("CAFile"))
    })
}

pub(super) fn import(root: &Section<'_>) -> Result<Config> {
    let mut config = Config::new(Kind::GoSdk2, root.file());
    config.settings.generation = Some(Generations::V2);
    let network = root.section("Network")?;
    let kind = network.text("Type")?;
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("channel")) {
        return Err(network.error(
            "Type",
            "AMOP needs \"channel\" here, and the channel port of the node in NodeURL (without this key go-sdk uses rpc)",
        ));
    }
    for item in network.list("Connection")? {
        let connection = item.section()?;
        match connection.get("NodeURL") {
            Some(url) => add_endpoint(&mut config, &url, url.text()?.trim().to_owned())?,
            None => return Err(item.error("it has no NodeURL: name the node, such as 127.0.0.1:20200")),
        }
        if config.settings.group.is_none() {
            set_group(&mut config, &connection, "GroupID")?;
        }
    }
    set_credentials(&mut config, &network)?;
    Ok(config)
}

fn set_credentials(config: &mut Config, network: &Section<'_>) -> Result<()> {
    let mut contents = Vec::new();
    for key in CONTENTS {
        contents.extend(network.text(key)?.map(|text| text.as_bytes().to_vec()));
    }
    match <[Vec<u8>; 3]>::try_from(contents) {
        Ok([ca, cert, key]) => {
            config.settings.credentials = Some(CredentialSource::Pem { ca, cert, key: key.into() });
            if let Some(item) = network.get(CONTENTS[0]) {
                config.is_at("credential_pem", item.line);
            }
            return Ok(());
        }
        Err(some) if some.is_empty() => {}
        Err(_) => {
            let is_missing = |key: &&str| matches!(network.text(key), Ok(None));
            let missing = CONTENTS.into_iter().find(is_missing).unwrap_or(CONTENTS[0]);
            let others: Vec<_> = CONTENTS.into_iter().filter(|key| *key != missing).collect();
            let others = others.join(" and ");
            let what = format!(
                "it is missing or empty, but a certificate or key beside it is not: give it with {others}, or none"
            );
            return Err(network.error(missing, &what));
        }
    }
    let encryption = network
        .has("EnCert")
        .then(|| Encryption { cert: ("EnCert", "gmensdk.crt".into()), key: ("EnKey", "gmensdk.key".into()) });
    // The SDK has no rule of its own: Go opens relative to the current folder.
    let files = Files {
        base: Base::CurrentFolder,
        ca: ("CAFile", "ca.crt".into()),
        cert: ("Cert", "sdk.crt".into()),
        key: ("Key", "sdk.key".into()),
        encryption,
    };
    files.set(config, network)
}
