//! Checks that the benchmark runs and prints every row. The figures are not checked.

use std::process::Command;

/// The number of lines per case: the heading and the rows.
const ROWS: usize = 7;

#[test]
fn quick_run_prints_every_row_of_every_case() {
    let run = Command::new(env!("CARGO_BIN_EXE_amop-bench")).arg("--quick").output().unwrap();
    let (out, err) = (String::from_utf8(run.stdout).unwrap(), String::from_utf8(run.stderr).unwrap());
    assert!(run.status.success(), "{out}{err}");
    let channels = ["ecdhe", "static-rsa", "gm", "tlcp"];
    let has_row = |name| out.lines().any(|line| line.starts_with(name) && line.ends_with("MB/s"));
    assert!(channels.iter().all(has_row), "{out}");
    let unicasts = ["one at a time", "16 in flight", "256 in flight", "4096 in flight"];
    let each = ["2.x", "3.x"].into_iter().flat_map(|nodes| ["64 B", "1024 B"].map(|size| (nodes, size)));
    for (nodes, size) in each {
        let mut names: Vec<_> =
            unicasts.iter().map(|load| format!("{nodes}, unicast, {load}, {size}:")).collect();
        names.push(format!("{nodes}, broadcasts received, {size}:"));
        for name in names {
            let block: Vec<_> = out.lines().skip_while(|line| !line.starts_with(&name)).take(ROWS).collect();
            let has = |row: &str| block.iter().any(|line| line.trim_start().starts_with(row));
            for row in ["messages/s", "CPU us/message", "frames/write"] {
                assert!(has(row), "{name} {row} in {out}");
            }
        }
    }
}
