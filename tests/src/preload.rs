//! Libraries that a program loads before the C library, to change or count what it asks of the system.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles a library from the C file `source` into `folder`. Returns its path, for `LD_PRELOAD`.
pub fn compile(source: &str, folder: &Path) -> PathBuf {
    let library = folder.join(Path::new(source).with_extension("so").file_name().expect("a file name"));
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let mut compile = Command::new(compiler);
    compile.args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"]).arg(&library).arg(source);
    let compiled = compile.status().unwrap_or_else(|error| panic!("{compile:?}: {error}"));
    assert!(compiled.success(), "{compile:?}");
    library
}
