//! include/amop.h is generated from the sources of this crate and committed. These tests compare the two, and check
//! the rules for exports and their documentation.
//!
//! `AMOP_WRITE_HEADER=1 cargo test -p amop-capi --test header` writes the header.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The modules that make up the header, in an order in which C can read them: types before their use.
const CHAPTERS: [&str; 38] = [
    "status",
    "bytes",
    "error",
    "version",
    "retry",
    "placement",
    "confirm",
    "generation",
    "tls",
    "options",
    "options/credentials",
    "options/limits",
    "options/by_name",
    "client",
    "stats/stat",
    "stats",
    "stats/private_topic",
    "message",
    "subscription/options",
    "subscription",
    "request",
    "service/options",
    "service",
    "reply",
    "publish",
    "private_topic",
    "completion",
    "call",
    "completion_queue",
    "asynchronous/clients",
    "asynchronous/subscriptions",
    "asynchronous/services",
    "event",
    "listener",
    "callback",
    "log",
    "devnet/options",
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
    let sources = crate_dir().join("src");
    let file = sources.join(format!("{module}.rs"));
    if file.exists() { file } else { sources.join(module).join("mod.rs") }
}

/// A module's documentation.
fn documentation(source: &str) -> Vec<&str> {
    let lines = source.lines().take_while(|line| line.starts_with("//!"));
    lines.map(|line| line.trim_start_matches("//!")).collect()
}

/// The comment at the beginning of a chapter, which is a group for doxygen: its title is the first sentence, and the rules in
/// it hold for the whole group.
fn group(module: &str) -> String {
    let text = read(source(module));
    let documentation = documentation(&text);
    let (title, first) =
        documentation[0].split_once(". ").unwrap_or((documentation[0].trim_end_matches('.'), ""));
    let mut comment =
        format!("/**\n * @defgroup {}{title}\n", format!("{module} ").replace('/', "_").trim_end());
    let rest = [first].into_iter().chain(documentation[1..].iter().copied());
    for line in rest.skip_while(|line| line.trim().is_empty()) {
        writeln!(comment, " *{line}").unwrap();
    }
    comment + " *\n * @{\n */\n"
}

/// The names of the types that a module declares for C.
fn types(source: &str) -> Vec<String> {
    let declared = source.lines().filter_map(|line| {
        let name = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "))?;
        Some(name.split(|c: char| !(c.is_alphanumeric() || c == '_')).next()?.to_owned())
    });
    declared.collect()
}

/// The declarations that cbindgen generates for one module.
fn chapter(module: &str) -> String {
    let config = cbindgen::Config::from_file(crate_dir().join("cbindgen.toml"));
    let mut config = config.expect("cbindgen.toml is valid");
    let text = read(source(module));
    config.export.include = types(&text);
    // cbindgen would follow the `mod` items, whose modules are chapters of their own.
    let lines = text.lines().filter(|line| !(line.starts_with("mod ") && line.ends_with(';')));
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(module.replace('/', "_")).with_extension("rs");
    std::fs::write(&copy, lines.collect::<Vec<_>>().join("\n")).expect("the copy can be written");
    let bindings = cbindgen::Builder::new().with_config(config).with_src(copy).generate();
    let mut text = Vec::new();
    bindings.unwrap_or_else(|error| panic!("{module}: {error}")).write(&mut text);
    let text = String::from_utf8(text).expect("the header is UTF-8");
    // One block of C linkage encloses the whole header.
    let text = text.replace("#ifdef __cplusplus\nextern \"C\" {\n#endif // __cplusplus\n\n", "");
    let text = text.replace("#ifdef __cplusplus\n}  // extern \"C\"\n#endif  // __cplusplus\n", "");
    one_line_comments(&without_struct(text.trim()))
}

/// Removes `struct` before type names outside of declarations, because every type has a typedef.
fn without_struct(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let declares = line.starts_with("typedef struct ");
        lines.push(if declares { line.to_owned() } else { line.replace("struct amop_", "amop_") });
    }
    lines.join("\n")
}

/// Joins the three lines of a comment whose text is a single line.
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

/// Attributes of the functions. A program that declares them otherwise defines the macros before it includes the header.
const MACROS: &str = "\
/** Marks the functions that the library exports. */
#ifndef AMOP_API
#if defined(__GNUC__) && !defined(_WIN32)
#define AMOP_API __attribute__((visibility(\"default\")))
#else
#define AMOP_API
#endif
#endif

/** Marks the functions whose result must not be ignored, because it is a handle or states whether there is one. */
#ifndef AMOP_MUST_USE
#if defined(__GNUC__)
#define AMOP_MUST_USE __attribute__((warn_unused_result))
#else
#define AMOP_MUST_USE
#endif
#endif
";

fn preamble() -> String {
    let [major, minor, patch] =
        [env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"), env!("CARGO_PKG_VERSION_PATCH")];
    let version = env!("CARGO_PKG_VERSION");
    let number: u32 = major.parse::<u32>().unwrap() * 1_000_000
        + minor.parse::<u32>().unwrap() * 1_000
        + patch.parse::<u32>().unwrap();
    let abi = env!("AMOP_ABI");
    let intro: String =
        documentation(&read(source("lib"))).iter().map(|line| format!(" *{line}\n")).collect();
    format!(
        "/* Generated from bindings/c/src by its tests (see scripts/test-c.sh); do not edit. */\n\
         /**\n * @file amop.h\n *\n{intro} */\n\n\
         #ifndef AMOP_H\n#define AMOP_H\n\n\
         #include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n\n\
         /** The version of this header. */\n#define AMOP_VERSION \"{version}\"\n\
         /** The major version. */\n#define AMOP_VERSION_MAJOR {major}\n\
         /** The minor version. */\n#define AMOP_VERSION_MINOR {minor}\n\
         /** The patch version. */\n#define AMOP_VERSION_PATCH {patch}\n\
         /** The version as a number: major * 1,000,000 + minor * 1,000 + patch. */\n\
         #define AMOP_VERSION_NUMBER {number}\n\
         /** The number of the ABI; see amop_check_version. */\n#define AMOP_ABI {abi}\n\n\
         {MACROS}\n#ifdef __cplusplus\nextern \"C\" {{\n#endif\n"
    )
}

fn header() -> String {
    let mut header = preamble();
    for module in CHAPTERS {
        write!(header, "\n{}\n{}\n\n/** @}} */\n", group(module), chapter(module)).unwrap();
    }
    header + "\n#ifdef __cplusplus\n}\n#endif\n\n#endif /* AMOP_H */\n"
}

#[test]
fn committed_header_matches_the_sources() {
    let path = crate_dir().join("../../include/amop.h");
    let header = header();
    if std::env::var_os("AMOP_WRITE_HEADER").is_some() {
        std::fs::write(&path, &header).expect("the header can be written");
    }
    let committed = read(&path);
    if committed != header {
        let differs = committed.lines().zip(header.lines()).position(|(old, new)| old != new);
        panic!(
            "include/amop.h differs from the sources from line {} on: write it with \
             AMOP_WRITE_HEADER=1 cargo test -p amop-capi --test header",
            differs.map_or(0, |line| line + 1)
        );
    }
}

/// All sources of the crate as (module, text).
fn sources() -> Vec<(String, String)> {
    let root = crate_dir().join("src");
    let (mut found, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder can be listed") {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let module = path.strip_prefix(&root).expect("it is below the root").with_extension("");
            let module = module.to_str().expect("the name is UTF-8");
            found.push((module.strip_suffix("/mod").unwrap_or(module).to_owned(), read(&path)));
        }
    }
    found
}

#[test]
fn every_module_with_exports_is_a_chapter() {
    for (name, text) in sources() {
        let exports = text.contains("#[unsafe(no_mangle)]");
        assert!(!exports || CHAPTERS.contains(&name.as_str()), "{name} is missing in CHAPTERS");
    }
}

/// The text after the parentheses that `text` begins with. Parentheses in strings and comments are counted too, so
/// they have to be balanced.
fn after_parentheses(text: &str) -> &str {
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
    panic!("unbalanced parentheses: {text}")
}

/// One exported function: its name, its documentation, its first line and its body.
struct Export<'a> {
    function: &'a str,
    documentation: Vec<&'a str>,
    head: &'a str,
    signature: &'a str,
    body: &'a str,
}

fn exports(text: &str) -> Vec<Export<'_>> {
    let found = text.match_indices("#[unsafe(no_mangle)]\n").map(|(at, _)| {
        let (before, after) = text.split_at(at);
        Export {
            function: after.split_once("fn ").expect("a function").1.split('(').next().unwrap(),
            documentation: before.lines().rev().take_while(|line| line.starts_with("///")).collect(),
            head: after.lines().find(|line| !line.starts_with("#[")).expect("the function's first line"),
            signature: after.split(" {\n").next().expect("the function's signature"),
            body: &after[after.find(" {\n").expect("a body")..after.find("\n}\n").expect("its end")],
        }
    });
    found.collect()
}

/// What the head of the header states for every function, so that no function repeats it.
const DEFAULTS: [&str; 3] = [
    "- Ownership: no ownership is transferred.",
    "- Threads: any thread, including callbacks.",
    "- Errors: none.",
];

#[test]
fn every_export_that_can_fail_documents_its_errors() {
    let mut found = 0;
    for (name, text) in sources() {
        // A rule in the module's documentation holds for every function of the module that states none of its own.
        let common: Vec<&str> = text.lines().filter(|line| line.starts_with("//!")).collect();
        for Export { function, documentation, signature, body, .. } in exports(&text) {
            let stated = documentation.iter().chain(&common).any(|line| line.contains("- Errors:"));
            let fails = signature.contains("-> amop_status") && body.contains("guard!(");
            assert!(stated || !fails, "{name}: {function} lacks its errors");
            assert!(!documentation.is_empty(), "{name}: {function} is not documented");
            found += 1;
        }
    }
    assert!(found > 100, "only {found} exports were found");
}

#[test]
fn header_states_what_ends_of_threads_do() {
    let header = header();
    for function in ["pthread_cancel", "pthread_exit"] {
        assert!(header.contains(function), "the header does not state what {function} does");
    }
}

#[test]
fn no_rule_is_repeated_by_functions() {
    for (name, text) in sources() {
        let stated = |rule: &str| {
            text.lines()
                .any(|line| line.starts_with("//! ") && line.contains(rule.split(": ").next().unwrap()))
        };
        for rule in DEFAULTS {
            let repeats = text.lines().filter(|line| *line == format!("/// {rule}")).count();
            assert!(repeats == 0 || stated(rule), "{name} repeats a rule of the whole header: {rule}");
        }
    }
}

#[test]
fn every_export_runs_inside_of_a_guard() {
    for (name, text) in sources() {
        for Export { function, head, signature, body, .. } in exports(&text) {
            assert!(head.starts_with("pub ") && head.contains("extern \"C\" fn amop_"), "{name}: {head}");
            let first = body
                .lines()
                .map(str::trim)
                .find(|line| !line.is_empty() && *line != "{" && !line.starts_with("const "));
            let first = first.unwrap_or_default();
            let guard =
                ["guard!", "guard_or!", "guard_read!"].into_iter().find(|guard| first.starts_with(guard));
            let guard =
                guard.unwrap_or_else(|| panic!("{name}: {function} begins with {first:?}, not with a guard"));
            assert!(
                guard != "guard_read!" || !signature.split("->").next().unwrap_or_default().contains("*mut"),
                "{name}: {function} does more than read, but does not disable the cancellation of its thread"
            );
            let guarded = &body[body.find(guard).expect("the guard was found above") + guard.len()..];
            assert!(
                after_parentheses(guarded).trim().is_empty(),
                "{name}: {function} has code outside of its guard"
            );
        }
        assert_eq!(
            text.matches("extern \"C\" fn amop_").count(),
            text.matches("(no_mangle)").count(),
            "{name}"
        );
    }
}

/// The names of an enum's variants in a source of the core.
fn variants(source: &str, enumeration: &str) -> Vec<String> {
    let body = source.split_once(&format!("pub enum {enumeration} {{\n")).expect("the enum exists").1;
    let body = body.split_once("\n}\n").expect("the enum ends").0;
    let names =
        body.lines().filter(|line| line.starts_with("    ") && line.as_bytes()[4].is_ascii_uppercase());
    names.map(|line| line.trim().split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned()).collect()
}

#[test]
fn every_error_and_event_of_the_core_has_a_number_in_c() {
    let core = crate_dir().join("../../src");
    let status = read(source("status"));
    let kinds = variants(&read(core.join("error.rs")), "ErrorKind");
    assert!(kinds.len() > 40);
    for kind in kinds {
        assert!(status.contains(&format!("    {kind} => AMOP_ERROR_")), "amop_status lacks {kind}");
    }
    let event = read(source("event"));
    for kind in variants(&read(core.join("delivery/events.rs")), "Event") {
        assert!(event.contains(&format!("Event::{kind}")), "amop_event_kind_t lacks {kind}");
    }
}
