//! No text shows a part of a private key, however its file is damaged.

use std::error::Error as _;
use std::time::Duration;

use amop::transport::{CredentialSource, Credentials, RustlsConnector};
use amop::{Client, Event};
use amop_devnet::Devnet;
use amop_tests::log::Log;
use amop_tests::program::Program;
use amop_tests::setup::write_all;
use tempfile::TempDir;

use crate::fixture::{Folder, GUARD};

/// The path of the command.
const COMMAND: &str = env!("CARGO_BIN_EXE_test-amop");

/// A run of this many bytes of a key gives something away.
const WINDOW: usize = 16;

/// A private key, in the forms in which a text could show it.
struct Secret {
    base64: Vec<u8>,
    der: Vec<u8>,
}

impl Secret {
    fn of(pem: &str) -> Secret {
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        Secret { der: decode(&base64), base64: base64.into_bytes() }
    }

    /// Asserts that `text` shows no window of the key: not as characters, not as decimal or hexadecimal numbers.
    fn assert_hidden(&self, text: &str, case: &str) {
        // UTF-16 puts a zero beside each character.
        let characters: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, 0 | b'\n' | b'\r')).collect();
        let numbers: Vec<u8> = numbers(text).into_iter().filter(|byte| *byte != 0).collect();
        let without_zeros =
            |bytes: &[u8]| bytes.iter().copied().filter(|byte| *byte != 0).collect::<Vec<_>>();
        let digits = text.to_lowercase().replace([' ', ':', ','], "").replace("0x", "").replace("\\x", "");
        for secret in [&self.base64, &self.der] {
            for window in secret.windows(WINDOW) {
                assert!(!contains(&characters, window), "{case}: shown as characters: {text}");
                let hex: String = window.iter().map(|byte| format!("{byte:02x}")).collect();
                assert!(!digits.contains(&hex), "{case}: shown as hexadecimal numbers: {text}");
            }
            for window in without_zeros(secret).windows(WINDOW) {
                assert!(!contains(&numbers, window), "{case}: shown as numbers: {text}");
            }
        }
    }

    fn assert_hidden_by(&self, error: &amop::Error, case: &str) {
        self.assert_hidden(&error.to_string(), case);
        self.assert_hidden(&format!("{error:?} {error:#?}"), case);
        let mut source = error.source();
        while let Some(cause) = source {
            self.assert_hidden(&format!("{cause} {cause:?}"), case);
            source = cause.source();
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The decimal numbers below 256 in a text, in order.
fn numbers(text: &str) -> Vec<u8> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

fn decode(base64: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut len, mut bytes) = (0u32, 0, Vec::new());
    for letter in base64.bytes().take_while(|letter| *letter != b'=') {
        bits = bits << 6 | ALPHABET.iter().position(|known| *known == letter).unwrap() as u32;
        len += 6;
        if len >= 8 {
            len -= 8;
            bytes.push((bits >> len) as u8);
        }
    }
    bytes
}

/// The content of a key file, damaged in every way that was thought of.
fn zoo(pem: &str) -> Vec<(&'static str, Vec<u8>)> {
    let secret = Secret::of(pem);
    let base64 = String::from_utf8(secret.base64.clone()).unwrap();
    let (half, _) = base64.split_at(base64.len() / 2 + 1);
    let begin = "-----BEGIN PRIVATE KEY-----";
    let end = "-----END PRIVATE KEY-----";
    let with = |begin: &str, body: &str, end: &str| format!("{begin}\n{body}\n{end}\n");
    let labelled = |label: &str| pem.replace("PRIVATE KEY", label);
    let texts = [
        ("literal line feeds", pem.replace('\n', "\\n")),
        ("on one line", pem.replace('\n', " ")),
        ("without line feeds", pem.replace('\n', "")),
        ("carriage returns for line feeds", pem.replace('\n', "\r")),
        ("Windows line ends", pem.replace('\n', "\r\n")),
        ("BEGIN and base64 on one line", pem.replacen('\n', "", 1)),
        ("base64 and END on one line", pem.replace("\n-----END", "-----END")),
        ("BEGIN without its last dashes", with("-----BEGIN PRIVATE KEY", &base64, end)),
        ("BEGIN without a dash", with("-----BEGIN PRIVATE KEY----", &base64, end)),
        ("BEGIN without its first dash", with("----BEGIN PRIVATE KEY-----", &base64, end)),
        ("BEGIN without a label", with("-----BEGIN -----", &base64, end)),
        ("BEGIN that is misspelt", with("-----BEGIN PRIVTE KEY-----", &base64, end)),
        ("BEGIN in small letters", with("-----begin private key-----", &base64, end)),
        ("base64 in BEGIN", with(&format!("-----BEGIN {base64}"), "", end)),
        ("base64 as the label", with(&format!("-----BEGIN {base64}-----"), "", end)),
        ("all between the dashes", format!("-----BEGIN PRIVATE KEY {base64} END PRIVATE KEY-----")),
        ("no BEGIN", format!("{base64}\n{end}\n")),
        ("no END", with(begin, &base64, "")),
        ("END of another label", with(begin, &base64, "-----END EC PRIVATE KEY-----")),
        ("END without its dashes", with(begin, &base64, "-----END PRIVATE KEY")),
        ("END in small letters", with(begin, &base64, "-----end private key-----")),
        ("base64 in END", with(begin, "", &format!("-----END {base64}-----"))),
        ("base64 that is cut off", with(begin, half, end)),
        ("half of the file", pem[..pem.len() / 2].to_owned()),
        ("base64 without its end", format!("{begin}\n{half}")),
        ("garbage in the base64", with(begin, &base64.replacen(&base64[40..44], "*!?\u{e4}", 1), end)),
        ("text in the base64", with(begin, &format!("{half}\nthis is not base64\n{half}"), end)),
        ("base64 twice", with(begin, &format!("{base64}{base64}"), end)),
        ("quoted", format!("\"{}\"", pem.replace('\n', "\\n"))),
        ("indented", pem.replace('\n', "\n    ")),
        ("quoted as in a mail", pem.lines().map(|line| format!("> {line}\n")).collect()),
        ("as an assignment", format!("KEY={base64}\n")),
        ("a UTF-8 mark in front", format!("\u{feff}{pem}")),
        ("base64 alone", base64.clone()),
        ("hexadecimal", secret.der.iter().map(|byte| format!("{byte:02x}")).collect()),
        ("label of a certificate", labelled("CERTIFICATE")),
        ("label of a SEC1 key", labelled("EC PRIVATE KEY")),
        ("label of an RSA key", labelled("RSA PRIVATE KEY")),
        ("label of a public key", labelled("PUBLIC KEY")),
        ("label of an encrypted key", labelled("ENCRYPTED PRIVATE KEY")),
        ("label that is unknown", labelled("SECRET")),
        ("header of an encrypted key", with(begin, &format!("Proc-Type: 4,ENCRYPTED\n\n{base64}"), end)),
        ("another section after a damaged one", format!("{begin}\n{half}*\n{end}\n{pem}")),
    ];
    let wide = |to_bytes: fn(u16) -> [u8; 2]| pem.encode_utf16().flat_map(to_bytes).collect::<Vec<_>>();
    let mut zoo: Vec<_> = texts.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
    zoo.push(("UTF-16, little endian", [&[0xff, 0xfe][..], &wide(u16::to_le_bytes)].concat()));
    zoo.push(("UTF-16, big endian", [&[0xfe, 0xff][..], &wide(u16::to_be_bytes)].concat()));
    zoo.push(("UTF-16 without a mark", wide(u16::to_le_bytes)));
    zoo.push(("DER", secret.der.clone()));
    zoo.push(("DER that is cut off", secret.der[..secret.der.len() / 2].to_vec()));
    zoo.push(("DER after BEGIN", [begin.as_bytes(), b"\n", &secret.der, b"\n", end.as_bytes()].concat()));
    zoo
}

#[test]
fn errors_of_loading_hide_the_key() {
    let whole = Folder::new();
    let pem = whole.read("sdk.key");
    let secret = Secret::of(&pem);
    for (damage, content) in zoo(&pem) {
        for file in ["sdk.key", "sdk.crt", "ca.crt"] {
            let case = format!("{damage}, as {file}");
            let folder = Folder::new();
            if file != "ca.crt" {
                folder.write("sdk.crt", whole.read("sdk.crt"));
            }
            folder.write(file, &content);
            let [ca, cert, key] =
                ["ca.crt", "sdk.crt", "sdk.key"].map(|name| std::fs::read(folder.file(name)).unwrap());
            let memory = CredentialSource::Pem { ca, cert, key: key.into() };
            secret.assert_hidden(&format!("{memory:?} {memory:#?}"), &case);
            for source in [folder.source(), memory] {
                for loaded in [Credentials::load(&source), Credentials::load_any_date(&source)] {
                    match loaded {
                        Err(error) => secret.assert_hidden_by(&error, &case),
                        Ok(credentials) => {
                            let connector = RustlsConnector::new(&credentials);
                            secret.assert_hidden(&format!("{credentials:?} {connector:?}"), &case);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn texts_of_the_command_hide_the_key() {
    let place = TempDir::new().unwrap();
    let folder = Folder::new();
    let pem = folder.read("sdk.key");
    let secret = Secret::of(&pem);
    for (damage, content) in zoo(&pem) {
        folder.write("sdk.key", content);
        let path = folder.path().to_str().unwrap();
        for verb in [&["publish", "127.0.0.1:1", "topic", "text"][..], &["doctor", "127.0.0.1:1"]] {
            let arguments = [verb, &["--json", "--credentials", path]].concat();
            let ended = Program::start(COMMAND, &arguments, place.path()).end();
            assert_ne!(ended.code, 2, "{arguments:?}: {:?}", ended.stderr);
            let text = [ended.stdout, ended.stderr].concat().join("\n");
            secret.assert_hidden(&text, &format!("{damage}, {verb:?}"));
        }
    }
}

#[tokio::test]
async fn records_of_a_renewal_hide_the_key() {
    let (log, _collecting) = Log::collect("trace");
    let devnet = Devnet::builder().nodes(1).start().await.unwrap();
    let folder = TempDir::new().unwrap();
    write_all(folder.path(), devnet.credentials());
    let pem = std::fs::read_to_string(folder.path().join("sdk.key")).unwrap();
    let secret = Secret::of(&pem);
    let builder = Client::builder().credentials(folder.path()).endpoint(devnet.node(0).endpoint());
    let builder = builder.runtime(tokio::runtime::Handle::current());
    let builder = builder.reconnect_min(Duration::from_millis(1)).reconnect_max(Duration::from_millis(50));
    let client = builder.connect().await.unwrap();
    let mut events = client.events();
    for (damage, content) in zoo(&pem) {
        std::fs::write(folder.path().join("sdk.key"), content).unwrap();
        log.clear();
        devnet.node(0).cut_sessions();
        let reconnected = async {
            while !matches!(events.next().await.expect("the client is open"), Event::Reconnected { .. }) {}
        };
        tokio::time::timeout(GUARD, reconnected).await.expect("the client reconnects with the old key");
        secret.assert_hidden(&log.text(), damage);
    }
    let text = log.text();
    assert!(text.contains("WARN") && text.contains("sdk.key"), "the last renewal failed: {text}");
}
