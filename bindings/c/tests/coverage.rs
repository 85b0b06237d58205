//! Checks that the C tests call every function of the header and expect every status that a C program can receive.

use std::collections::BTreeSet;
use std::path::Path;

/// Statuses that no C test produces, with the reason.
const UNSEEN: [(&str, &str); 7] = [
    ("AMOP_ERROR_HANDSHAKE", "needs a node that speaks no common version"),
    ("AMOP_ERROR_PROTOCOL", "needs a node that violates the protocol"),
    ("AMOP_ERROR_REMOTE_NODE", "only old nodes answer with it"),
    ("AMOP_ERROR_NODE_TIMEOUT", "needs a node that reaches its own limit of 30 s"),
    ("AMOP_ERROR_BANDWIDTH", "needs a node with a bandwidth limit"),
    ("AMOP_ERROR_SUBSCRIBER_UNSUBSCRIBED", "depends on when a node processes a shortened topic list"),
    ("AMOP_ERROR_INTERNAL", "needs a bug in the library; covered by the tests of boundary.rs"),
];

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All words of the C tests.
fn words() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let files =
        std::fs::read_dir(&folder).expect("the folder can be listed").map(|file| file.unwrap().path());
    let tests = files.filter(|file| file.extension().is_some_and(|ending| ending == "c"));
    let text: String = tests.map(|file| read(&file)).collect();
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map(str::to_owned).collect()
}

/// The words of the header, outside of comments, that begin with `prefix` and are followed by `after`.
fn declared(prefix: &str, after: &str) -> BTreeSet<String> {
    let header = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../include/amop.h"));
    let code = header.split("/*").map(|part| part.split_once("*/").map_or(part, |(_, code)| code));
    let code: String = code.collect();
    let found = code.match_indices(prefix).filter_map(|(at, _)| {
        let end = code[at..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))? + at;
        code[end..].starts_with(after).then(|| code[at..end].to_owned())
    });
    found.collect()
}

#[test]
fn c_tests_call_every_function() {
    let functions = declared("amop_", "(");
    assert!(functions.len() > 100);
    let used = words();
    let unused: Vec<_> = functions.difference(&used).collect();
    assert!(unused.is_empty(), "no C test calls {unused:?}");
}

#[test]
fn c_tests_expect_every_reachable_status() {
    let statuses = declared("AMOP_ERROR_", " =");
    assert!(statuses.len() > 40);
    let unseen: BTreeSet<String> = UNSEEN.iter().map(|(status, _)| (*status).to_owned()).collect();
    let known: BTreeSet<String> = words().union(&unseen).cloned().collect();
    let missing: Vec<_> = statuses.difference(&known).collect();
    assert!(missing.is_empty(), "no C test expects {missing:?}");
    assert!(unseen.is_subset(&statuses));
}
