//! The layers of the code, checked on its source text: imports point downward, and no two files import each other.
//!
//! [`source`] reads a crate and resolves its paths to files, [`graph`] finds cycles. Exceptions stand in the lists
//! below. An exception that is no longer needed fails its test, so that the lists can only shrink.

mod graph;
mod source;

use std::collections::BTreeSet;
use std::path::Path;

use graph::Graph;
use source::Crate;

/// The source folders, relative to the workspace.
const ROOTS: [&str; 6] = ["src", "fork/src", "devnet/src", "cli/src", "bindings/c/src", "python/src"];

// ---- Allow list: known violations. Remove entries once they are repaired; add none. ----

/// Imports that are part of a cycle, as `importing file -> imported file`.
const ALLOWED_CYCLES: &[(&str, &str)] = &[];

/// Files of `src/delivery`, `src/client` and `src/error.rs` that name `protocol::channel`.
const ALLOWED_CHANNEL_USERS: &[&str] = &[];

/// Files of the session machines that name tokio.
const ALLOWED_TOKIO_USERS: &[&str] = &[];

// ---- End of the allow list. ----

#[test]
fn no_files_import_each_other_in_a_cycle() {
    let mut problems = Vec::new();
    let mut allowed_and_found = BTreeSet::new();
    for root in ROOTS {
        let graph = Graph::new(&read(root));
        for &(from, to) in ALLOWED_CYCLES {
            if graph.is_part_of_cycle(from, to) {
                allowed_and_found.insert((from, to));
            }
        }
        for cycle in graph.without(ALLOWED_CYCLES).cycles() {
            problems.push(format!("import cycle: {}", cycle.join(" -> ")));
        }
    }
    for edge in ALLOWED_CYCLES {
        if !allowed_and_found.contains(edge) {
            problems.push(format!("{} -> {} is in no cycle: remove it from ALLOWED_CYCLES", edge.0, edge.1));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn upper_layers_do_not_name_the_channel_protocol() {
    let core = read("src");
    let users = core
        .files()
        .filter(|file| {
            let path = file.path.as_str();
            path.starts_with("src/delivery/") || path.starts_with("src/client/") || path == "src/error.rs"
        })
        .filter(|file| core.named_modules(file).any(|module| is_within(&module, &["protocol", "channel"])))
        .map(|file| file.path.as_str());
    check_users(users.collect(), ALLOWED_CHANNEL_USERS, "names protocol::channel", "ALLOWED_CHANNEL_USERS");
}

#[test]
fn session_machines_do_not_name_tokio() {
    let core = read("src");
    let users = core
        .files()
        .filter(|file| file.path.starts_with("src/session/channel/") || file.path == "src/session/machine.rs")
        .filter(|file| file.tokens.iter().any(|token| token.starts_with("tokio")))
        .map(|file| file.path.as_str());
    check_users(users.collect(), ALLOWED_TOKIO_USERS, "names tokio", "ALLOWED_TOKIO_USERS");
}

#[test]
fn error_module_imports_nothing_of_the_crate() {
    let core = read("src");
    let error = core.files().find(|file| file.path == "src/error.rs").expect("src/error.rs exists");
    let named: Vec<String> = core.named_modules(error).map(|module| module.join("::")).collect();
    assert!(named.is_empty(), "src/error.rs imports from: {}", named.join(", "));
}

#[test]
fn reader_follows_reexports_and_skips_tests() {
    let workspace = tempfile::tempdir().expect("a temporary folder can be made");
    let files = [
        ("lib.rs", "mod below; mod above; mod checks; pub use above::Above; // use crate::checks::Check;"),
        ("above/mod.rs", "mod detail; pub(crate) use detail::{Detail, Other as Renamed}; pub struct Above;"),
        ("above/detail.rs", "use crate::below; pub struct Detail(below::Below); pub struct Other;"),
        (
            "below.rs",
            "pub struct Below; const TEXT: &str = \"use crate::Above;\"; #[cfg(test)] mod tests { use crate::Above; }",
        ),
        ("checks.rs", "#[cfg(test)] mod far; pub struct Check; fn check(_: &super::above::Renamed) {}"),
        ("checks/far.rs", "use super::super::Above;"),
    ];
    let write = |path: &str, text: &str| {
        let path = workspace.path().join("src").join(path);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder can be made");
        std::fs::write(path, text).expect("a file can be written");
    };
    for (path, text) in files {
        write(path, text);
    }
    let graph = Graph::new(&Crate::read(workspace.path(), "src"));
    assert!(graph.imports("src/above/detail.rs", "src/below.rs"));
    assert!(graph.imports("src/checks.rs", "src/above/detail.rs"), "{graph:?}");
    assert_eq!(graph.cycles(), Vec::<Vec<String>>::new());
    write("below.rs", "pub struct Below(Option<Box<crate::above::Detail>>);");
    let cycles = Graph::new(&Crate::read(workspace.path(), "src")).cycles();
    assert_eq!(cycles, [["src/above/detail.rs", "src/below.rs", "src/above/detail.rs"]]);
}

fn read(root: &str) -> Crate {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace");
    let read = Crate::read(workspace, root);
    assert!(read.files().count() > 1, "{root} has no source files");
    read
}

fn is_within(module: &[String], ancestor: &[&str]) -> bool {
    module.len() >= ancestor.len() && module.iter().zip(ancestor).all(|(one, other)| one == other)
}

/// Fails for each user that is not allowed, and for each allowed one that no longer is a user.
fn check_users(users: BTreeSet<&str>, allowed: &[&str], what: &str, list: &str) {
    let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
    let found = users.difference(&allowed).map(|path| format!("{path} {what}"));
    let stale = allowed.difference(&users).map(|path| format!("remove {path} from {list}"));
    let problems: Vec<String> = found.chain(stale).collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}
