//! What becomes of calls and messages when nodes, connections and frames fail, under load: `docs/reliability.md` has
//! the table. Each test sets one scene, breaks something in it, and asks the same oracle at the end.

mod chaos;
mod clock;
mod connections;
mod messages;
mod nodes;
mod oracle;
mod scene;
mod settings;
mod setup;
