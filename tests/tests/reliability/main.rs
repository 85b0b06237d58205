//! Calls and messages under load while nodes, connections and frames fail. `docs/reliability.md` lists the results.
//!
//! Each test starts a [`scenario`], breaks something in it, and lets the same [`oracle`] check all calls at the end.

mod chaos;
mod clock;
mod connections;
mod hostile;
mod messages;
mod nodes;
mod oracle;
mod scenario;
mod settings;
mod setup;
