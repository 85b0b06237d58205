//! include/amop.h: generated from the sources of this crate, committed, and compared here.
//!
//! `AMOP_WRITE_HEADER=1 cargo test -p amop-capi --test header` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The chapters of the manual, in an order in which C can read them: types before their use.
const CHAPTERS: [&str; 18] = [
    "status",
    "bytes",
    "error",
    "version",
    "options",
    "client",
    "stats",
    "message",
    "subscription",
    "request",
    "service",
    "publish",
    "call",
    "completion_queue",
    "event",
    "callback",
    "log",
    "devnet",
];

fn crate_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn source(module: &str) -> PathBuf {
    crate_dir().join("src").join(format!("{module}.rs"))
}

/// A module's head as a comment of C.
fn head(source: &str) -> String {
    let lines = source.lines().take_while(|line| line.starts_with("//!"));
    let mut comment = String::from("/*\n");
    for line in lines {
        let line = line.trim_start_matches("//!");
        writeln!(comment, " *{line}").unwrap();
    }
    comment + " */\n"
}

/// The types that a module gives to C.
fn types(source: &str) -> Vec<String> {
    let declared = source.lines().filter_map(|line| {
        let name = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "))?;
        Some(name.split(|c: char| !(c.is_alphanumeric() || c == '_')).next()?.to_owned())
    });
    declared.collect()
}

/// What cbindgen makes of one module.
fn chapter(module: &str) -> String {
    let config = cbindgen::Config::from_file(crate_dir().join("cbindgen.toml"));
    let mut config = config.expect("cbindgen.toml is right");
    config.export.include = types(&read(source(module)));
    let bindings = cbindgen::Builder::new().with_config(config).with_src(source(module)).generate();
    let mut text = Vec::new();
    bindings.unwrap_or_else(|error| panic!("{module}: {error}")).write(&mut text);
    let text = String::from_utf8(text).expect("the header is UTF-8");
    // The whole header stands in one block of C linkage.
    let text = text.replace("#ifdef __cplusplus\nextern \"C\" {\n#endif // __cplusplus\n\n", "");
    let text = text.replace("#ifdef __cplusplus\n}  // extern \"C\"\n#endif  // __cplusplus\n", "");
    one_line_comments(&without_struct(text.trim()))
}

/// The types have names of their own: `struct` before them says nothing.
fn without_struct(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let declares = line.starts_with("typedef struct ");
        lines.push(if declares { line.to_owned() } else { line.replace("struct amop_", "amop_") });
    }
    lines.join("\n")
}

/// Puts comments of one line on one line.
fn one_line_comments(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut compact = String::new();
    let mut at = 0;
    while at < lines.len() {
        match lines[at..] {
            [open, text, close, ..] if open.trim() == "/**" && close.trim() == "*/" => {
                let indent = &open[..open.len() - open.trim_start().len()];
                let text = text.trim_start().trim_start_matches('*').trim();
                writeln!(compact, "{indent}/** {text} */").unwrap();
                at += 3;
            }
            _ => {
                compact += lines[at];
                compact.push('\n');
                at += 1;
            }
        }
    }
    compact.trim_end().to_owned()
}

fn preamble() -> String {
    let [major, minor, patch] =
        [env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"), env!("CARGO_PKG_VERSION_PATCH")];
    let version = env!("CARGO_PKG_VERSION");
    let number: u32 = major.parse::<u32>().unwrap() * 1_000_000
        + minor.parse::<u32>().unwrap() * 1_000
        + patch.parse::<u32>().unwrap();
    let intro = head(&read(source("lib")));
    format!(
        "/* Generated from bindings/c/src by its tests (scripts/test-c.sh says how); don't edit. */\n{intro}\n\
         #ifndef AMOP_H\n#define AMOP_H\n\n\
         #include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n\n\
         #define AMOP_VERSION \"{version}\"\n\
         #define AMOP_VERSION_MAJOR {major}\n\
         #define AMOP_VERSION_MINOR {minor}\n\
         #define AMOP_VERSION_PATCH {patch}\n\
         #define AMOP_VERSION_NUMBER {number}\n\n\
         #ifdef __cplusplus\nextern \"C\" {{\n#endif\n"
    )
}

fn header() -> String {
    let mut header = preamble();
    for module in CHAPTERS {
        let head = head(&read(source(module)));
        write!(header, "\n{head}\n{}\n", chapter(module)).unwrap();
    }
    header + "\n#ifdef __cplusplus\n}\n#endif\n\n#endif /* AMOP_H */\n"
}

#[test]
fn the_committed_header_is_what_the_sources_say() {
    let path = crate_dir().join("../../include/amop.h");
    let header = header();
    if std::env::var_os("AMOP_WRITE_HEADER").is_some() {
        std::fs::write(&path, &header).expect("the header can be written");
    }
    let committed = read(&path);
    if committed != header {
        let differs = committed.lines().zip(header.lines()).position(|(old, new)| old != new);
        panic!(
            "include/amop.h is not what the sources say, from line {} on: write it anew with \
             AMOP_WRITE_HEADER=1 cargo test -p amop-capi --test header",
            differs.map_or(0, |line| line + 1)
        );
    }
}

/// All sources of the crate: name and text.
fn sources() -> Vec<(String, String)> {
    let files = std::fs::read_dir(crate_dir().join("src")).expect("the sources are there");
    let paths = files.map(|file| file.expect("it can be listed").path());
    paths.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), read(&path))).collect()
}

#[test]
fn every_source_with_exports_is_a_chapter() {
    let exporting = sources().into_iter().filter(|(_, text)| text.contains("#[unsafe(no_mangle)]"));
    let exporting: BTreeSet<String> = exporting.map(|(name, _)| name).collect();
    let chapters = CHAPTERS.iter().filter(|chapter| **chapter != "bytes");
    assert_eq!(exporting, chapters.map(|chapter| (*chapter).to_owned()).collect());
}

/// What follows after the parentheses that `text` begins with. Those in texts and comments are counted too, and have to
/// be pairs.
fn rest_of(text: &str) -> &str {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[at + 1..];
        }
    }
    panic!("the parentheses never end: {text}")
}

#[test]
fn every_export_is_guarded_and_says_ownership_threads_and_errors() {
    let mut exports = 0;
    for (name, text) in sources() {
        for (before, after) in text.match_indices("#[unsafe(no_mangle)]\n").map(|(at, _)| text.split_at(at)) {
            let function = after.split_once("fn ").expect("a function").1.split('(').next().unwrap();
            let head = after.lines().nth(1).expect("a function's head");
            assert!(head.starts_with("pub ") && head.contains("extern \"C\" fn amop_"), "{name}: {head}");
            let comment: Vec<&str> =
                before.lines().rev().take_while(|line| line.starts_with("///")).collect();
            for word in ["- Ownership:", "- Threads:", "- Errors:"] {
                let said = comment.iter().any(|line| line.contains(word));
                assert!(said, "{name}: {function} doesn't say {word}");
            }
            let body = &after[after.find(" {\n").expect("a body")..after.find("\n}\n").expect("its end")];
            let first = body
                .lines()
                .map(str::trim)
                .find(|line| !line.is_empty() && *line != "{" && !line.starts_with("const "));
            let first = first.unwrap_or_default();
            assert!(
                first.starts_with("guard!("),
                "{name}: {function} begins with {first:?}, not with guard!"
            );
            let guarded = &body[body.find("guard!(").expect("it was just seen") + "guard!".len()..];
            assert!(
                rest_of(guarded).trim().is_empty(),
                "{name}: {function} does something outside of guard!"
            );
            exports += 1;
        }
        assert_eq!(
            text.matches("extern \"C\" fn amop_").count(),
            text.matches("(no_mangle)").count(),
            "{name}"
        );
    }
    assert!(exports > 100, "only {exports} exports were found");
}

/// The names of an enum's variants in a source of the core.
fn variants(source: &str, enumeration: &str) -> Vec<String> {
    let body = source.split_once(&format!("pub enum {enumeration} {{\n")).expect("the enum is there").1;
    let body = body.split_once("\n}\n").expect("it ends").0;
    let names =
        body.lines().filter(|line| line.starts_with("    ") && line.as_bytes()[4].is_ascii_uppercase());
    names.map(|line| line.trim().split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned()).collect()
}

#[test]
fn every_error_and_event_of_the_core_has_its_number_in_c() {
    let core = crate_dir().join("../../src");
    let status = read(source("status"));
    let kinds = variants(&read(core.join("error.rs")), "ErrorKind");
    assert!(kinds.len() > 40);
    for kind in kinds {
        assert!(status.contains(&format!("    {kind} => AMOP_ERROR_")), "amop_status lacks {kind}");
    }
    let event = read(source("event"));
    for kind in variants(&read(core.join("delivery/events.rs")), "Event") {
        assert!(event.contains(&format!("Event::{kind}")), "amop_event_kind lacks {kind}");
    }
}
