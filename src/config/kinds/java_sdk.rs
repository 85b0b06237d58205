//! `config.toml` of java-sdk, of both generations, whose values are all texts.

use super::common::{
    Encryption, Files, set_call_timeout, set_endpoints, set_tls_off, strip_class_path, unsupported,
};
use crate::Result;
use crate::config::place::Base;
use crate::config::section::{Item, Section};
use crate::config::{Config, KeySource, Kind, PrivateRole, PrivateTopic, Secret};
use crate::transport::{CredentialSource, Generations};

const BASE: Base = Base::CurrentFolderFirst;

/// Keys that only files for 3.x chains have.
const OF_3: [(&str, &str); 8] = [
    ("cryptoMaterial", "useSMCrypto"),
    ("cryptoMaterial", "disableSsl"),
    ("cryptoMaterial", "enableSsl"),
    ("cryptoMaterial", "enableHsm"),
    ("network", "messageTimeout"),
    ("network", "defaultGroup"),
    ("network", "tarsPeers"),
    ("threadPool", "threadPoolSize"),
];

/// Keys that files for 2.x chains have, and some samples for 3.x chains still.
const OF_2: [(&str, &str); 5] = [
    ("cryptoMaterial", "sslKeyIndex"),
    ("cryptoMaterial", "cryptoProvider"),
    ("cryptoProvider", "type"),
    ("threadPool", "channelProcessorThreadSize"),
    ("threadPool", "receiptProcessorThreadSize"),
];

/// The files for encryption and signatures of GM chains, by the keys of both generations.
const ENCRYPTION: [&str; 2] = ["enSslCert", "enSslKey"];

pub(super) fn recognise(root: &Section<'_>) -> bool {
    root.has("cryptoMaterial")
        || root.all().any(|(entry, item)| {
            entry.key == "network" && item.section().is_ok_and(|network| network.has("peers"))
        })
}

pub(super) fn import(root: &Section<'_>) -> Result<Config> {
    let kind = kind(root)?;
    let mut config = Config::new(kind, root.file());
    config.settings.generation = match kind {
        Kind::JavaSdk2 => Some(Generations::V2),
        Kind::JavaSdk3 => Some(Generations::V3),
        _ => None,
    };
    let network = root.section("network")?;
    set_endpoints(&mut config, &network.list("peers")?)?;
    set_call_timeout(&mut config, &network, "messageTimeout")?;
    let material = root.section("cryptoMaterial")?;
    set_credentials(&mut config, &material)?;
    // The SDK for 3.x chains parses them and does nothing with them.
    if kind != Kind::JavaSdk3 {
        for topic in root.list("amop")? {
            config.private_topics.extend(private_topic(&topic)?);
        }
    }
    Ok(config)
}

/// Returns the kind: what only one generation has decides.
fn kind(root: &Section<'_>) -> Result<Kind> {
    let has = |(table, key): &(&str, &str)| {
        root.all()
            .any(|(entry, item)| entry.key == *table && item.section().is_ok_and(|section| section.has(key)))
    };
    let private = root.all().filter(|(entry, _)| entry.key == "amop");
    let mut has_private_topic = false;
    for (_, item) in private {
        has_private_topic |=
            item.list()?.iter().any(|topic| topic.section().is_ok_and(|topic| topic.has("topicName")));
    }
    Ok(match () {
        () if OF_3.iter().any(has) => Kind::JavaSdk3,
        () if has_private_topic || OF_2.iter().any(has) => Kind::JavaSdk2,
        () => Kind::JavaSdk,
    })
}

fn set_credentials(config: &mut Config, material: &Section<'_>) -> Result<()> {
    for key in ["enableHsm", "cryptoProvider", "sslKeyIndex", "enSslKeyIndex"] {
        if let Some(item) = material.get(key)
            && !matches!(item.any_text()?.trim(), "" | "false" | "ssm")
        {
            return Err(unsupported(
                &item,
                "keys in a hardware security module are not supported: use key files",
            ));
        }
    }
    let enabled = match material.flag("enableSsl")? {
        Some(enabled) => {
            material.flag("disableSsl")?;
            enabled
        }
        None => !material.flag("disableSsl")?.unwrap_or(false),
    };
    if !enabled {
        let key = if material.has("enableSsl") { "enableSsl" } else { "disableSsl" };
        return set_tls_off(config, material, key);
    }
    let folder = material.text("certPath")?;
    let in_folder = |name: &str| format!("{}/{name}", strip_class_path(folder.unwrap_or("conf")));
    let encryption_key = ENCRYPTION.into_iter().find(|key| material.has(key));
    if config.kind == Kind::JavaSdk3 {
        let sm = material.flag("useSMCrypto")?.unwrap_or(false);
        if let Some(key) = encryption_key.filter(|_| !sm) {
            return Err(
                material.error(key, "it contradicts useSMCrypto, which isn't true: remove one of the two")
            );
        }
        let name = |name: &str| in_folder(&format!("{}{name}", if sm { "sm_" } else { "" }));
        let encryption = sm.then(|| Encryption {
            cert: ("enSslCert", name("ensdk.crt")),
            key: ("enSslKey", name("ensdk.key")),
        });
        let files = Files {
            base: BASE,
            ca: ("caCert", name("ca.crt")),
            cert: ("sslCert", name("sdk.crt")),
            key: ("sslKey", name("sdk.key")),
            encryption,
        };
        return files.set(config, material);
    }
    if encryption_key.is_some() {
        let files = Files {
            base: BASE,
            ca: ("caCert", in_folder("gm/gmca.crt")),
            cert: ("sslCert", in_folder("gm/gmsdk.crt")),
            key: ("sslKey", in_folder("gm/gmsdk.key")),
            encryption: Some(Encryption {
                cert: ("enSslCert", in_folder("gm/gmensdk.crt")),
                key: ("enSslKey", in_folder("gm/gmensdk.key")),
            }),
        };
        return files.set(config, material);
    }
    if ["caCert", "sslCert", "sslKey"].into_iter().any(|key| material.has(key)) {
        let files = Files {
            base: BASE,
            ca: ("caCert", in_folder("ca.crt")),
            cert: ("sslCert", in_folder("sdk.crt")),
            key: ("sslKey", in_folder("sdk.key")),
            encryption: None,
        };
        return files.set(config, material);
    }
    // The SDK tries the set of the folder, then that of its folder gm, which is what a folder of credentials means here.
    let folder_of_set = BASE.resolve(material.file(), strip_class_path(folder.unwrap_or("conf")));
    config.settings.credentials = Some(CredentialSource::Directory(folder_of_set));
    if let Some(item) = material.get("certPath") {
        config.is_at("credentials", item.line);
    }
    Ok(())
}

/// Returns the private topic of an `[[amop]]` table. The SDK's own sample has tables in which everything is commented out.
fn private_topic(item: &Item<'_>) -> Result<Option<PrivateTopic>> {
    let table = item.section()?;
    let (topic, private_key) = (table.text("topicName")?, table.text("privateKey")?);
    let public_keys = table.list("publicKeys")?;
    let Some(topic) = topic else {
        return match table.all().next() {
            None => Ok(None),
            Some(_) => Err(item.error("it has no topicName: name the topic, or remove the table")),
        };
    };
    let file = |path: &str| KeySource::File(BASE.resolve(table.file(), strip_class_path(path)));
    let role = match (private_key, public_keys.is_empty()) {
        (Some(_), false) => {
            return Err(table.error(
                "privateKey",
                "it contradicts publicKeys: a table is for a subscriber, which has a private key, or for a publisher",
            ));
        }
        (Some(path), true) => {
            let password = table.text("password")?.map(|text| Secret::Text(text.to_owned().into()));
            PrivateRole::Subscriber { private_key: file(path), password }
        }
        (None, false) => {
            let public_keys = public_keys.iter().map(|key| Ok(file(key.text()?))).collect::<Result<_>>()?;
            PrivateRole::Publisher { public_keys }
        }
        (None, true) => {
            return Err(
                table.error("topicName", "the table has neither publicKeys nor privateKey: add one of them")
            );
        }
    };
    Ok(Some(PrivateTopic { topic: topic.to_owned(), role, line: item.line }))
}
