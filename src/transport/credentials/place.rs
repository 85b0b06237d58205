//! In which folders credentials are looked for, and what a folder has to hold.

use std::env;
use std::path::{Path, PathBuf};

use super::CredentialSource;
use super::read::Progress;
use crate::{Error, ErrorKind, Result};

/// Names the folder to use; others are then not looked at.
const VARIABLE: &str = "AMOP_CREDENTIALS";

/// Where credentials are looked for when nothing is given, relative to the working directory.
const PLACES: [&str; 5] = [".", "conf", "sdk", "nodes/127.0.0.1/sdk", "amop-devnet/sdk"];

/// Names of the CA, and of certificate and key in order of preference, in a folder.
const CA: &str = "ca.crt";
const PAIRS: [(&str, &str); 2] = [("sdk.crt", "sdk.key"), ("node.crt", "node.key")];

/// The first complete set among the usual places.
///
/// # Errors
/// [`ErrorKind::CredentialsNotFound`] lists every place and what was missing there.
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
                    "no credentials in {} (from ${VARIABLE}): {missing}; set it to the SDK's folder",
                    named.display()
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

/// The files of a given folder.
///
/// # Errors
/// [`ErrorKind::CredentialsNotFound`] says what is missing.
pub(super) fn directory(path: &Path, progress: &Progress) -> Result<CredentialSource> {
    complete(path, progress).map_err(|missing| {
        Error::undelivered(
            ErrorKind::CredentialsNotFound,
            format!(
                "no credentials in {}: {missing}; give a folder with ca.crt, sdk.crt and sdk.key",
                path.display()
            ),
        )
    })
}

/// Returns the absolute form of a path. Does not access the file system.
///
/// # Errors
/// Returns [`ErrorKind::CredentialsNotFound`] if the path is empty or the current folder has been removed.
pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| {
        Error::undelivered(
            ErrorKind::CredentialsNotFound,
            format!("cannot find the absolute path of {:?}: {error}", path.display().to_string()),
        )
    })
}

/// The files of a folder that holds a whole set, or what it lacks.
fn complete(folder: &Path, progress: &Progress) -> std::result::Result<CredentialSource, String> {
    progress.at(folder);
    if !folder.is_dir() {
        return Err("no such folder".into());
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
    Err(format!("no {}", missing.join(", no ")))
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
    fn the_first_complete_place_wins() {
        let base = TempDir::new().unwrap();
        for place in PLACES.into_iter().rev() {
            let path = put(&base, place, &["ca.crt", "sdk.crt", "sdk.key"]);
            let found = discover_in(base.path(), None).unwrap();
            assert_eq!(paths(found)[2], path.join("sdk.key"), "{place}");
        }
    }

    #[test]
    fn an_error_lists_every_place_and_what_it_lacks() {
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
    fn the_variable_rules_out_the_other_places() {
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
    fn a_nodes_own_pair_stands_in_for_the_sdks() {
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
