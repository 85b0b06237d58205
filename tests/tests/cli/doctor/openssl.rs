//! The `openssl` command: chains and servers that Rust libraries can't make.

use std::fs;
use std::path::Path;
use std::process::Command;

use amop_devnet::chain::Identity;
use amop_tests::program::Program;

/// Runs `openssl` in `folder`; the arguments are separated by blanks.
pub(crate) fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .expect("the openssl command is installed");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Writes `ca.crt`, `NAME.crt` and `NAME.key` of an identity.
pub(crate) fn write(folder: &Path, name: &str, identity: &Identity) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("ca.crt"), identity.ca_pem()).unwrap();
    fs::write(folder.join(format!("{name}.crt")), identity.certificate_pem()).unwrap();
    fs::write(folder.join(format!("{name}.key")), identity.key_pem()).unwrap();
}

/// A running `openssl s_server`, which is killed when this is dropped.
pub(crate) struct Server {
    pub(crate) endpoint: String,
    _program: Program,
}

/// Starts `openssl s_server` in `folder`, with TLS 1.2 on a free port; it returns each line reversed.
pub(crate) fn serve(folder: &Path, more: &str) -> Server {
    serve_version("-tls1_2", folder, more)
}

/// Starts it with another version of TLS.
pub(crate) fn serve_version(version: &str, folder: &Path, more: &str) -> Server {
    let arguments = format!("s_server -accept 127.0.0.1:0 {version} -rev {more}");
    let arguments: Vec<_> = arguments.split_whitespace().collect();
    let program = Program::start("openssl", &arguments, folder);
    loop {
        if let Some(address) = program.line().strip_prefix("ACCEPT ") {
            let port = address.rsplit(':').next().unwrap();
            return Server { endpoint: format!("127.0.0.1:{port}"), _program: program };
        }
    }
}

/// Creates an RSA chain as the official script does for channels since 2.9.0: CA and leaves of version 1, issued by the
/// CA itself; `node.crt`, `node.key`, `sdk.crt`, `sdk.key`, `ca.crt` in `folder`.
pub(crate) fn rsa_chain(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("plain.cnf"), "[req]\ndistinguished_name=dn\n[dn]\n").unwrap();
    for name in ["ca", "node", "sdk"] {
        openssl(folder, &format!("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out {name}.key"));
        let subject = format!("/CN={name}/O=fisco-bcos/OU={name}");
        let request = format!("req -new -sha256 -config plain.cnf -subj {subject} -key {name}.key");
        openssl(folder, &format!("{request} -out {name}.csr"));
    }
    openssl(folder, "x509 -req -days 36500 -sha256 -in ca.csr -signkey ca.key -out ca.crt");
    for name in ["node", "sdk"] {
        let issue = "x509 -req -days 36500 -sha256 -CA ca.crt -CAkey ca.key -CAcreateserial";
        openssl(folder, &format!("{issue} -in {name}.csr -out {name}.crt"));
    }
}
