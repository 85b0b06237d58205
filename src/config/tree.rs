//! What all formats are parsed into: tables, lists and scalars, each with its line, and which of them were used.

use std::cell::Cell;

use zeroize::Zeroizing;

/// The greatest depth of lists and tables inside of each other. Configurations have four levels.
pub(super) const MAX_DEPTH: usize = 32;

/// The greatest number of keys in one table, so that looking for duplicates takes no time that matters.
const MAX_ENTRIES: usize = 10_000;

/// Why a text can't be parsed: the line, from 1, and what is wrong there.
pub(super) type Fault = (usize, String);

/// A value and the line on which it begins, from 1.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

/// A value of any format.
#[derive(Debug)]
pub(super) enum Value {
    /// May be a password.
    Text(Zeroizing<String>),
    Integer(i64),
    Flag(bool),
    List(Vec<Node>),
    Table(Table),
    /// The name of something that is defined elsewhere in the file.
    Reference(String),
    /// Something that no option has as its value, such as a date; what it is.
    Other(&'static str),
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Value {
        Value::Text(Zeroizing::new(text.into()))
    }
}

/// Entries in the order of the file, or of their names.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    /// The line of the key, from 1.
    pub(super) line: usize,
    pub(super) node: Node,
    /// Whether the import has looked the key up.
    used: Cell<bool>,
}

impl Table {
    pub(super) fn push(&mut self, key: String, line: usize, node: Node) {
        self.entries.push(Entry { key, line, node, used: Cell::new(false) });
    }

    /// Adds an entry whose key has to be new.
    pub(super) fn insert(&mut self, key: String, line: usize, node: Node) -> Result<(), Fault> {
        if self.entries.len() >= MAX_ENTRIES {
            return Err((line, format!("there are more than {MAX_ENTRIES} keys here")));
        }
        if self.entries.iter().any(|entry| entry.key == key) {
            return Err((line, "this key is above in the same table: remove one of the two".into()));
        }
        self.push(key, line, node);
        Ok(())
    }

    /// Adds an entry, or replaces the one with its key.
    pub(super) fn replace(&mut self, key: String, line: usize, node: Node) -> Result<(), Fault> {
        match self.entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => *entry = Entry { key, line, node, used: Cell::new(false) },
            None => self.insert(key, line, node)?,
        }
        Ok(())
    }

    /// Returns whether the table has the key, which does not count as its use.
    pub(super) fn contains(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// Returns the entry with this key, without counting it as used. Keys of go-sdk differ in case only.
    pub(super) fn find(&self, key: &str) -> Option<&Entry> {
        let same = |entry: &&Entry| entry.key == key;
        let alike = |entry: &&Entry| entry.key.eq_ignore_ascii_case(key);
        self.entries.iter().find(same).or_else(|| self.entries.iter().find(alike))
    }

    /// Returns the entry with this key, and counts it as used.
    pub(super) fn take(&self, key: &str) -> Option<&Entry> {
        let entry = self.find(key)?;
        entry.used.set(true);
        Some(entry)
    }

    /// Adds the keys that were not used, with their lines. Inside of a table that was used, only those of its entries.
    pub(super) fn unused(&self, path: &str, found: &mut Vec<(String, usize)>) {
        for entry in &self.entries {
            let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
            if entry.used.get() {
                entry.node.unused(&path, found);
            } else {
                found.push((path, entry.line));
            }
        }
    }
}

impl Entry {
    pub(super) fn mark(&self) {
        self.used.set(true);
    }
}

impl Node {
    fn unused(&self, path: &str, found: &mut Vec<(String, usize)>) {
        match &self.value {
            Value::Table(table) => table.unused(path, found),
            Value::List(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    node.unused(&format!("{path}[{index}]"), found);
                }
            }
            _ => {}
        }
    }
}

/// Finds the line of a position in a text.
#[derive(Debug)]
pub(super) struct Lines {
    /// The positions at which lines begin, except the first.
    starts: Vec<usize>,
}

impl Lines {
    pub(super) fn of(text: &str) -> Lines {
        Lines { starts: text.match_indices('\n').map(|(at, _)| at + 1).collect() }
    }

    /// Returns the line of a byte position, from 1.
    pub(super) fn at(&self, position: usize) -> usize {
        1 + self.starts.partition_point(|&start| start <= position)
    }
}
