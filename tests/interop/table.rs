//! The table of results: cases by pairs of parties, each row printed when it is complete.

use crate::own;
use crate::party::{Party, Result};

/// The width of the column with the names of the cases.
const FIRST_COLUMN: usize = 20;

pub(crate) struct Table<'a> {
    /// Publisher and subscriber.
    columns: Vec<(&'a Party, &'a Party)>,
    failures: Vec<String>,
}

impl<'a> Table<'a> {
    /// A column for each pair but this client with itself, which is what all other tests are about.
    pub(crate) fn begin(parties: &'a [Party]) -> Table<'a> {
        let pairs = parties.iter().flat_map(|from| parties.iter().map(move |to| (from, to)));
        let columns = pairs.filter(|(from, to)| from.name != own::NAME || to.name != own::NAME).collect();
        let table = Table { columns, failures: Vec::new() };
        table.print("from", table.columns.iter().map(|(from, _)| from.name));
        table.print("to", table.columns.iter().map(|(_, to)| to.name));
        table
    }

    /// Adds a row: `play` is given each pair and a name for a topic of its own; `None` where one of the two can't.
    pub(crate) fn fill(
        &mut self,
        name: &str,
        mut play: impl FnMut(&Party, &Party, &str) -> Option<Result<()>>,
    ) {
        let mut cells = Vec::new();
        for (from, to) in &self.columns {
            let topic = format!("{}/{}/{}", from.name, to.name, name.replace(' ', "-"));
            let outcome = play(from, to, &topic);
            cells.push(match &outcome {
                Some(Ok(())) => "passed",
                Some(Err(_)) => "FAILED",
                None => "-",
            });
            if let Some(Err(why)) = outcome {
                let failure = format!("{name} from {} to {}: {why}", from.name, to.name);
                eprintln!("{failure}");
                self.failures.push(failure);
            }
        }
        self.print(name, cells.into_iter());
    }

    /// What went wrong, in words.
    pub(crate) fn failures(self) -> Vec<String> {
        self.failures
    }

    fn print<'b>(&self, name: &str, cells: impl Iterator<Item = &'b str>) {
        let cells: String = cells.map(|cell| format!("  {cell:8}")).collect();
        println!("{name:FIRST_COLUMN$}{}", cells.trim_end());
    }
}
