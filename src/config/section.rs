//! Reading of values with errors that name file, line and key.

use std::path::Path;
use std::time::Duration;

use super::tree::{Entry, Node, Table, Value};
use crate::text::{self, foreign};
use crate::{Error, ErrorKind, Result};

/// Returns an error about a line of a file.
pub(super) fn error_at(file: &Path, line: usize, what: &str) -> Error {
    Error::undelivered(ErrorKind::InvalidArgument, format!("{}, line {line}: {what}", text::path(file)))
}

/// Returns an error about a whole file.
pub(super) fn error_in(file: &Path, what: &str) -> Error {
    Error::undelivered(ErrorKind::InvalidArgument, format!("{}: {what}", text::path(file)))
}

/// A table of a file, with its path in it.
#[derive(Clone, Debug)]
pub(super) struct Section<'a> {
    file: &'a Path,
    path: String,
    /// `None` for a table that the file lacks.
    table: Option<&'a Table>,
}

/// A value of a file, with its path in it.
#[derive(Clone, Debug)]
pub(super) struct Item<'a> {
    file: &'a Path,
    path: String,
    pub(super) line: usize,
    node: &'a Node,
}

impl<'a> Section<'a> {
    /// Returns the table of a whole file.
    pub(super) fn root(file: &'a Path, table: &'a Table) -> Section<'a> {
        Section { file, path: String::new(), table: Some(table) }
    }

    pub(super) fn file(&self) -> &'a Path {
        self.file
    }

    /// Returns whether it has the key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains(key))
    }

    /// Returns the value of the key, `None` if there is none.
    pub(super) fn get(&self, key: &str) -> Option<Item<'a>> {
        let entry = self.table?.take(key)?;
        Some(self.item(entry))
    }

    /// Returns all values, without counting them as used.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'a Entry, Item<'a>)> {
        let entries = self.table.into_iter().flat_map(|table| &table.entries);
        entries.map(|entry| (entry, self.item(entry)))
    }

    fn item(&self, entry: &'a Entry) -> Item<'a> {
        let path = match self.path.as_str() {
            "" => entry.key.clone(),
            path => format!("{path}.{}", entry.key),
        };
        Item { file: self.file, path, line: entry.line, node: &entry.node }
    }

    /// Returns the table with this key; one without entries if there is none.
    pub(super) fn section(&self, key: &str) -> Result<Section<'a>> {
        match self.get(key) {
            Some(item) => item.section(),
            None => {
                let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
                Ok(Section { file: self.file, path, table: None })
            }
        }
    }

    /// Returns a text, `None` if the key is missing or the text empty.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>> {
        let text = self.get(key).map(|item| item.text()).transpose()?;
        Ok(text.filter(|text| !text.trim().is_empty()))
    }

    /// Returns a flag as C++ reads it from a stream: `0` and `1`, too.
    pub(super) fn flag_or_digit(&self, key: &str) -> Result<Option<bool>> {
        let Some(item) = self.get(key) else { return Ok(None) };
        match item.text()?.trim() {
            "0" => Ok(Some(false)),
            "1" => Ok(Some(true)),
            _ => item.flag().map(Some),
        }
    }

    /// Returns a flag, also one that is written as a text.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>> {
        self.get(key).map(|item| item.flag()).transpose()
    }

    /// Returns a whole number, also one that is written as a text.
    pub(super) fn number(&self, key: &str) -> Result<Option<i64>> {
        self.get(key).map(|item| item.number()).transpose()
    }

    /// Returns a time in milliseconds.
    pub(super) fn millis(&self, key: &str) -> Result<Option<Duration>> {
        let Some(item) = self.get(key) else { return Ok(None) };
        let millis = item.number()?;
        match u64::try_from(millis) {
            Ok(millis) if millis > 0 => Ok(Some(Duration::from_millis(millis))),
            _ => Err(item.error("it has to be a number of milliseconds above 0")),
        }
    }

    /// Returns the values of a list, none if the key is missing.
    pub(super) fn list(&self, key: &str) -> Result<Vec<Item<'a>>> {
        self.get(key).map_or(Ok(Vec::new()), |item| item.list())
    }

    /// Returns an error about a key of this table, at the line of the key if it has one.
    pub(super) fn error(&self, key: &str, what: &str) -> Error {
        match self.table.and_then(|table| table.find(key)) {
            Some(entry) => self.item(entry).error(what),
            None if self.path.is_empty() => error_in(self.file, &format!("{key}: {what}")),
            None => error_in(self.file, &format!("{}.{key}: {what}", self.path)),
        }
    }
}

impl<'a> Item<'a> {
    /// Returns the value.
    pub(super) fn value(&self) -> &'a Value {
        &self.node.value
    }

    /// Returns the key with those of the tables around it.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn file(&self) -> &'a Path {
        self.file
    }

    /// Returns the table that the value is.
    pub(super) fn section(&self) -> Result<Section<'a>> {
        match &self.node.value {
            Value::Table(table) => {
                Ok(Section { file: self.file, path: self.path.clone(), table: Some(table) })
            }
            _ => Err(self.error("it has to be a table")),
        }
    }

    /// Returns the text that the value is; other scalars as they are written.
    pub(super) fn text(&self) -> Result<&'a str> {
        match &self.node.value {
            Value::Text(text) => {
                self.check_placeholder(text)?;
                Ok(text)
            }
            _ => Err(self.error("it has to be a text")),
        }
    }

    /// Refuses what another program would have filled in.
    fn check_placeholder(&self, text: &str) -> Result<()> {
        let Some(start) = text.find("${") else { return Ok(()) };
        let end = text[start..].find('}').map_or(text.len(), |end| start + end + 1);
        let name = foreign(&text[start..end]).limit(64);
        Err(self.error(&format!(
            "the placeholder {name} is filled in by another program, such as Spring: write the value itself"
        )))
    }

    /// Returns a scalar as a text, whatever its type is.
    pub(super) fn any_text(&self) -> Result<String> {
        match &self.node.value {
            Value::Integer(number) => Ok(number.to_string()),
            Value::Flag(flag) => Ok(flag.to_string()),
            _ => self.text().map(str::to_owned),
        }
    }

    pub(super) fn flag(&self) -> Result<bool> {
        match &self.node.value {
            Value::Flag(flag) => Ok(*flag),
            Value::Text(_) => match self.text()?.trim() {
                text if text.eq_ignore_ascii_case("true") => Ok(true),
                text if text.eq_ignore_ascii_case("false") => Ok(false),
                _ => Err(self.error("it has to be true or false")),
            },
            _ => Err(self.error("it has to be true or false")),
        }
    }

    pub(super) fn number(&self) -> Result<i64> {
        let number = match &self.node.value {
            Value::Integer(number) => Some(*number),
            Value::Text(_) => self.text()?.trim().parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.error("it has to be a whole number"))
    }

    /// Returns the values of the list that the value is.
    pub(super) fn list(&self) -> Result<Vec<Item<'a>>> {
        let Value::List(nodes) = &self.node.value else { return Err(self.error("it has to be a list")) };
        let item = |(index, node): (usize, &'a Node)| Item {
            file: self.file,
            path: format!("{}[{index}]", self.path),
            line: node.line,
            node,
        };
        Ok(nodes.iter().enumerate().map(item).collect())
    }

    /// Returns an error about this value.
    pub(super) fn error(&self, what: &str) -> Error {
        error_at(self.file, self.line, &format!("{}: {what}", foreign(&self.path)))
    }
}
