//! The rules of the SDKs for relative paths.

use std::path::{Path, PathBuf};

/// Where relative paths of a configuration begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// The current folder.
    CurrentFolder,
    /// The folder of the file.
    FolderOfFile,
    /// The current folder; if there is no such file, the folder of the configuration file. java-sdk searches the class
    /// path second, to which that folder belongs.
    CurrentFolderFirst,
}

impl Base {
    /// Returns the path that a configuration file means.
    pub(super) fn resolve(self, file: &Path, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        let beside = || file.parent().unwrap_or(Path::new("")).join(path);
        match self {
            Base::CurrentFolder => path.to_owned(),
            Base::FolderOfFile => beside(),
            Base::CurrentFolderFirst
                if path.symlink_metadata().is_err() && beside().symlink_metadata().is_ok() =>
            {
                beside()
            }
            Base::CurrentFolderFirst => path.to_owned(),
        }
    }
}
