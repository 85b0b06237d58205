//! INI, as the C SDK of 3.x chains reads it by Boost: comments begin with `;` or `#` at the start of a line, values are
//! neither quoted nor escaped, and a section or key that occurs twice is an error.
//!
//! The crates for INI know quotes, escapes or comments behind values, which would change what users wrote, or state no
//! lines.

use crate::config::tree::{Fault, Node, Table, Value};

/// Returns a table of the sections.
pub(in crate::config) fn parse(text: &str) -> Result<Table, Fault> {
    let mut root = Table::default();
    let mut section: Option<(String, usize, Table)> = None;
    let close = |root: &mut Table, section: &mut Option<(String, usize, Table)>| match section.take() {
        Some((name, line, table)) => root.insert(name, line, Node { line, value: Value::Table(table) }),
        None => Ok(()),
    };
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with([';', '#']) {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            let Some((name, _)) = rest.split_once(']') else {
                return Err((number, "the name of the section has no ] after it".into()));
            };
            close(&mut root, &mut section)?;
            if root.entries.iter().any(|entry| entry.key == name.trim()) {
                return Err((number, "a section of this name is above: merge the two".into()));
            }
            section = Some((name.trim().to_owned(), number, Table::default()));
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            return Err((number, "it is neither [section] nor key = value".into()));
        };
        let key = key.trim();
        if key.is_empty() {
            return Err((number, "there is no key before =".into()));
        }
        let table = section.as_mut().map_or(&mut root, |(_, _, table)| table);
        let node = Node { line: number, value: Value::text(value.trim()) };
        table.insert(key.to_owned(), number, node)?;
    }
    close(&mut root, &mut section)?;
    Ok(root)
}
