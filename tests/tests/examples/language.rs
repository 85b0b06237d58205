//! The languages that the example programs are written in, and how one of these is started.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The three programs that every language has.
pub(crate) const SUBSCRIBER: &str = "subscriber";
pub(crate) const UNICAST_PUBLISHER: &str = "unicast_publisher";
pub(crate) const MULTICAST_PUBLISHER: &str = "multicast_publisher";

/// A language whose programs are there.
#[derive(Clone, Debug)]
pub(crate) struct Language {
    pub(crate) name: String,
    place: Place,
}

/// Where its programs are.
#[derive(Clone, Debug)]
enum Place {
    /// Built along with these tests.
    Here,
    /// In a folder, each under its name.
    Folder(PathBuf),
    /// Scripts of an interpreter in a folder, with the ending of their names.
    Scripts { interpreter: OsString, folder: PathBuf, ending: &'static str },
}

impl Language {
    /// Rust, and what scripts/test-examples.sh has built: `$AMOP_EXAMPLES` names the languages. Programs of a language
    /// that is named have to be there.
    pub(crate) fn all() -> Vec<Language> {
        let named = std::env::var("AMOP_EXAMPLES").unwrap_or_default();
        let others = named.split_whitespace().filter(|name| *name != "rust").map(Language::of);
        std::iter::once(Language { name: "rust".into(), place: Place::Here }).chain(others).collect()
    }

    /// Returns a language, `None` if its programs are not there.
    pub(crate) fn named(name: &str) -> Option<Language> {
        Language::all().into_iter().find(|language| language.name == name)
    }

    fn of(name: &str) -> Language {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let place = match name {
            "python" => Place::Scripts {
                interpreter: root.join(".venv/bin/python").into(),
                folder: root.join("examples/python"),
                ending: "py",
            },
            _ => Place::Folder(root.join("build/examples").join(name)),
        };
        Language { name: name.to_owned(), place }
    }

    /// How a program is started: its path, and arguments that go before its own.
    pub(crate) fn command(&self, program: &str) -> (String, Vec<String>) {
        let text = |path: PathBuf| path.to_str().expect("the tree's path is UTF-8").to_owned();
        match &self.place {
            Place::Here => {
                let path = match program {
                    SUBSCRIBER => env!("CARGO_BIN_EXE_test-subscriber"),
                    UNICAST_PUBLISHER => env!("CARGO_BIN_EXE_test-unicast-publisher"),
                    MULTICAST_PUBLISHER => env!("CARGO_BIN_EXE_test-multicast-publisher"),
                    "connect" => env!("CARGO_BIN_EXE_test-connect"),
                    "service" => env!("CARGO_BIN_EXE_test-service"),
                    "request" => env!("CARGO_BIN_EXE_test-request"),
                    "fan_out" => env!("CARGO_BIN_EXE_test-fan-out"),
                    "run_tasks" => env!("CARGO_BIN_EXE_test-run-tasks"),
                    other => panic!("there is no {other} in Rust"),
                };
                (path.to_owned(), Vec::new())
            }
            Place::Folder(folder) => (text(folder.join(program)), Vec::new()),
            Place::Scripts { interpreter, folder, ending } => {
                let script = folder.join(program).with_extension(ending);
                (text(interpreter.into()), vec![text(script)])
            }
        }
    }
}
