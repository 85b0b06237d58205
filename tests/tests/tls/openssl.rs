//! The `openssl` command as the peer: it makes chains, serves, connects and verifies.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use amop::transport::{CredentialSource, Endpoint};
use amop_devnet::chain::Identity;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::fixture::GUARD;

/// A folder of PEM files, removed when it is dropped.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(TempDir::new().unwrap())
    }

    /// Creates a folder with `ca.crt`, `NAME.crt` and `NAME.key` of an identity.
    pub(crate) fn with(name: &str, identity: &Identity) -> Folder {
        let folder = Folder::new();
        folder.write("ca.crt", identity.ca_pem());
        folder.write(&format!("{name}.crt"), identity.certificate_pem());
        folder.write(&format!("{name}.key"), identity.key_pem());
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        std::fs::write(self.file(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }

    /// Runs `openssl` in the folder, with arguments that are separated by blanks.
    pub(crate) async fn run(&self, arguments: &str) -> Output {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.path())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        tokio::time::timeout(GUARD, output)
            .await
            .expect("openssl exits")
            .expect("the openssl command is installed")
    }

    /// Runs `openssl` as [`Folder::run`] does, and asserts that it succeeds.
    pub(crate) async fn openssl(&self, arguments: &str) {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Returns the source of `ca.crt`, `NAME.crt` and `NAME.key`.
    pub(crate) fn source(&self, name: &str) -> CredentialSource {
        CredentialSource::Files {
            ca: self.file("ca.crt"),
            cert: self.file(&format!("{name}.crt")),
            key: self.file(&format!("{name}.key")),
        }
    }

    /// Starts `openssl s_server` as a node: TLS 1.2, client certificate required, the files of `name`. It answers
    /// each line with the line reversed.
    pub(crate) async fn serve(&self, name: &str, more: &str) -> Server {
        let arguments = format!(
            "s_server -accept 127.0.0.1:0 -tls1_2 -rev -CAfile ca.crt -Verify 5 -verify_return_error \
             -cert {name}.crt -cert_chain {name}.crt -key {name}.key {more}"
        );
        let mut child = self.start(&arguments);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = loop {
            let line = next_line(&mut lines).await.expect("s_server prints its address");
            if let Some(address) = line.strip_prefix("ACCEPT ") {
                break address.rsplit(':').next().unwrap().to_owned();
            }
        };
        // Read its output, because it blocks when the pipe is full.
        let talk = tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Server { endpoint: format!("127.0.0.1:{port}").parse().unwrap(), _child: child, talk }
    }

    /// Starts `openssl s_client` against `endpoint`.
    pub(crate) fn client(&self, endpoint: &Endpoint, more: &str) -> Client {
        let arguments =
            format!("s_client -connect {endpoint} -tls1_2 -CAfile ca.crt -verify_return_error {more}");
        let mut child = self.start(&arguments);
        Client {
            input: child.stdin.take().unwrap(),
            lines: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
        }
    }

    fn start(&self, arguments: &str) -> Child {
        Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the openssl command is installed")
    }
}

/// A running `s_server`, killed when it is dropped.
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    _child: Child,
    talk: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.talk.abort();
    }
}

/// A running `s_client`.
pub(crate) struct Client {
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    child: Child,
}

impl Client {
    /// Sends a line and waits for its echo. Returns false if the connection ends before.
    pub(crate) async fn echoes(&mut self, line: &str) -> bool {
        // A refused client may have exited already.
        let _ = self.input.write_all(format!("{line}\n").as_bytes()).await;
        while let Some(answer) = next_line(&mut self.lines).await {
            if answer == line {
                return true;
            }
        }
        false
    }

    /// Closes its input, and returns whether it exited with success.
    pub(crate) async fn succeeded(mut self) -> bool {
        let _ = self.input.write_all(b"Q\n").await;
        drop(self.input);
        let status = tokio::time::timeout(GUARD, self.child.wait()).await.expect("s_client ends").unwrap();
        status.success()
    }
}

async fn next_line(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<String> {
    tokio::time::timeout(GUARD, lines.next_line()).await.expect("openssl goes on talking").unwrap()
}
