//! TOML, by the crate `toml`.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::tree::{Fault, Lines, Node, Table, Value};

/// Returns the tables of a file.
pub(in crate::config) fn parse(text: &str) -> Result<Table, Fault> {
    let lines = Lines::of(text);
    let document = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| lines.at(span.start));
        // Its message is made of fixed texts, unlike what it displays.
        (line, format!("it is not valid TOML ({})", error.message()))
    })?;
    Ok(table(document.into_inner(), &lines))
}

/// The crate bounds the depth.
fn table(entries: DeTable<'_>, lines: &Lines) -> Table {
    let mut table = Table::default();
    for (key, value) in entries {
        let line = lines.at(key.span().start);
        table.push(key.into_inner().into_owned(), line, node(value, lines));
    }
    // The crate sorts by name.
    table.entries.sort_by_key(|entry| entry.line);
    table
}

fn node(value: Spanned<DeValue<'_>>, lines: &Lines) -> Node {
    let line = lines.at(value.span().start);
    let value = match value.into_inner() {
        DeValue::String(text) => Value::text(text),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number that is too large"), Value::Integer),
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Array(values) => Value::List(values.into_iter().map(|value| node(value, lines)).collect()),
        DeValue::Table(entries) => Value::Table(table(entries, lines)),
        DeValue::Float(_) => Value::Other("a fraction"),
        DeValue::Datetime(_) => Value::Other("a date"),
    };
    Node { line, value }
}
