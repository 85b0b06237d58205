//! A table with unique keys: the key of a removed entry never refers to a later one, even if its slot is reused.

use slab::Slab;

/// The key of one entry of a [`Table`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    index: usize,
    id: u64,
}

impl Key {
    /// Returns a number that no other entry of the same table ever has.
    pub(crate) fn id(self) -> u64 {
        self.id
    }
}

/// Entries by key.
#[derive(Debug)]
pub(crate) struct Table<T> {
    slots: Slab<(u64, T)>,
    next_id: u64,
}

impl<T> Table<T> {
    pub(crate) fn new() -> Table<T> {
        Table { slots: Slab::new(), next_id: 0 }
    }

    pub(crate) fn insert(&mut self, value: T) -> Key {
        let id = self.next_id;
        self.next_id += 1;
        Key { index: self.slots.insert((id, value)), id }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        self.slots.get(key.index).filter(|(id, _)| *id == key.id).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.slots.get_mut(key.index).filter(|(id, _)| *id == key.id).map(|(_, value)| value)
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        Some(self.slots.remove(key.index).1)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.slots.iter().map(|(index, (id, value))| (Key { index, id: *id }, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_of_removed_entry_finds_nothing() {
        let mut table = Table::new();
        let first = table.insert("first");
        assert_eq!(table.remove(first), Some("first"));
        let second = table.insert("second");
        assert_eq!(table.get(first), None);
        assert_eq!(table.remove(first), None);
        assert_eq!(table.get(second), Some(&"second"));
        assert_eq!(table.len(), 1);
    }
}
