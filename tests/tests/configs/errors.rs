//! Errors of files that can't be used: each names the file, the line and the key.

use amop::ErrorKind;

use super::parse;

/// Checks that a file is refused, with these parts in the text of the error.
fn refused(name: &str, content: impl AsRef<[u8]>, parts: &[&str]) {
    let content = content.as_ref();
    let shown = String::from_utf8_lossy(content);
    let error = parse(name, content).expect_err(&shown);
    let text = error.to_string();
    assert!(text.contains(&format!("app/{name}")), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing: {text}");
    }
    assert!(matches!(error.kind(), ErrorKind::InvalidArgument | ErrorKind::Unsupported), "{error:?}");
}

#[test]
fn java_sdk_contradictions_name_line_and_key() {
    let head = "[cryptoMaterial]\ncertPath = \"conf\"\n[network]\npeers = [\"a:1\"]\n";
    let both =
        format!("{head}[[amop]]\ntopicName = \"t\"\npublicKeys = [\"a.pem\"]\nprivateKey = \"b.pem\"\n");
    refused("config.toml", both, &["line 8", "amop[0].privateKey", "publicKeys"]);
    let neither = format!("{head}[[amop]]\ntopicName = \"t\"\n");
    refused("config.toml", neither, &["line 6", "amop[0].topicName", "neither"]);
    let nameless = format!("{head}[[amop]]\npublicKeys = [\"a.pem\"]\n");
    refused("config.toml", nameless, &["line 5", "amop[0]", "topicName"]);
    refused("config.toml", "[network]\npeers = [\"a\"]\n", &["line 2", "network.peers[0]", "port"]);
    refused("config.toml", "[network]\npeers = \"a:1\"\n", &["line 2", "network.peers", "list"]);
    let hsm = "[cryptoMaterial]\ncryptoProvider = \"hsm\"\n[network]\npeers = [\"a:1\"]\n";
    refused("config.toml", hsm, &["line 2", "cryptoMaterial.cryptoProvider", "hardware"]);
}

#[test]
fn placeholders_are_refused_where_they_are_used() {
    let used = "[cryptoMaterial]\ncertPath = \"${CERT_PATH}\"\n[network]\npeers = [\"a:1\"]\n";
    refused("config.toml", used, &["line 2", "cryptoMaterial.certPath", "${CERT_PATH}", "placeholder"]);
    let unused = "[cryptoMaterial]\ncertPath = \"conf\"\n[network]\npeers = [\"a:1\"]\n[account]\npassword = \"${P}\"\n";
    assert!(parse("config.toml", unused).is_ok());
}

#[test]
fn encodings_are_named() {
    let text = "[network]\r\npeers = [\"a:1\"]\r\n";
    let units = |text: &str| text.encode_utf16().collect::<Vec<_>>();
    let little: Vec<u8> = [0xfeff].into_iter().chain(units(text)).flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = [0xfeff].into_iter().chain(units(text)).flat_map(u16::to_be_bytes).collect();
    let without_mark: Vec<u8> = units(text).into_iter().flat_map(u16::to_le_bytes).collect();
    for content in [little, big, without_mark] {
        refused("config.toml", content, &["UTF-16"]);
    }
    refused("config.toml", b"# ok\n# \xc4\xe3\xba\xc3\n", &["line 2", "UTF-8", "GBK"]);
    for content in ["", "\n \n", "\u{feff}"] {
        refused("config.toml", content, &["empty"]);
    }
    // A byte order mark of UTF-8 and CRLF are read over.
    let config = parse("config.toml", format!("\u{feff}{text}")).expect("the text is good");
    assert_eq!(config.settings.endpoints, Some(vec!["a:1".to_owned()]));
}

#[test]
fn damaged_files_state_the_line_and_quote_nothing() {
    refused("config.toml", "[network]\npeers = [\"a:1\"\n[account]\npassword = \"secret", &["line", "TOML"]);
    let text = parse("config.toml", "[network]\npassword = secret\n").unwrap_err().to_string();
    assert!(text.contains("line 2") && !text.contains("secret"), "{text}");
    refused("config.toml", "[servers]\nname = \"a\"\n", &["no known kind", "java-sdk"]);
}
