//! The folders in which credentials are searched, and the files that a folder must hold.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use super::read::Progress;
use super::source::CredentialSource;
use crate::{Error, ErrorKind, Result};

/// The environment variable that names the folder to use. If it is set, no other folder is searched.
const VARIABLE: &str = "AMOP_CREDENTIALS";

/// The folders that are searched without `$AMOP_CREDENTIALS`, relative to the current folder.
const PLACES: [&str; 5] = [".", "conf", "sdk", "nodes/127.0.0.1/sdk", "amop-devnet/sdk"];

/// The file names of the CA, and of certificate and key in order of preference.
const CA: &str = "ca.crt";
const PAIRS: [(&str, &str); 2] = [("sdk.crt", "sdk.key"), ("node.crt", "node.key")];

/// Files of the SDK on GM chains: in `sdk/gm`, or beside the others.
const GM_FILES: [&str; 4] = ["gmca.crt", "gmsdk.crt", "gmsdk.key", "gm"];

/// Where the SDK's folder is below a folder that is one or more levels too high.
const BELOW: [&str; 5] = ["sdk", "conf", "127.0.0.1/sdk", "nodes/127.0.0.1/sdk", "amop-devnet/sdk"];

/// Returns the files of the first folder that holds a complete set.
///
/// # Errors
/// Returns [`ErrorKind::CredentialsNotFound`], which lists every folder and what is missing there.
pub(super) fn discover(progress: &Progress) -> Result<CredentialSource> {
    let named = env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    discover_in(Path::new(""), named, progress)
}

fn discover_in(base: &Path, named: Option<PathBuf>, progress: &Progress) -> Result<CredentialSource> {
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
        match complete(&base.join(place), progress) {
            Ok(files) => return Ok(files),
            Err(missing) => tried.push(format!("{place}: {missing}")),
        }
    }
    Err(Error::undelivered(
        ErrorKind::CredentialsNotFound,
        format!(
            "no credentials found. Tried ${VARIABLE}: not set; {}. Give the SDK's folder (of a chain made by the \
             official script: nodes/127.0.0.1/sdk), or copy its ca.crt, sdk.crt and sdk.key to one of these places",
            tried.join("; ")
        ),
    ))
}

/// Returns the files in a given folder.
///
/// # Errors
/// Returns [`ErrorKind::CredentialsNotFound`], which states what is missing.
pub(super) fn directory(path: &Path, progress: &Progress) -> Result<CredentialSource> {
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

/// Returns `source` with absolute paths, so that it names the same files whatever the current folder becomes. Symbolic
/// links are kept, because certificates are renewed by pointing them elsewhere.
///
/// # Errors
/// Returns [`ErrorKind::CredentialsNotFound`] if a path is empty or the current folder has been removed.
pub(super) fn absolute(source: CredentialSource) -> Result<CredentialSource> {
    let CredentialSource::Files { ca, cert, key } = source else { return Ok(source) };
    let absolute = |path: PathBuf| {
        std::path::absolute(&path).map_err(|error| {
            Error::undelivered(
                ErrorKind::CredentialsNotFound,
                format!("cannot find the absolute path of {path:?}: {error}"),
            )
        })
    };
    Ok(CredentialSource::Files { ca: absolute(ca)?, cert: absolute(cert)?, key: absolute(key)? })
}

/// Returns the files in a folder that holds a complete set, else a text that states what is missing.
fn complete(folder: &Path, progress: &Progress) -> std::result::Result<CredentialSource, String> {
    progress.at(folder);
    match folder.metadata() {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err("it is not a folder".into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err("no such folder".into()),
        Err(error) => return Err(format!("it cannot be opened ({error})")),
    }
    // A file that is there but can't be read counts: it is reported when it's opened, with the reason.
    let has = |name: &str| folder.join(name).symlink_metadata().is_ok();
    let pair = PAIRS.into_iter().find(|(cert, key)| has(cert) && has(key));
    if let (true, Some((cert, key))) = (has(CA), pair) {
        return Ok(CredentialSource::Files {
            ca: folder.join(CA),
            cert: folder.join(cert),
            key: folder.join(key),
        });
    }
    let (cert, key) = PAIRS.into_iter().find(|(cert, key)| has(cert) || has(key)).unwrap_or(PAIRS[0]);
    let mut missing: Vec<_> = (!has(CA)).then_some(CA).into_iter().collect();
    if pair.is_none() {
        missing.extend([cert, key].into_iter().filter(|name| !has(name)));
    }
    let gm = GM_FILES.into_iter().find(|name| has(name));
    let of_gm = gm.map_or(String::new(), |name| {
        format!(" ({name} is of a GM chain, which this build does not support)")
    });
    Err(format!("no {}{of_gm}", missing.join(", no ")))
}

/// Returns the folder near `folder` that has all files, with its path: the one that holds the file that was given, or one
/// below it.
fn better_folder(folder: &Path) -> Option<String> {
    let below = BELOW.iter().map(|name| folder.join(name));
    let above = folder.is_file().then(|| match folder.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        parent => parent.map(Path::to_owned).unwrap_or_default(),
    });
    let mut nearby = above.into_iter().chain(below);
    nearby
        .find(|folder| complete(folder, &Progress::default()).is_ok())
        .map(|folder| folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// Returns the paths of the CA, the certificate and the key.
    fn paths(found: CredentialSource) -> [PathBuf; 3] {
        let CredentialSource::Files { ca, cert, key } = found else { panic!("{found:?}") };
        [ca, cert, key]
    }

    fn discover_in(base: &Path, named: Option<PathBuf>) -> Result<CredentialSource> {
        super::discover_in(base, named, &Progress::default())
    }

    fn directory(path: &Path) -> Result<CredentialSource> {
        super::directory(path, &Progress::default())
    }

    /// Makes `folder` below `base` with these files in it.
    fn put(base: &TempDir, folder: &str, names: &[&str]) -> PathBuf {
        let path = base.path().join(folder);
        fs::create_dir_all(&path).unwrap();
        for name in names {
            fs::write(path.join(name), "x").unwrap();
        }
        path
    }

    #[test]
    fn first_complete_folder_is_used() {
        let base = TempDir::new().unwrap();
        for place in PLACES.into_iter().rev() {
            let path = put(&base, place, &["ca.crt", "sdk.crt", "sdk.key"]);
            let found = discover_in(base.path(), None).unwrap();
            assert_eq!(paths(found)[2], path.join("sdk.key"), "{place}");
        }
    }

    #[test]
    fn error_lists_every_folder_and_what_is_missing() {
        let base = TempDir::new().unwrap();
        put(&base, ".", &["ca.crt", "sdk.crt"]);
        put(&base, "conf", &["sdk.key"]);
        put(&base, "sdk", &["node.crt"]);
        let error = discover_in(base.path(), None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CredentialsNotFound);
        for part in [
            "$AMOP_CREDENTIALS: not set",
            ".: no sdk.key;",
            "conf: no ca.crt, no sdk.crt;",
            "sdk: no ca.crt, no node.key;",
            "nodes/127.0.0.1/sdk: no such folder",
            "amop-devnet/sdk: no such folder",
        ] {
            assert!(error.message().contains(part), "{part:?} isn't in {error}");
        }
    }

    #[test]
    fn variable_excludes_all_other_folders() {
        let base = TempDir::new().unwrap();
        put(&base, ".", &["ca.crt", "sdk.crt", "sdk.key"]);
        let elsewhere = put(&base, "elsewhere", &["ca.crt"]);
        let error = discover_in(base.path(), Some(elsewhere.clone())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CredentialsNotFound);
        assert!(
            error.message().contains("AMOP_CREDENTIALS")
                && error.message().contains("no sdk.crt, no sdk.key")
        );
        put(&base, "elsewhere", &["sdk.crt", "sdk.key"]);
        let found = discover_in(base.path(), Some(elsewhere.clone())).unwrap();
        assert_eq!(paths(found)[0], elsewhere.join("ca.crt"));
    }

    #[test]
    fn pair_of_a_node_is_used_if_there_is_none_of_an_sdk() {
        let base = TempDir::new().unwrap();
        let conf = put(&base, "conf", &["ca.crt", "node.crt", "node.key", "sdk.crt"]);
        let [_, cert, key] = paths(directory(&conf).unwrap());
        assert_eq!((cert, key), (conf.join("node.crt"), conf.join("node.key")));
        put(&base, "conf", &["sdk.key"]);
        assert_eq!(paths(directory(&conf).unwrap())[1], conf.join("sdk.crt"));
        let gone = directory(&base.path().join("nowhere")).unwrap_err();
        assert!(gone.message().contains("nowhere: no such folder"), "{gone}");
    }
}
