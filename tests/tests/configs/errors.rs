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
    // What stands in front of the reason is the file, the line and the key; the reason names none of them again.
    if let [_, key, reason] = text.splitn(3, ": ").collect::<Vec<_>>()[..] {
        let name = key.rsplit('.').next().expect("it has a part");
        let is_key = !name.contains(' ') && name.parse::<u32>().is_err();
        let named = reason.split(|letter: char| !letter.is_alphanumeric() && !"_-[]".contains(letter));
        assert!(!is_key || named.filter(|word| *word == name).count() == 0, "{name} is named twice: {text}");
        assert!(!reason.contains(&format!("app/{name}")) && !reason.contains(", line "), "{text}");
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

#[test]
fn go_sdk_needs_the_channel() {
    let connection = "[[Network.Connection]]\nNodeURL = \"127.0.0.1:20200\"\nGroupID = 1\n";
    refused(
        "config.toml",
        format!("[Network]\nType = \"rpc\"\n{connection}"),
        &["line 2", "Network.Type", "channel"],
    );
    refused("config.toml", format!("[Network]\n{connection}"), &["Network.Type", "rpc"]);
    let inline = "[Network]\nType = \"channel\"\nCAContext = \"a\"\nKeyContext = \"b\"\n";
    refused(
        "config.toml",
        format!("{inline}{connection}"),
        &["Network.CertContext", "CAContext and KeyContext"],
    );
    let empty = "[Network]\nType = \"channel\"\nCAContext = \"a\"\nCertContext = \"b\"\nKeyContext = \"\"\n";
    refused("config.toml", format!("{empty}{connection}"), &["line 5", "Network.KeyContext", "empty"]);
    let url = "[Network]\nType = \"channel\"\n[[Network.Connection]]\nNodeURL = \"http://127.0.0.1:8545\"\n";
    refused("config.toml", url, &["line 4", "Network.Connection[0].NodeURL"]);
}

#[test]
fn java_sdk_3x_contradictions_name_line_and_key() {
    let sm = "[cryptoMaterial]\nuseSMCrypto = \"false\"\nenSslKey = \"a\"\n[network]\npeers = [\"a:1\"]\n";
    refused("config.toml", sm, &["line 3", "cryptoMaterial.enSslKey", "useSMCrypto"]);
    let flag = "[cryptoMaterial]\nuseSMCrypto = \"yes\"\n[network]\npeers = [\"a:1\"]\n";
    refused("config.toml", flag, &["line 2", "useSMCrypto", "true or false"]);
    let time = "[network]\nmessageTimeout = \"0\"\npeers = [\"a:1\"]\n";
    refused("config.toml", time, &["line 2", "network.messageTimeout", "above 0"]);
}

#[test]
fn ini_faults_name_the_line() {
    let peers = "[peers]\nnode.0 = a:1\n";
    refused("config.ini", format!("{peers}node.0 = b:1\n"), &["line 3", "above"]);
    refused("config.ini", format!("{peers}[peers]\n"), &["line 3", "above"]);
    refused("config.ini", format!("{peers}node.1\n"), &["line 3", "key = value"]);
    refused("config.ini", "[peers]\nnode.0 = a\n", &["line 2", "peers.node.0", "port"]);
    refused("config.ini", format!("{peers}[cert]\nssl_type = tls\n"), &["line 4", "cert.ssl_type", "sm_ssl"]);
    refused(
        "config.ini",
        format!("{peers}[common]\nmessage_timeout_ms = 10s\n"),
        &["line 4", "whole number"],
    );
    refused("config.ini", "[peers]\nnode.0 = 127.0.0.1: 20200\n", &["line 2", "write \"127.0.0.1:20200\""]);
    refused("config.ini", format!("{peers}[common]\ndisable_ssl = yes\n"), &["line 4", "true or false"]);
    // What is behind a value belongs to it, as for the SDK.
    refused("config.ini", "[peers]\nnode.0 = a:1 ; first\n", &["line 2", "peers.node.0"]);
}

#[test]
fn json_faults_name_the_line() {
    refused("config.json", "{\n\"a\": 1,\n}", &["line 3", "JSON"]);
    refused("config.json", "{\n\"a\": ", &["ends too early"]);
    refused("config.json", "{\"nodes\": [],\n\"nodes\": []}", &["line 2", "above"]);
    refused("config.json", "{\"a\": 1}", &["no known kind", "authentication"]);
    let files = "\"authentication\": {\"ca\": \"a\", \"cert\": \"b\"}";
    refused("config.json", format!("{{\"nodes\": [],\n{files}}}"), &["authentication.key", "missing"]);
    let nodes = "{\"authentication\": {},\n\"nodes\": [\n{\"ip\": \"a\"}]}";
    refused("config.json", nodes, &["line 3", "nodes[0]", "port"]);
    let deep = format!("{{\"nodes\": {}{}}}", "[".repeat(100), "]".repeat(100));
    refused("config.json", deep, &["nested too deeply"]);
}

#[test]
fn xml_faults_name_the_line() {
    let name = "applicationContext.xml";
    refused(name, "<beans>\n<bean>\n</beans>", &["line", "XML"]);
    refused(
        name,
        "<beans>\n<bean id='a' class='A'/>\n<bean id='a' class='A'/></beans>",
        &["line 3", "above"],
    );
    refused(name, "<project/>", &["line 1", "<beans>"]);
    refused(name, "<beans/>", &["GroupChannelConnectionsConfig"]);
    let entity = "<!DOCTYPE beans [<!ENTITY n \"node\">]>\n<beans><bean class='a.GroupChannelConnectionsConfig'>\n\
                  <property name='caCert'><value>&n;</value></property></bean></beans>";
    refused(name, entity, &["line 3", "DOCTYPE"]);
    let placeholder = "<beans>\n<bean class='a.GroupChannelConnectionsConfig'>\n\
                       <property name='caCert' value='${ca}'/></bean></beans>";
    refused(name, placeholder, &["line 3", "caCert", "${ca}"]);
    let deep = format!("<beans>{}", "<a>".repeat(100_000));
    refused(name, deep, &["nested too deeply"]);
}

#[test]
fn python_is_read_and_never_run() {
    let head = "class client_config:\n    channel_host = \"a\"\n";
    for (line, what) in [
        ("    channel_port = int(\"20200\")\n", "assignments of literals"),
        ("    channel_ca = curdir + \"/ca.crt\"\n", "assignments of literals"),
        ("    channel_ca = f\"{x}/ca.crt\"\n", "assignments of literals"),
        // As templates of 2019 have it.
        ("    solc_path = os.environ[\"HOME\"] + \"/solc\"\n", "assignments of literals"),
        ("    channel_ca = os.path.join(\"a\", \"b\")\n", "assignments of literals"),
        ("    def f(self): pass\n", "assignments of literals"),
        ("    channel_ca == \"a\"\n", "assignments of literals"),
        ("    channel_ca = undefined\n", "assignments of literals"),
        ("    channel_port = 0x10 if 1 else 2\n", "assignments of literals"),
        ("    channel_ca = \"a\n", "no end"),
        ("    channel_ca = \"\"\"a\n", "no end"),
    ] {
        refused("client_config.py", format!("{head}{line}"), &["line 3", what]);
    }
    let rpc = format!("{head}    client_protocol = \"rpc\"\n");
    refused("client_config.py", rpc, &["line 3", "client_protocol", "channel"]);
    refused("client_config.py", "class client_config:\n    x = 1\n", &["channel_host", "missing"]);
}

#[test]
fn our_own_file_names_unknown_and_invalid_options() {
    let name = "amop.toml";
    refused(name, "call_timout = \"5s\"\n", &["line 1", "call_timout", "call_timeout"]);
    refused(name, "endpoints = [\"a:1\"]\ncall_timeout = 5\n", &["line 2", "call_timeout", "5s"]);
    refused(name, "call_timeout = \"0\"\n", &["line 1", "call_timeout", "above 0"]);
    refused(name, "max_events = 0\n", &["line 1", "max_events", "above 0"]);
    let twice = "credentials = \"a\"\ncredential_files = [\"a\", \"b\", \"c\"]\n";
    refused(name, twice, &["line 2", "contradicts"]);
    refused(name, "credential_files = [\"a\", \"b\"]\n", &["line 1", "ca, cert, key"]);
    let topic = "[[private_topic]]\ntopic = \"t\"\n";
    refused(name, format!("{topic}allow = [\"a\"]\nkey = \"b\"\n"), &["line 4", "key", "contradicts"]);
    refused(name, format!("{topic}alow = [\"a\"]\n"), &["line 3", "alow"]);
    refused(name, format!("{topic}key = \"a\"\npassword = {{ var = \"X\" }}\n"), &["line 4", "env"]);
}

#[test]
fn file_cut_at_any_byte_is_read_or_refused() {
    for file in std::fs::read_dir(super::path("")).expect("the folder is there") {
        let path = file.expect("the folder can be read").path();
        let content = std::fs::read(&path).expect("the file can be read");
        for length in (0..content.len()).step_by(7) {
            amop_tests::invariants::config("", &content[..length], "");
        }
    }
}

#[test]
fn number_of_keys_is_bounded() {
    let keys = |line: &dyn Fn(usize) -> String| (0..20_000).map(line).collect::<String>();
    let ini = keys(&|n| format!("k{n} = a\n"));
    refused("config.ini", format!("[peers]\nnode.0 = a:1\n{ini}"), &["more than 10000 keys"]);
    let python = keys(&|n| format!("    k{n} = 1\n"));
    refused("client_config.py", format!("class client_config:\n{python}"), &["more than 10000 keys"]);
    let json = keys(&|n| format!("\"k{n}\": 1,"));
    refused("config.json", format!("{{{json}\"last\": 1}}"), &["more than 10000 keys"]);
    let xml = keys(&|n| format!(" a{n}=''"));
    refused("applicationContext.xml", format!("<beans{xml}/>"), &["more than 100 attributes"]);
}

#[test]
fn changed_file_is_read_or_refused() {
    const PIECES: [&str; 16] = [
        "\"", "'''", "[[", "]]", "{", "}", "=", "\n", "\\", "<bean>", "</", "&", "${", "\u{202e}", "\0",
        "key",
    ];
    for file in std::fs::read_dir(super::path("")).expect("the folder is there") {
        let path = file.expect("the folder can be read").path();
        let content = std::fs::read(&path).expect("the file can be read");
        for seed in 0..ROUNDS {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut changed = content.clone();
            for _ in 0..random.usize(1..6) {
                let from = random.usize(..=changed.len());
                let to = (from + random.usize(..8)).min(changed.len());
                let piece = PIECES[random.usize(..PIECES.len())].bytes();
                changed.splice(from..to, piece);
            }
            amop_tests::invariants::config("", &changed, "");
        }
    }
}

/// How often each file is changed.
const ROUNDS: u64 = 100;
