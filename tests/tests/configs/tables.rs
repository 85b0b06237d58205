//! The tables of docs/migration.md: each line names a test, or an example and what it calls, which exist.

use std::path::Path;

use regex::Regex;

#[test]
fn each_line_of_the_tables_names_a_test_or_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace");
    let page = std::fs::read_to_string(root.join("docs/migration.md")).expect("the file can be read");
    let shown_by = Regex::new(r"\| `([^`]+)`: `(\w+)` \|$").expect("the expression is valid");
    let mut tables = 0;
    let mut lines = 0;
    for line in page.lines().filter(|line| line.starts_with('|')) {
        if line.ends_with("| shown by |") {
            tables += 1;
        } else if !line.starts_with("|---") {
            let [_, file, name] = shown_by.captures(line).map_or_else(
                || panic!("this line names no test: {line}"),
                |found| {
                    std::array::from_fn(|index| {
                        found.get(index).expect("all groups take part").as_str().to_owned()
                    })
                },
            );
            let text =
                std::fs::read_to_string(root.join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            // Tests are defined there, and examples call what the line is about.
            let wanted = if file.starts_with("examples/c/") {
                format!(r"\b{name}\(")
            } else if file.starts_with("examples/") {
                format!(r"\.{name}\(")
            } else {
                format!(r"\b(fn|func|def) {name}\(")
            };
            let wanted = Regex::new(&wanted).expect("the expression is valid");
            assert!(wanted.is_match(&text), "{file} has no {name}: {line}");
            lines += 1;
        }
    }
    assert_eq!(tables, 7, "the files, java-sdk, go-sdk, python-sdk, web3sdk, the C SDK and the codes");
    assert!(lines > 40, "{lines}");
}
