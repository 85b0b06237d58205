//! 0x100: the client offers a range of protocol versions, the node answers with the one it chose and its groups.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::protocol::{UnsupportedVersion, release, version};

/// The lowest version that this client speaks.
pub const MIN_VERSION: u32 = 0;
/// The highest version that this client speaks. Nodes before 3.6 choose 1 at most.
pub const MAX_VERSION: u32 = 2;

/// The number by which clients of the SDK kind name themselves.
const MODULE_SDK: u32 = 2;
/// The highest module that nodes know; they don't answer a higher one.
const MAX_MODULE: u32 = 3;

/// The client's offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The highest version.
    pub max_version: u32,
    /// The lowest version.
    pub min_version: u32,
    /// What kind of client this is.
    pub module: u32,
}

impl Offer {
    /// The offer of this client.
    pub const OURS: Offer = Offer { max_version: MAX_VERSION, min_version: MIN_VERSION, module: MODULE_SDK };

    /// Returns the payload: keys sorted, a newline at the end, as the official client writes it.
    pub fn encode(&self) -> Vec<u8> {
        let Offer { max_version, min_version, module } = self;
        format!("{{\"maxVersion\":{max_version},\"minVersion\":{min_version},\"moduleID\":{module}}}\n")
            .into_bytes()
    }

    /// Returns the offer that a node reads from a payload; `None` if the node ignores it.
    ///
    /// Observed on 3.16: numbers may be absent, `null`, booleans or fractions; what follows the object is ignored, and so
    /// are comments before it.
    pub fn decode(payload: &[u8]) -> Option<Offer> {
        let json = without_comments(payload);
        let mut values = serde_json::Deserializer::from_slice(json).into_iter::<Value>();
        let Ok(Value::Object(fields)) = values.next()? else { return None };
        let number = |name| match fields.get(name) {
            None | Some(Value::Null) => Some(0),
            Some(Value::Bool(value)) => Some(u32::from(*value)),
            Some(Value::Number(value)) => match value.as_u64() {
                Some(value) => u32::try_from(value).ok(),
                None => value
                    .as_f64()
                    .filter(|value| (0.0..=f64::from(u32::MAX)).contains(value))
                    .map(|value| value as u32),
            },
            Some(Value::String(_) | Value::Array(_) | Value::Object(_)) => None,
        };
        let module = number("moduleID").filter(|module| *module <= MAX_MODULE)?;
        Some(Offer { max_version: number("maxVersion")?, min_version: number("minVersion")?, module })
    }

    /// Returns the version that a node chooses that speaks versions 0 to `highest`; `None` if it refuses the offer.
    pub fn choose(&self, highest: u32) -> Option<u32> {
        (self.min_version <= highest).then(|| self.max_version.min(highest))
    }
}

/// Returns the bytes after comments and white space at the start.
fn without_comments(mut json: &[u8]) -> &[u8] {
    loop {
        json = json.trim_ascii_start();
        let end = match json {
            [b'/', b'*', rest @ ..] => rest.windows(2).position(|pair| pair == b"*/").map(|at| at + 4),
            [b'/', b'/', ..] => json.iter().position(|byte| *byte == b'\n'),
            _ => None,
        };
        match end {
            Some(end) => json = &json[end..],
            None => return json,
        }
    }
}

/// What a client needs of a node's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The version that both speak from now on.
    pub protocol_version: u32,
    /// The release of the first node that the answer describes, `3.16.4`; empty if it describes none. Printable, and of at
    /// most 64 characters, more only where some were escaped.
    pub node_version: String,
}

impl Choice {
    /// Decodes the payload; `None` if it holds no protocol version. Groups may be missing or malformed: AMOP doesn't need
    /// them.
    pub fn decode(payload: &[u8]) -> Option<Choice> {
        let Protocol { protocol_version } = serde_json::from_slice(payload).ok()?;
        let groups = serde_json::from_slice::<Groups>(payload).ok();
        let node = groups.and_then(|groups| groups.group_info_list.0?.node_list.0);
        let config = node.and_then(|node| serde_json::from_str::<IniConfig>(&node.ini_config).ok());
        let node_version = config.map(|config| config.binary_info.version).unwrap_or_default();
        Some(Choice { protocol_version, node_version })
    }

    /// Returns the choice.
    ///
    /// # Errors
    /// Returns an error if the version is higher than [`MAX_VERSION`].
    pub fn supported(self) -> Result<Choice, UnsupportedVersion> {
        version::check(self.protocol_version, MIN_VERSION..=MAX_VERSION).map(|()| self)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Protocol {
    protocol_version: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    group_info_list: First<ListedGroup>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedGroup {
    node_list: First<ListedNode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedNode {
    ini_config: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IniConfig {
    binary_info: BinaryInfo,
}

#[derive(Deserialize)]
struct BinaryInfo {
    #[serde(deserialize_with = "release::deserialize")]
    version: String,
}

/// The first element of an array: the others are read and not kept, however many there are.
struct First<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<First<T>, D::Error> {
        struct Elements<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
            type Value = First<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<First<T>, A::Error> {
                let first = elements.next_element()?;
                while elements.next_element::<IgnoredAny>()?.is_some() {}
                Ok(First(first))
            }
        }
        deserializer.deserialize_seq(Elements(PhantomData))
    }
}

/// A group as a node describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The chain, `chain0`.
    pub chain_id: String,
    /// The group, `group0`.
    pub group_id: String,
    /// The height of the group's chain.
    pub block_number: u64,
    /// Whether the chain uses SM2, SM3 and SM4.
    pub is_sm: bool,
    /// The group's nodes.
    pub nodes: Vec<Node>,
}

/// A node as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The name, `node0`.
    pub name: String,
    /// The id, 128 hex digits.
    pub id: String,
    /// The release: three numbers.
    pub release: [u8; 3],
}

/// Returns the payload of a node's answer. The official client needs a version of at least 1, and of each group all that
/// is written here.
pub fn encode_answer(protocol_version: u32, groups: &[Group]) -> Vec<u8> {
    let numbers = |group: &Group| json!({ group.group_id.as_str(): group.block_number });
    let answer = json!({
        "groupBlockNumber": groups.iter().map(numbers).collect::<Vec<_>>(),
        "groupInfoList": groups.iter().map(Group::to_json).collect::<Vec<_>>(),
        "protocolVersion": protocol_version,
    });
    format!("{answer}\n").into_bytes()
}

impl Group {
    /// Returns the description as it is in a node's answer, and in a 0x103.
    pub fn to_json(&self) -> Value {
        json!({
            "chainID": self.chain_id,
            "genesisConfig": "",
            "groupID": self.group_id,
            "iniConfig": "",
            "nodeList": self.nodes.iter().map(|node| node.to_json(self)).collect::<Vec<_>>(),
        })
    }
}

impl Node {
    fn to_json(&self, group: &Group) -> Value {
        let [major, minor, patch] = self.release;
        let quoted = |text: &str| Value::from(text);
        let ini_config = format!(
            "{{\"binaryInfo\":{{\"version\":\"{major}.{minor}.{patch}\"}},\"chainID\":{},\"groupID\":{},\"smCryptoType\":{},\
             \"isWasm\":false,\"nodeName\":{}}}\n",
            quoted(&group.chain_id),
            quoted(&group.group_id),
            group.is_sm,
            quoted(&self.name),
        );
        json!({
            "featureKeys": [],
            "iniConfig": ini_config,
            "microService": false,
            "name": self.name,
            "nodeID": self.id,
            "protocol": {
                "compatibilityVersion": u32::from_be_bytes([major, minor, patch, 0]),
                "maxSupportedVersion": MAX_VERSION,
                "minSupportedVersion": MIN_VERSION,
            },
            "serviceInfo": [],
            "supportConfigs": [],
            "type": 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offer_has_the_documented_bytes() {
        assert_eq!(Offer::OURS.encode(), b"{\"maxVersion\":2,\"minVersion\":0,\"moduleID\":2}\n");
        assert_eq!(Offer::decode(&Offer::OURS.encode()), Some(Offer::OURS));
    }

    #[test]
    fn unusual_offers_are_read_as_nodes_do() {
        let zero = Offer { max_version: 0, min_version: 0, module: 0 };
        for (payload, offer) in [
            ("{}", zero),
            (" // a\n/* b */ {\"maxVersion\":null} x", zero),
            ("{\"maxVersion\":1.9,\"minVersion\":true}", Offer { max_version: 1, min_version: 1, module: 0 }),
        ] {
            assert_eq!(Offer::decode(payload.as_bytes()), Some(offer), "{payload}");
        }
        for ignored in [
            "",
            "[]",
            "hello",
            "/*",
            "//",
            "/* {}",
            "{\"maxVersion\":-1}",
            "{\"maxVersion\":4294967296}",
            "{\"moduleID\":4}",
            "{\"minVersion\":\"0\"}",
        ] {
            assert_eq!(Offer::decode(ignored.as_bytes()), None, "{ignored}");
        }
    }

    #[test]
    fn node_chooses_the_highest_common_version() {
        let offer = |min_version, max_version| Offer { max_version, min_version, module: 2 };
        assert_eq!(offer(0, 9).choose(2), Some(2));
        assert_eq!(offer(0, 1).choose(2), Some(1));
        assert_eq!(offer(0, 9).choose(1), Some(1));
        assert_eq!(offer(2, 0).choose(2), Some(0), "that the highest is below the lowest isn't checked");
        assert_eq!(offer(3, 9).choose(2), None);
    }

    #[test]
    fn answer_comes_back() {
        let node = |name: &str| Node { name: name.into(), id: "ab".repeat(64), release: [3, 16, 4] };
        let group = Group {
            chain_id: "chain0".into(),
            group_id: "group0".into(),
            block_number: 7,
            is_sm: true,
            nodes: vec![node("node0"), node("node1")],
        };
        let choice = |answer: &[u8]| Choice::decode(answer);
        let expected = |version: &str| Some(Choice { protocol_version: 2, node_version: version.into() });
        assert_eq!(choice(&encode_answer(2, &[group.clone(), group])), expected("3.16.4"));
        assert_eq!(choice(&encode_answer(2, &[])), expected(""));
        assert_eq!(choice(b"{\"protocolVersion\":2}"), expected(""));
        assert_eq!(choice(b"{\"protocolVersion\":2,\"groupInfoList\":{\"a\":[7]}}"), expected(""));
        for wrong in ["", "{}", "[]", "{\"protocolVersion\":-1}", "{\"protocolVersion\":\"2\"}"] {
            assert_eq!(choice(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn node_version_is_short_and_printable() {
        let long = "\u{1b}[31m".to_owned() + &"ä".repeat(1000);
        let config = json!({ "binaryInfo": { "version": long } }).to_string();
        let answer =
            json!({ "protocolVersion": 1, "groupInfoList": [{ "nodeList": [{ "iniConfig": config }] }] });
        let choice = Choice::decode(answer.to_string().as_bytes()).unwrap();
        assert!(
            choice.node_version.chars().count() < 100 && !choice.node_version.contains('\u{1b}'),
            "{choice:?}"
        );
    }
}
