//! The 3.x wire format: `tests/vectors/websocket-3x.json` and properties.

mod exchanges;
mod frames;
mod messages;
mod upgrade;

use serde::Deserialize;
use serde_json::Value;

/// What a vector holds.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Layer {
    Http,
    Websocket,
    Message,
    None,
}

/// Who sent it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) enum Direction {
    #[serde(rename = "client->node")]
    ToNode,
    #[serde(rename = "node->client")]
    ToClient,
    #[serde(rename = "both")]
    Both,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) direction: Direction,
    pub(crate) layer: Layer,
    hex: String,
    ws_header: Option<String>,
    #[serde(default)]
    pub(crate) fields: Value,
}

impl Vector {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        unhex(&self.hex)
    }

    /// The header of the frame in which a message came.
    pub(crate) fn ws_header(&self) -> Option<Vec<u8>> {
        self.ws_header.as_deref().map(unhex)
    }
}

pub(crate) fn unhex(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2), "{hex}");
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits"))
        .collect()
}

/// All vectors, in the order of the file.
pub(crate) fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../../vectors/websocket-3x.json")).unwrap()
}

/// The vectors of one layer.
pub(crate) fn of_layer(layer: Layer) -> Vec<Vector> {
    vectors().into_iter().filter(|vector| vector.layer == layer).collect()
}

/// The vector with this name.
pub(crate) fn named<'a>(vectors: &'a [Vector], name: &str) -> &'a Vector {
    vectors.iter().find(|vector| vector.name == name).unwrap_or_else(|| panic!("no vector {name}"))
}
