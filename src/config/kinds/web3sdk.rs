//! `applicationContext.xml` of web3sdk: beans of Spring, found by their classes.

use super::common::{Encryption, Files, add_endpoint, set_group, strip_class_path};
use crate::Result;
use crate::config::place::Base;
use crate::config::section::{Item, Section, error_in};
use crate::config::syntax::xml::{ARGUMENT, CLASS};
use crate::config::tree::Value;
use crate::config::{Config, KeySource, Kind, PrivateRole, PrivateTopic};
use crate::transport::Generations;

/// The class path, on which the file lies.
const BASE: Base = Base::FolderOfFile;

pub(super) fn import(root: &Section<'_>) -> Result<Config> {
    let mut config = Config::new(Kind::Web3Sdk, root.file());
    config.settings.generation = Some(Generations::V2);
    let Some(groups) = bean_of(root, "GroupChannelConnectionsConfig")? else {
        return Err(error_in(
            root.file(),
            "it has no bean of the class GroupChannelConnectionsConfig, which names the nodes",
        ));
    };
    let service = bean_of(root, "channel.client.Service")?;
    let group = match &service {
        Some(service) => service.number("groupId")?,
        None => None,
    };
    set_nodes(&mut config, &groups, group)?;
    let gm = match bean_of(root, "EncryptType")? {
        Some(encrypt_type) => encrypt_type.number(ARGUMENT)? == Some(1),
        None => false,
    };
    set_credentials(&mut config, &groups, gm)?;
    if let Some(service) = &service {
        if let Some(item) = service.get("groupId") {
            config.settings.group = Some(item.number()?);
            config.is_at("group", item.line);
        }
        if let Some(topics) = service.get("topic2KeyInfo") {
            set_private_topics(&mut config, root, &topics)?;
        }
    }
    Ok(config)
}

/// Returns the bean of a class, by the end of its name.
fn bean_of<'a>(root: &Section<'a>, class: &str) -> Result<Option<Section<'a>>> {
    let mut found = None;
    for (entry, item) in root.all() {
        let bean = item.section()?;
        let named = matches!(bean.get(CLASS), Some(name) if name.text()?.ends_with(class));
        if !named {
            continue;
        }
        if found.is_some() {
            return Err(item.error(&format!("a bean of the class {class} is above: remove one of the two")));
        }
        entry.mark();
        found = Some(bean);
    }
    Ok(found)
}

/// Returns the bean that a value is or refers to.
fn bean<'a>(root: &Section<'a>, item: &Item<'a>) -> Result<Section<'a>> {
    let Value::Reference(name) = item.value() else { return item.section() };
    match root.get(name) {
        Some(bean) => bean.section(),
        None => Err(item.error("it refers to a bean that is not in this file")),
    }
}

/// Sets the nodes of the group that the service is for, of all groups if it has none.
fn set_nodes(config: &mut Config, groups: &Section<'_>, group: Option<i64>) -> Result<()> {
    for item in groups.list("allChannelConnections")? {
        let connections = item.section()?;
        connections.get(CLASS);
        let of_group = connections.number("groupId")?;
        let nodes = connections.list("connectionsStr")?;
        if group.is_some() && of_group.is_some() && group != of_group {
            continue;
        }
        for node in nodes {
            add_endpoint(config, &node, node.text()?.to_owned())?;
        }
        if group.is_none() && config.settings.group.is_none() {
            set_group(config, &connections, "groupId")?;
        }
    }
    if let (None, Some(group)) = (&config.settings.endpoints, group) {
        let what = format!("it has no nodes for group {group}, which the service is for");
        return Err(groups.error("allChannelConnections", &what));
    }
    Ok(())
}

fn set_credentials(config: &mut Config, groups: &Section<'_>, gm: bool) -> Result<()> {
    let files = if gm {
        Files {
            base: BASE,
            ca: ("gmCaCert", "gmca.crt".into()),
            cert: ("gmSslCert", "gmsdk.crt".into()),
            key: ("gmSslKey", "gmsdk.key".into()),
            encryption: Some(Encryption {
                cert: ("gmEnSslCert", "gmensdk.crt".into()),
                key: ("gmEnSslKey", "gmensdk.key".into()),
            }),
        }
    } else {
        Files {
            base: BASE,
            ca: ("caCert", "ca.crt".into()),
            cert: ("sslCert", "sdk.crt".into()),
            key: ("sslKey", "sdk.key".into()),
            encryption: None,
        }
    };
    files.set(config, groups)
}

/// Sets the private topics: a map of topics to keys, or a bean that holds it.
fn set_private_topics<'a>(config: &mut Config, root: &Section<'a>, item: &Item<'a>) -> Result<()> {
    let mut map = bean(root, item)?;
    map.get(CLASS);
    if let Some(inner) = map.get("topicToKeyInfo") {
        map = inner.section()?;
    }
    for (entry, item) in map.all().filter(|(entry, _)| entry.key != CLASS) {
        entry.mark();
        let keys = bean(root, &item)?;
        keys.get(CLASS);
        let file = |path: &str| KeySource::File(BASE.resolve(root.file(), strip_class_path(path)));
        let (public, private) = (keys.list("publicKey")?, keys.text("privateKey")?);
        let role = match (private, public.is_empty()) {
            (Some(path), true) => PrivateRole::Subscriber { private_key: file(path), password: None },
            (None, false) => PrivateRole::Publisher {
                public_keys: public.iter().map(|key| Ok(file(key.text()?))).collect::<Result<_>>()?,
            },
            (Some(_), false) => {
                return Err(keys.error("privateKey", "it contradicts publicKey: keep one of the two"));
            }
            (None, true) => return Err(item.error("it has neither publicKey nor privateKey")),
        };
        config.private_topics.push(PrivateTopic {
            topic: topic_name(&item, &entry.key)?,
            role,
            line: item.line,
        });
    }
    Ok(())
}

/// Returns a topic, which the SDK's sample has as a placeholder.
fn topic_name(item: &Item<'_>, key: &str) -> Result<String> {
    match key.contains("${") {
        true => Err(item.error("the topic is a placeholder, such as Spring fills in: write its name")),
        false => Ok(key.to_owned()),
    }
}
