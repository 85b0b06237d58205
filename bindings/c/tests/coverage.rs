//! What the tests in C use of the header: every function, and every status that C programs can see.

use std::collections::BTreeSet;
use std::path::Path;

/// Statuses that no test in C brings about, and why not.
const UNSEEN: [(&str, &str); 8] = [
    ("AMOP_ERROR_HANDSHAKE", "takes a node that speaks no common version"),
    ("AMOP_ERROR_PROTOCOL", "takes a node that sends garbage"),
    ("AMOP_ERROR_REMOTE_NODE", "old nodes answer it"),
    ("AMOP_ERROR_NODE_TIMEOUT", "takes a node's own limit of 30 s"),
    ("AMOP_ERROR_BANDWIDTH", "takes a node with a limit"),
    ("AMOP_ERROR_SUBSCRIBER_UNSUBSCRIBED", "depends on when a node hears that a topic was left"),
    ("AMOP_ERROR_WOULD_DEADLOCK", "nothing answers it: what would wait for itself defers"),
    ("AMOP_ERROR_INTERNAL", "takes a bug; the boundary's own tests have it"),
];

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All words of the tests in C.
fn words() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let files = std::fs::read_dir(&folder).expect("the tests are there").map(|file| file.unwrap().path());
    let tests = files.filter(|file| file.extension().is_some_and(|ending| ending == "c"));
    let text: String = tests.map(|file| read(&file)).collect();
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map(str::to_owned).collect()
}

/// The words of the header, without its comments, that begin and go on so.
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
fn the_tests_in_c_use_every_function() {
    let functions = declared("amop_", "(");
    assert!(functions.len() > 100);
    let used = words();
    let unused: Vec<_> = functions.difference(&used).collect();
    assert!(unused.is_empty(), "no test in C uses {unused:?}");
}

#[test]
fn the_tests_in_c_see_every_status_that_can_be_brought_about() {
    let statuses = declared("AMOP_ERROR_", " =");
    assert!(statuses.len() > 40);
    let unseen: BTreeSet<String> = UNSEEN.iter().map(|(status, _)| (*status).to_owned()).collect();
    let known: BTreeSet<String> = words().union(&unseen).cloned().collect();
    let missing: Vec<_> = statuses.difference(&known).collect();
    assert!(missing.is_empty(), "no test in C expects {missing:?}");
    assert!(unseen.is_subset(&statuses));
}
