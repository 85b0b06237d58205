//! The TLS of embedded nodes and the folder of their certificates, tested with OpenSSL's client.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use amop_devnet::Devnet;
use amop_devnet::chain::{Chain, ChainOptions, Identity, LeafOptions, Period, Role, Sent};
use tokio::process::Command;

/// Connects `openssl s_client` to a node, without input.
async fn s_client(endpoint: &str, folder: &Path, more: &[&str]) -> Output {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-brief", "-verify_return_error", "-CAfile", "ca.crt"]);
    command.args(["-connect", endpoint]).args(more).current_dir(folder);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let ended = tokio::time::timeout(Duration::from_secs(60), command.output()).await;
    ended.expect("s_client ends with its input").expect("openssl is installed (make setup)")
}

#[tokio::test]
async fn openssl_connects_with_the_issued_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let devnet = Devnet::builder().nodes(2).dir(folder.path()).start().await.unwrap();
    let sdk = devnet.credentials_dir().expect("the certificates are in a folder");
    let own =
        ["-tls1_2", "-curves", "secp256k1", "-cert", "sdk.crt", "-cert_chain", "sdk.crt", "-key", "sdk.key"];
    for endpoint in devnet.endpoints() {
        let connected = s_client(&endpoint, sdk, &own).await;
        let output = String::from_utf8_lossy(&connected.stderr).into_owned();
        assert!(connected.status.success(), "{output}");
        for expected in
            ["CONNECTION ESTABLISHED", "TLSv1.2", "ECDHE-ECDSA-AES", "Verification: OK", "secp256k1"]
        {
            assert!(output.contains(expected), "{expected} in: {output}");
        }
    }
    devnet.stop().await;
}

#[tokio::test]
async fn folder_has_the_layout_of_the_chain_script_and_is_reused() {
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

/// The alerts of real nodes. `devnet/tests/sockets/resumption.rs` tests clients that are refused without an alert.
#[tokio::test]
async fn refused_clients_receive_the_alerts_of_real_nodes() {
    let folder = tempfile::tempdir().unwrap();
    let devnet = Devnet::builder().nodes(2).dir(folder.path()).start().await.unwrap();
    let sdk = devnet.credentials_dir().expect("the certificates are in a folder");
    let write = |name: &str, identity: &Identity| {
        std::fs::write(sdk.join(format!("{name}.crt")), identity.certificate_pem()).unwrap();
        std::fs::write(sdk.join(format!("{name}.key")), identity.key_pem()).unwrap();
    };
    let issue = |chain: &Chain, options| chain.issue(Role::Sdk, "sdk", &options).unwrap();
    let chain = devnet.chain();
    let other_agency = ChainOptions { agency: "agencyB".into(), ..ChainOptions::default() };
    let other_agency = chain.with_another_agency(&other_agency).unwrap();
    write("other-agency", &issue(&other_agency, LeafOptions::default()));
    // The CA of another chain has the same name.
    write("foreign", &issue(&Chain::mint(&ChainOptions::default()).unwrap(), LeafOptions::default()));
    write("expired", &issue(chain, LeafOptions { period: Period::expired(), ..LeafOptions::default() }));
    write("alone", &issue(chain, LeafOptions { sent: Sent::LeafOnly, ..LeafOptions::default() }));

    let shown = |name: &str| {
        format!("-tls1_2 -curves secp256k1 -cert {name}.crt -cert_chain {name}.crt -key {name}.key")
    };
    let own = shown("sdk");
    // OpenSSL 3 does not use older versions by default.
    let older = |version| format!("-{version} -cipher DEFAULT@SECLEVEL=0 -curves secp256k1");
    for (what, arguments, alert) in [
        ("no certificate", "-tls1_2 -curves secp256k1".to_owned(), 40),
        ("no curve in common", own.replace("secp256k1", "P-256"), 40),
        ("no cipher suite in common", format!("{own} -cipher ECDHE-ECDSA-CHACHA20-POLY1305"), 40),
        ("static RSA", format!("{own} -cipher AES256-GCM-SHA384"), 40),
        ("TLS 1.3 only", own.replace("-tls1_2 -curves secp256k1", "-tls1_3"), 40),
        ("TLS 1.1 only", older("tls1_1"), 70),
        ("TLS 1.0 only", older("tls1"), 70),
        ("another chain", shown("foreign"), 48),
        ("the leaf only", shown("alone"), 48),
        ("expired", shown("expired"), 45),
        ("another agency", shown("other-agency"), 80),
    ] {
        let arguments: Vec<_> = arguments.split(' ').collect();
        let refused = s_client(&devnet.endpoints()[0], sdk, &arguments).await;
        let output = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success(), "{what}");
        assert!(output.contains(&format!("SSL alert number {alert}")), "{what}: {output}");
    }
    let node = "../node1/conf/node";
    for accepted in [own, shown(node)] {
        let arguments: Vec<_> = accepted.split(' ').collect();
        let connected = s_client(&devnet.endpoints()[0], sdk, &arguments).await;
        assert!(connected.status.success(), "{}", String::from_utf8_lossy(&connected.stderr));
    }
    let any_agency =
        Devnet::builder().nodes(1).dir(folder.path()).own_agency_only(false).start().await.unwrap();
    let arguments = shown("other-agency");
    let arguments: Vec<_> = arguments.split(' ').collect();
    assert!(s_client(&any_agency.endpoints()[0], sdk, &arguments).await.status.success());
    any_agency.stop().await;
    devnet.stop().await;
}
