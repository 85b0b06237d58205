//! TLCP with Tongsuo as the node and as the client, by the Python package tongsuopy.
//!
//! `scripts/setup.sh` installs it into `.venv`. Where it isn't installed the tests are skipped and print why, unless
//! `AMOP_REQUIRE_PEERS` is set, as in `scripts/test-rust.sh` where there is a `.venv`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::connection::Connection;
use super::super::mode::EngineMode;
use super::super::stream::{EngineStream, HandshakeError};
use super::fixture::*;

/// Tongsuo's names for E013 and E011.
const SUITES: [&str; 2] = ["ECC-SM2-SM4-CBC-SM3", "ECDHE-SM2-SM4-CBC-SM3"];
/// The time after which a test fails. No test waits for it to pass.
const GUARD: Duration = Duration::from_secs(60);

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A process that is killed when this is dropped.
struct Tongsuo(Child);

impl Drop for Tongsuo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Tongsuo {
    /// Starts one side, `None` if it isn't installed.
    fn start(arguments: &[&str]) -> Option<Tongsuo> {
        let python = file(".venv/bin/python");
        let mut import = Command::new(&python);
        import.args(["-c", "import tongsuopy.backends._tongsuo"]).stdin(Stdio::null()).stderr(Stdio::null());
        let import = import.status();
        if !import.is_ok_and(|status| status.success()) {
            let reason = "tongsuopy isn't installed in .venv: run scripts/setup.sh";
            assert!(std::env::var_os("AMOP_REQUIRE_PEERS").is_none(), "{reason}");
            eprintln!("skipped: {reason}");
            return None;
        }
        let [side, others @ ..] = arguments else { panic!("no side") };
        let mut command = Command::new(python);
        command.arg(file("tests/peers/tongsuo.py")).arg(side).arg(file("tests/vectors/tls/keys/gm3"));
        command.args(others).stdin(Stdio::null()).stdout(Stdio::piped());
        Some(Tongsuo(command.spawn().unwrap()))
    }

    /// Returns its next lines.
    fn lines(&mut self, count: usize) -> Vec<String> {
        let mut output = BufReader::new(self.0.stdout.as_mut().unwrap());
        let mut line = || {
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            line
        };
        (0..count).map(|_| line()).collect()
    }
}

async fn connect(port: u16, mode: EngineMode) -> Result<EngineStream<TcpStream>, HandshakeError> {
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut stream = EngineStream::new(tcp, Connection::client(Arc::new(client_config(mode))).unwrap());
    tokio::time::timeout(GUARD, stream.handshake()).await.expect("the handshake ends")?;
    Ok(stream)
}

#[tokio::test]
async fn tongsuo_node_is_accepted() {
    for suite in SUITES {
        let Some(mut server) = Tongsuo::start(&["server", suite]) else { return };
        let port = server.lines(1)[0].trim().strip_prefix("port ").unwrap().parse().unwrap();
        for _ in 0..5 {
            let mut stream = connect(port, EngineMode::Tlcp).await.ok().unwrap();
            for length in [1, 16, 1000, 60_000] {
                let question = vec![7; length];
                stream.write_all(&question).await.unwrap();
                stream.flush().await.unwrap();
                let mut answer = vec![0; length];
                tokio::time::timeout(GUARD, stream.read_exact(&mut answer)).await.unwrap().unwrap();
                assert!(answer == question, "{suite} {length}");
            }
            stream.shutdown().await.unwrap();
            let mut rest = Vec::new();
            tokio::time::timeout(GUARD, stream.read_to_end(&mut rest)).await.unwrap().unwrap();
            assert!(rest.is_empty());
        }
        assert!(connect(port, EngineMode::GmTls12).await.is_err(), "it speaks TLCP only");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tongsuo_client_is_accepted() {
    for suite in SUITES {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let Some(mut client) = Tongsuo::start(&["client", suite, &port]) else { return };
        let (tcp, _) = tokio::time::timeout(GUARD, listener.accept()).await.unwrap().unwrap();
        let server = Connection::server(Arc::new(server_config(EngineMode::Tlcp)));
        let mut stream = EngineStream::new(tcp, server);
        let shaken = tokio::time::timeout(GUARD, stream.handshake()).await.unwrap();
        assert!(shaken.is_ok(), "{suite}");
        let mut question = [0; 20];
        tokio::time::timeout(GUARD, stream.read_exact(&mut question)).await.unwrap().unwrap();
        stream.write_all(&question).await.unwrap();
        stream.flush().await.unwrap();
        let lines = tokio::task::spawn_blocking(move || client.lines(2)).await.unwrap();
        assert_eq!(lines, [format!("NTLSv1.1 {suite}\n"), "to the node and back\n".to_owned()]);
    }
}
