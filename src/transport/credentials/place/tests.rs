use std::fs;

use tempfile::TempDir;

use super::*;

const OF_SDK: [&str; 3] = ["ca.crt", "sdk.crt", "sdk.key"];
const OF_GM: [&str; 5] = ["gmca.crt", "gmsdk.crt", "gmsdk.key", "gmensdk.crt", "gmensdk.key"];
const OF_SM: [&str; 5] = ["sm_ca.crt", "sm_sdk.crt", "sm_sdk.key", "sm_ensdk.crt", "sm_ensdk.key"];

/// Returns the paths in the source: of the CA, certificate and key, and on GM chains of the pair for encryption.
fn files(source: &CredentialSource) -> Vec<PathBuf> {
    match source {
        CredentialSource::Files { ca, cert, key } => vec![ca.clone(), cert.clone(), key.clone()],
        CredentialSource::GmFiles { ca, cert, key, enc_cert, enc_key } => {
            [ca, cert, key, enc_cert, enc_key].map(PathBuf::clone).into()
        }
        other => panic!("{other:?}"),
    }
}

fn paths(found: Located) -> Vec<PathBuf> {
    files(&found.files)
}

fn discover_in(base: &Path, named: Option<PathBuf>) -> Result<Located> {
    super::discover_in(base, named, &Progress::default())
}

fn directory(path: &Path) -> Result<Located> {
    super::directory(path, &Progress::default())
}

/// Asserts that `path` leads to the files `names` in `folder`, with those of `beside` beside them.
fn assert_found(path: &Path, folder: &Path, names: &[&str], beside: Option<(&Path, &[&str])>) {
    let found = directory(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let in_folder =
        |folder: &Path, names: &[&str]| -> Vec<_> { names.iter().map(|name| folder.join(name)).collect() };
    assert_eq!(files(&found.files), in_folder(folder, names), "{}", path.display());
    let beside = beside.map(|(folder, names)| in_folder(folder, names));
    assert_eq!(found.beside.as_ref().map(files), beside, "{}", path.display());
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
        "sdk: no ca.crt, no sdk.crt, no sdk.key;",
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
        error.message().contains("AMOP_CREDENTIALS") && error.message().contains("no sdk.crt, no sdk.key")
    );
    put(&base, "elsewhere", &["sdk.crt", "sdk.key"]);
    let found = discover_in(base.path(), Some(elsewhere.clone())).unwrap();
    assert_eq!(paths(found)[0], elsewhere.join("ca.crt"));
}

#[test]
fn every_set_is_found_in_its_folder_and_below_the_usual_ones() {
    for (names, below) in [(&OF_SDK[..], "sdk"), (&OF_GM, "sdk/gm"), (&OF_SM, "sdk")] {
        let base = TempDir::new().unwrap();
        let folder = put(&base, &format!("nodes/127.0.0.1/{below}"), names);
        let nodes = base.path().join("nodes/127.0.0.1");
        for given in [folder.clone(), nodes.join("sdk"), nodes] {
            assert_found(&given, &folder, names, None);
        }
    }
}

#[test]
fn gm_set_directly_below_a_folder_is_found() {
    let base = TempDir::new().unwrap();
    let gm = put(&base, "conf/gm", &OF_GM);
    assert_found(&base.path().join("conf"), &gm, &OF_GM, None);
    let found = discover_in(base.path(), None).unwrap();
    assert_eq!(paths(found)[0], gm.join("gmca.crt"), "conf is searched");
}

#[test]
fn set_of_the_sdk_keeps_the_gm_set_beside_it() {
    let base = TempDir::new().unwrap();
    let sdk = put(&base, "sdk", &OF_SDK);
    assert_found(&sdk, &sdk, &OF_SDK, None);
    put(&base, "sdk", &OF_SM);
    assert_found(&sdk, &sdk, &OF_SDK, Some((&sdk, &OF_SM)));
    let gm = put(&base, "sdk/gm", &OF_GM);
    assert_found(&sdk, &sdk, &OF_SDK, Some((&gm, &OF_GM)));
    assert_found(base.path(), &sdk, &OF_SDK, Some((&gm, &OF_GM)));
    assert_found(&gm, &gm, &OF_GM, None);
}

#[test]
fn file_leads_to_its_own_set_only() {
    let base = TempDir::new().unwrap();
    let all = [&OF_SDK[..], &OF_GM, &OF_SM];
    let folder = put(&base, "sdk", &all.concat());
    for names in all {
        for name in names {
            assert_found(&folder.join(name), &folder, names, None);
        }
    }
    std::fs::remove_file(folder.join("gmensdk.key")).unwrap();
    let error = directory(&folder.join("gmsdk.crt")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CredentialsNotFound);
    assert!(error.message().contains("beside this file there is no gmensdk.key"), "{error}");
    put(&base, "sdk", &["notes.txt"]);
    let found = directory(&folder.join("notes.txt")).unwrap();
    assert_eq!(paths(found)[0], folder.join("ca.crt"), "any other file leads to its folder");
}

#[test]
fn gm_set_without_the_pair_for_encryption_is_incomplete() {
    let base = TempDir::new().unwrap();
    put(&base, "sdk/gm", &OF_GM[..3]);
    let error = directory(&base.path().join("sdk")).unwrap_err();
    assert!(error.message().contains("no gm/gmensdk.crt, no gm/gmensdk.key"), "{error}");
    let folder = put(&base, "other", &OF_SM[..4]);
    assert!(directory(&folder).unwrap_err().message().contains(": no sm_ensdk.key"));
}

#[test]
fn pair_of_a_node_is_used_only_if_it_is_named() {
    for names in [
        &["ca.crt", "node.crt", "node.key"][..],
        &["gmca.crt", "gmnode.crt", "gmnode.key", "gmennode.crt", "gmennode.key"],
    ] {
        let base = TempDir::new().unwrap();
        let conf = put(&base, "conf", names);
        for given in [conf.clone(), conf.join(names[0])] {
            let error = directory(&given).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::CredentialsNotFound);
            assert!(error.message().contains("sdk.crt"), "{error}");
        }
        let text = directory(&conf).unwrap_err().message().to_owned();
        assert!(text.contains(names[2]) && text.contains("the node's own"), "{text}");
        assert!(discover_in(base.path(), None).is_err());
        for name in &names[1..] {
            assert_found(&conf.join(name), &conf, names, None);
        }
    }
}

#[test]
fn missing_path_is_reported() {
    let base = TempDir::new().unwrap();
    let gone = directory(&base.path().join("nowhere")).unwrap_err();
    assert!(gone.message().contains("nowhere: no such folder"), "{gone}");
}
