//! The embedded node's TLS, with the folder that it mints, as OpenSSL's own client finds it.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use amop_devnet::Devnet;
use tokio::process::Command;

/// `openssl s_client` against a node, with nothing to say.
async fn s_client(endpoint: &str, folder: &Path, more: &[&str]) -> Output {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-brief", "-tls1_2", "-verify_return_error", "-CAfile", "ca.crt"]);
    command.args(["-connect", endpoint]).args(more).current_dir(folder);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let ended = tokio::time::timeout(Duration::from_secs(60), command.output()).await;
    ended.expect("s_client ends with its input").expect("openssl is installed (make setup)")
}

#[tokio::test]
async fn openssl_gets_in_with_the_minted_certificate_and_not_without() {
    let folder = tempfile::tempdir().unwrap();
    let devnet = Devnet::builder().nodes(2).dir(folder.path()).start().await.unwrap();
    let sdk = devnet.credentials_dir().expect("it was given a folder");
    let own = ["-cert", "sdk.crt", "-cert_chain", "sdk.crt", "-key", "sdk.key"];
    let secp256k1 = [&own[..], &["-curves", "secp256k1"]].concat();
    for endpoint in devnet.endpoints() {
        let connected = s_client(&endpoint, sdk, &secp256k1).await;
        let said = String::from_utf8_lossy(&connected.stderr).into_owned();
        assert!(connected.status.success(), "{said}");
        for expected in
            ["CONNECTION ESTABLISHED", "TLSv1.2", "ECDHE-ECDSA-AES", "Verification: OK", "secp256k1"]
        {
            assert!(said.contains(expected), "{expected} in: {said}");
        }
    }
    let endpoint = &devnet.endpoints()[0];
    for refused in [&["-curves", "secp256k1"][..], &[&own[..], &["-curves", "P-256"]].concat()] {
        let refused = s_client(endpoint, sdk, refused).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("alert"), "{said}");
    }
    devnet.stop().await;
}

#[tokio::test]
async fn the_folder_is_laid_out_as_the_chain_script_does_and_used_again() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let start = || Devnet::builder().nodes(2).dir(folder.path()).start();
    let first = start().await.unwrap();
    let sdk = folder.path().join("sdk");
    let read = |name: &str| std::fs::read_to_string(sdk.join(name)).unwrap();
    assert_eq!(read("sdk.crt").matches("BEGIN CERTIFICATE").count(), 3, "leaf, agency, root");
    assert_eq!(read("ca.crt").matches("BEGIN CERTIFICATE").count(), 1);
    let mode = std::fs::metadata(sdk.join("sdk.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = [read("ca.crt"), read("sdk.crt"), read("sdk.key")];
    first.stop().await;
    let second = start().await.unwrap();
    assert_eq!([read("ca.crt"), read("sdk.crt"), read("sdk.key")], before);
    let client = amop::Client::builder().endpoint(&second.endpoints()[0]).credentials(&sdk);
    client.connect().await.unwrap().close().await.unwrap();
    second.stop().await;
}
