//! The imports between the files of one crate as a graph.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::source::Crate;

/// Which file imports which.
#[derive(Clone, Debug)]
pub(crate) struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    pub(crate) fn new(source: &Crate) -> Graph {
        let edges = source.files().map(|file| {
            let imported = source.named_modules(file).map(|module| source.file_of(&module).path.clone());
            (file.path.clone(), imported.filter(|path| *path != file.path).collect())
        });
        Graph(edges.collect())
    }

    /// Returns the graph without some of its edges.
    pub(crate) fn without(&self, edges: &[(&str, &str)]) -> Graph {
        let mut graph = self.clone();
        for &(from, to) in edges {
            if let Some(imported) = graph.0.get_mut(from) {
                imported.remove(to);
            }
        }
        graph
    }

    pub(crate) fn imports(&self, from: &str, to: &str) -> bool {
        self.0.get(from).is_some_and(|imported| imported.contains(to))
    }

    /// Returns whether `from` imports `to`, which imports `from` in turn, directly or through other files.
    pub(crate) fn is_part_of_cycle(&self, from: &str, to: &str) -> bool {
        self.imports(from, to) && self.path(to, from).is_some()
    }

    /// Returns one shortest cycle for each group of files that import each other; its first file is repeated as the
    /// last.
    pub(crate) fn cycles(&self) -> Vec<Vec<String>> {
        let mut reported = BTreeSet::new();
        let mut cycles = Vec::new();
        for (file, imported) in &self.0 {
            if reported.contains(file) {
                continue;
            }
            let back = imported.iter().filter_map(|next| self.path(next, file)).min_by_key(Vec::len);
            if let Some(back) = back {
                reported.extend(back.iter().cloned());
                cycles.push([vec![file.clone()], back].concat());
            }
        }
        cycles
    }

    /// Returns a shortest path, both ends included.
    fn path(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let mut previous: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = VecDeque::from([from]);
        while let Some(file) = queue.pop_front() {
            if file == to {
                let mut path = vec![file.to_owned()];
                let mut at = file;
                while at != from {
                    at = previous[at];
                    path.push(at.to_owned());
                }
                path.reverse();
                return Some(path);
            }
            for next in self.0.get(file).into_iter().flatten() {
                if next != from && !previous.contains_key(next.as_str()) {
                    previous.insert(next, file);
                    queue.push_back(next);
                }
            }
        }
        None
    }
}
