//! The folders in which credentials are searched, and the set of files that a folder leads to.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use super::names::{FileNames, GM, NODES, SDK, SETS, SM};
use super::source::CredentialSource;
use crate::files::Progress;
use crate::{Error, ErrorKind, Result};

/// The environment variable that names the folder to use. If it is set, no other folder is searched.
const VARIABLE: &str = "AMOP_CREDENTIALS";

/// The folders that are searched without `$AMOP_CREDENTIALS`, relative to the current folder.
const PLACES: [&str; 5] = [".", "conf", "sdk", "nodes/127.0.0.1/sdk", "amop-devnet/sdk"];

/// Where the SDK's folder is below a folder that is too high, for the advice in an error.
const BELOW: [&str; 4] = ["conf", "127.0.0.1/sdk", "nodes/127.0.0.1/sdk", "amop-devnet/sdk"];

/// The sets that a folder may lead to, with the folders below it that hold them. The first complete one is used; if it is
/// the SDK's, the next complete one is kept for nodes that share nothing with it.
const IN_A_FOLDER: [(&str, &FileNames); 5] = [("", &SDK), ("gm", &GM), ("", &GM), ("", &SM), ("sm", &SM)];

/// The files that were found.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    /// The set to use.
    pub(super) files: CredentialSource,
    /// The GM set beside it, for nodes that share nothing with `files`.
    pub(super) beside: Option<CredentialSource>,
}

impl Located {
    /// Returns files that were named, which never lead to others.
    pub(super) fn named(files: CredentialSource) -> Located {
        Located { files, beside: None }
    }

    /// Returns the same files by absolute paths, whatever the current folder becomes. Symbolic links are kept, because
    /// certificates are renewed by pointing them elsewhere.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsNotFound`] if a path is empty or the current folder has been removed.
    pub(super) fn absolute(self) -> Result<Located> {
        Ok(Located { files: absolute(self.files)?, beside: self.beside.map(absolute).transpose()? })
    }
}

/// Returns the files of the first folder that holds a complete set.
///
/// # Errors
/// Returns [`ErrorKind::CredentialsNotFound`], which lists every folder and what is missing there.
pub(super) fn discover(progress: &Progress) -> Result<Located> {
    let named = env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    discover_in(Path::new(""), named, progress)
}

fn discover_in(base: &Path, named: Option<PathBuf>, progress: &Progress) -> Result<Located> {
    if let Some(named) = named {
        return complete(&named, progress).map_err(|missing| {
            Error::undelivered(
                ErrorKind::CredentialsNotFound,
                format!(
                    "no credentials in {} (from ${VARIABLE}): {missing}; set it to {}",
                    named.display(),
                    better_folder(&named).unwrap_or_else(|| "the SDK's folder".to_owned())
                ),
            )
        });
    }
    let mut tried = Vec::new();
    for place in PLACES {
        let folder = base.join(place);
        // What is below the current folder has its place in the list.
        let found = if place == "." { complete_here(&folder, progress) } else { complete(&folder, progress) };
        match found {
            Ok(files) => return Ok(files),
            Err(missing) => tried.push(format!("{place}: {missing}")),
        }
    }
    Err(Error::undelivered(
        ErrorKind::CredentialsNotFound,
        format!(
            "no credentials found. Tried ${VARIABLE}: not set; {}. Give the SDK's folder (of a chain made by the \
             official script: nodes/127.0.0.1/sdk), or copy its files to one of these places",
            tried.join("; ")
        ),
    ))
}

/// Returns the files in a given folder, or those that belong to a given file.
///
/// # Errors
/// Returns [`ErrorKind::CredentialsNotFound`], which states what is missing.
pub(super) fn directory(path: &Path, progress: &Progress) -> Result<Located> {
    if path.as_os_str().is_empty() {
        return Err(empty(
            "the path of the credentials is empty: name their folder, or set none, so that they are searched",
        ));
    }
    complete(path, progress).map_err(|missing| {
        Error::undelivered(
            ErrorKind::CredentialsNotFound,
            format!(
                "no credentials in {}: {missing}; give {}",
                path.display(),
                better_folder(path).unwrap_or_else(|| "a folder with ca.crt, sdk.crt and sdk.key".to_owned())
            ),
        )
    })
}

/// Returns the error for a path that names nothing, such as that of a variable that is not set.
fn empty(text: &str) -> Error {
    Error::undelivered(ErrorKind::CredentialsNotFound, text)
}

fn absolute(source: CredentialSource) -> Result<CredentialSource> {
    let absolute = |path: PathBuf| {
        if path.as_os_str().is_empty() {
            return Err(empty("the path of a credential file is empty: name each file"));
        }
        std::path::absolute(&path).map_err(|error| {
            Error::undelivered(
                ErrorKind::CredentialsNotFound,
                format!("cannot find the absolute path of {path:?}: {error}"),
            )
        })
    };
    Ok(match source {
        CredentialSource::Files { ca, cert, key } => {
            CredentialSource::Files { ca: absolute(ca)?, cert: absolute(cert)?, key: absolute(key)? }
        }
        CredentialSource::GmFiles { ca, cert, key, enc_cert, enc_key } => CredentialSource::GmFiles {
            ca: absolute(ca)?,
            cert: absolute(cert)?,
            key: absolute(key)?,
            enc_cert: absolute(enc_cert)?,
            enc_key: absolute(enc_key)?,
        },
        other => other,
    })
}

/// Returns the files that `path` leads to: a folder, the folder above the SDK's, or a file of a set. Else a text that
/// states what is missing.
fn complete(path: &Path, progress: &Progress) -> std::result::Result<Located, String> {
    progress.at(path);
    match path.metadata() {
        Ok(found) if found.is_dir() => complete_here(path, progress)
            .or_else(|missing| complete_here(&path.join("sdk"), progress).map_err(|_| missing)),
        Ok(_) => of_file(path, progress),
        Err(error) => Err(not_opened(&error)),
    }
}

/// Returns the files in a folder, or in its `gm` or `sm`.
fn complete_here(folder: &Path, progress: &Progress) -> std::result::Result<Located, String> {
    progress.at(folder);
    match folder.metadata() {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err("it is not a folder".into()),
        Err(error) => return Err(not_opened(&error)),
    }
    let mut complete =
        IN_A_FOLDER.into_iter().filter(|(below, names)| names.missing_in(&folder.join(below)).is_empty());
    if let Some((below, names)) = complete.next() {
        let beside = std::ptr::eq(names, &SDK)
            .then(|| complete.next().map(|(below, names)| names.files(&folder.join(below))));
        return Ok(Located { files: names.files(&folder.join(below)), beside: beside.flatten() });
    }
    // The set of which the most is there, else the first.
    let (below, names) = IN_A_FOLDER
        .into_iter()
        .rev()
        .max_by_key(|(below, names)| names.len() - names.missing_in(&folder.join(below)).len())
        .expect("there are several");
    let missing: Vec<_> = names
        .missing_in(&folder.join(below))
        .into_iter()
        .map(|name| Path::new(below).join(name).display().to_string())
        .collect();
    let of_node = NODES.into_iter().find(|names| names.missing_in(folder).is_empty()).map_or(String::new(), |names| {
        format!(
            " ({} and {} are the node's own, which is used only if the files are named: on 2.x chains the key also signs \
             blocks)",
            names.cert, names.key
        )
    });
    Err(format!("no {}{of_node}", missing.join(", no ")))
}

/// Returns the set that a file belongs to, in the file's folder.
fn of_file(path: &Path, progress: &Progress) -> std::result::Result<Located, String> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let of_sdk = SETS.into_iter().find(|names| names.contains(name) || names.ca == name);
    // A CA doesn't name the node's key.
    let of_node = || NODES.into_iter().find(|names| names.contains(name));
    match of_sdk.or_else(of_node) {
        Some(names) => match &names.missing_in(folder)[..] {
            [] => Ok(Located::named(names.files(folder))),
            missing => Err(format!("beside this file there is no {}", missing.join(", no "))),
        },
        None => complete_here(folder, progress)
            .map_err(|missing| format!("it is a file, and in its folder there is {missing}")),
    }
}

fn not_opened(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such folder".into(),
        _ => format!("it cannot be opened ({error})"),
    }
}

/// Returns the folder below `folder` that has all files, with its path.
fn better_folder(folder: &Path) -> Option<String> {
    BELOW
        .iter()
        .map(|name| folder.join(name))
        .find(|folder| complete(folder, &Progress::default()).is_ok())
        .map(|folder| folder.display().to_string())
}

#[cfg(test)]
mod tests;
