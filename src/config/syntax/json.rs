//! JSON, by `serde_json`, which keeps the text of each value, and with it the line.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::config::tree::{Fault, Lines, MAX_DEPTH, Node, Table, Value};

/// Returns the object that a file holds.
pub(in crate::config) fn parse(text: &str) -> Result<Table, Fault> {
    let raw = from_str::<&RawValue>(text, 1)?;
    let parser = Parser { text, lines: Lines::of(text) };
    match parser.node(raw, 0)? {
        Node { value: Value::Table(table), .. } => Ok(table),
        node => Err((node.line, "it has to be an object".into())),
    }
}

struct Parser<'a> {
    text: &'a str,
    lines: Lines,
}

impl<'a> Parser<'a> {
    /// Returns the line of a part of the text.
    fn line(&self, part: &str) -> usize {
        // Values are borrowed from the text, so that the difference of the addresses is the position.
        let position = (part.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        self.lines.at(position.min(self.text.len()))
    }

    fn node(&self, raw: &'a RawValue, depth: usize) -> Result<Node, Fault> {
        let text = raw.get();
        let line = self.line(text);
        if depth > MAX_DEPTH {
            return Err((line, "objects and lists are nested too deeply".into()));
        }
        let value = match text.as_bytes().first() {
            Some(b'{') => {
                let mut table = Table::default();
                for (key, raw) in from_str::<Members<'a>>(text, line)?.0 {
                    let node = self.node(raw, depth + 1)?;
                    table.insert(key.into_owned(), node.line, node)?;
                }
                Value::Table(table)
            }
            Some(b'[') => {
                let values = from_str::<Vec<&RawValue>>(text, line)?;
                Value::List(
                    values.into_iter().map(|raw| self.node(raw, depth + 1)).collect::<Result<_, _>>()?,
                )
            }
            Some(b'"') => Value::text(from_str::<Cow<'_, str>>(text, line)?),
            Some(b't' | b'f') => Value::Flag(from_str(text, line)?),
            Some(b'n') => Value::Other("null"),
            _ => from_str(text, line).map_or(Value::Other("a fraction or a large number"), Value::Integer),
        };
        Ok(Node { line, value })
    }
}

fn from_str<'a, T: Deserialize<'a>>(text: &'a str, first_line: usize) -> Result<T, Fault> {
    // Its text may quote the file.
    serde_json::from_str(text).map_err(|error| {
        let what = if error.is_eof() { "it ends too early" } else { "it is not valid JSON" };
        (first_line + error.line().saturating_sub(1), what.into())
    })
}

/// The members of an object in the order of the file, also those that occur twice.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members<'de>, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(Key(key)) = map.next_key()? {
                    members.push((key, map.next_value()?));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

/// A key, borrowed unless it has escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
